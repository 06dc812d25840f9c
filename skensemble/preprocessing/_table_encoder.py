"""All columns of a table, encoded as a net learns best from them."""

from typing import Any

from skensemble._checks import check_int, reject
from skensemble.preprocessing._base import BaseColumnEncoder

KINDS = ("values", "normals", "bins", "cosines", "atoms")
"""What numbers may be encoded as."""


class TableEncoder(BaseColumnEncoder):
    """Encode the columns of a table, numbers and categories, as the features a net learns from.

    Numbers are encoded in several ways at once, one by each of `numbers`. A category of two levels
    is -1 or 1; one of more has an indicator for each level. A level that was not in `fit` is 0 in
    all of them. So is a missing value, which has an indicator of its own where the column had
    missing values in `fit`. Columns of one value are left out.

    scikit-learn's `OneHotEncoder` and `OrdinalEncoder` do a part of this: they would each check and
    copy their columns of a DataFrame anew, and join float64 in a `ColumnTransformer`. Here a row
    takes one pass from the frame to float32.

    Parameters
    ----------
    numbers : tuple of str, default=("values", "normals", "bins", "atoms")
        Features of numbers: "values" as by `RobustClipper`, "normals" as by `RankNormalizer`,
        "bins" as by `PiecewiseLinearEncoder`, "cosines" as by `RankCosines`, "atoms" as by
        `AtomEncoder`. Features always stand in this order.
    n_bins : int, default=16
        Bins of a number, at most.
    n_cosines : int, default=24
        Cosines of a number.
    n_atoms : int, default=24
        Values of a number with an indicator of their own, at most.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns are categories. "from_dtype" are those of strings, of bools, of a dtype of
        levels, and of objects that are not all numbers. A list of names or indices, or a mask,
        makes these categories, numbers too; strings and dtypes of levels still are. With None there
        are none, and strings are refused.

    Attributes
    ----------
    tables_ : EncodingTables
        What rows are encoded by; a `skensemble.modules.TableEncoding` of it is a layer of a net.
    columns_ : tuple of int of length n_features
        The column that each feature encodes, as ``MLP(columns=...)`` takes it.
    categories_ : list of ndarray or None
        Sorted levels of each column, None for numbers.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str of shape (n_columns,)
        Their names, where they had names.

    See Also
    --------
    PiecewiseLinearEncoder : Bins of numbers alone.

    Notes
    -----
    Features are dense, up to 42 for each number: of a large table, encode some rows at a time.
    Quantiles, ranks and atoms of more than 100,000 rows are those of 100,000, spread evenly.

    Text of more than 255 levels is refused, and of more than 30 of which nearly every row has its
    own: skrub's ``TableVectorizer`` makes numbers of it, and of dates.

    Examples
    --------
    >>> from skensemble.preprocessing import TableEncoder
    >>> X = [[39, "private"], [50, "state"], [None, "private"], [28, "self"]]
    >>> encoder = TableEncoder(numbers=("values",)).fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['x0_value', 'x1_private', 'x1_self', 'x1_state', 'x0_missing']
    >>> encoder.transform([[39, "state"], [None, "other"]]).tolist()
    [[0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]
    >>> encoder.columns_
    (0, 1, 1, 1, 0)
    """

    def __init__(
        self,
        numbers: tuple[str, ...] = ("values", "normals", "bins", "atoms"),
        n_bins: int = 16,
        n_cosines: int = 24,
        n_atoms: int = 24,
        categorical_features: Any = "from_dtype",
    ) -> None:
        self.numbers = numbers
        self.n_bins = n_bins
        self.n_cosines = n_cosines
        self.n_atoms = n_atoms
        self.categorical_features = categorical_features

    @property
    def _categorical_features(self) -> Any:
        return self.categorical_features

    def _fit_arguments(self) -> dict[str, Any]:
        numbers = self.numbers
        is_list = isinstance(numbers, list | tuple)
        if not is_list or not numbers or not all(kind in KINDS for kind in numbers):
            raise reject("numbers", f"one or more of {KINDS}", numbers)
        counts = {
            name: check_int(name, getattr(self, name), 1)
            for name in ("n_bins", "n_cosines", "n_atoms")
        }
        own = {name: n if name.removeprefix("n_") in numbers else 0 for name, n in counts.items()}
        return {"values": "values" in numbers, "normals": "normals" in numbers, **own}

    def fit(self, X: Any, y: Any = None) -> "TableEncoder":
        """Learn what the columns are encoded by.

        Parameters
        ----------
        X : DataFrame, array-like or Tensor of shape (n_samples, n_columns)
            Rows; None, nan, NA and null are missing values.
        y : None
            Ignored.

        Returns
        -------
        self : TableEncoder

        Raises
        ------
        InvalidParameterError
            If an argument or a column breaks its rule: infinities, dates, nested values and text of
            many values are refused.
        """
        super().fit(X)
        self.columns_ = self.tables_.columns
        self.categories_ = self._coder.categories_
        return self
