"""Encodings of numbers, each by itself."""

from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from skensemble._checks import check_int
from skensemble.preprocessing._base import BaseColumnEncoder
from skensemble.preprocessing._features import encode_rows

ALONE = {"values": False, "normals": False, "indicators": False}
"""What `fit_tables` leaves out of tables of one kind of features."""


class _OneToOneEncoder(OneToOneFeatureMixin, BaseColumnEncoder):
    """Encode each column as one; a column of one value is 0."""

    def _encode(self, coded: np.ndarray) -> np.ndarray:
        features = np.zeros_like(coded)
        features[:, list(self.tables_.columns)] = encode_rows(self.tables_, coded)
        return features


class RobustClipper(_OneToOneEncoder):
    """Scale numbers by their quartiles, and bend those far out towards a bound.

    A number becomes z / sqrt(1 + (z / 3)^2) with z = (x - median) / (distance of the quartiles): it
    stays as it is near the median, and never exceeds 3. Where the quartiles are the same, the scale
    is half the range. A column of one value, and a missing value, are 0.

    scikit-learn's `RobustScaler` scales alike but leaves outliers as far out as they are, which
    upsets a net, and does not scale a column whose quartiles are the same.

    Attributes
    ----------
    tables_ : EncodingTables
        What rows are encoded by.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str of shape (n_columns,)
        Their names, where they had names.

    See Also
    --------
    RankNormalizer : Keeps the order of numbers alone.
    TableEncoder : All columns of a table at once, categories and missing values as well.

    Examples
    --------
    >>> from skensemble.preprocessing import RobustClipper
    >>> print(RobustClipper().fit_transform([[0.0], [1.0], [2.0], [3.0], [1000.0]]).round(2).T)
    [[-0.95 -0.49  0.    0.49  3.  ]]
    """

    def _fit_arguments(self) -> dict[str, Any]:
        return ALONE | {"values": True}


class RankNormalizer(_OneToOneEncoder):
    """Turn numbers into the normal quantile of their rank, cut at 3.5 either way.

    The rank of x is (#{training rows < x} + #{training rows <= x}) / (2n), so that equal values
    have one rank in the middle of theirs. It is exact at the values of the training rows, or at
    1,000 of them where there are more, and lies on lines between. Below the least value it is
    -3.5, above the largest 3.5. A column of one value, and a missing value, are 0.

    scikit-learn's `QuantileTransformer(output_distribution="normal")` sends the least and the
    largest training value themselves to its bounds, -5.2 and 5.2, however few the rows are: here
    these are as far out as their ranks say. It also keeps missing values, and float64.

    Attributes
    ----------
    tables_ : EncodingTables
        What rows are encoded by.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str of shape (n_columns,)
        Their names, where they had names.

    See Also
    --------
    RobustClipper : Keeps the distances of numbers.
    RankCosines : Many features of the same rank.

    Notes
    -----
    Ranks of more than 100,000 rows are those among 100,000, spread evenly.

    Examples
    --------
    >>> from skensemble.preprocessing import RankNormalizer
    >>> print(RankNormalizer().fit_transform([[1.0], [1.0], [2.0], [1000.0]]).round(2).T)
    [[-0.67 -0.67  0.32  1.15]]
    """

    def _fit_arguments(self) -> dict[str, Any]:
        return ALONE | {"normals": True}


class PiecewiseLinearEncoder(BaseColumnEncoder):
    """Encode a number by how far it has come in each of its bins.

    In a bin from a to b the feature is clip((x - a) / (b - a), 0, 1) - 1/2. A net that is linear in
    these is piecewise linear in x, with a slope of its own in each bin [1]_. Bins lie between
    quantiles of the training rows; where these tie, other values of the column are edges as well,
    and where a column has few values, those are the edges. A column of one value has no bins, and a
    missing value is 0 in all.

    scikit-learn's `KBinsDiscretizer` says which bin a number is in, and forgets where; bins between
    quantiles that tie are lost there.

    Parameters
    ----------
    n_bins : int, default=16
        Bins of a column, at most.

    Attributes
    ----------
    tables_ : EncodingTables
        What rows are encoded by.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str of shape (n_columns,)
        Their names, where they had names.

    See Also
    --------
    RankCosines : Smooth features, which see each number from afar.
    AtomEncoder : Single values that many rows share.

    Notes
    -----
    Quantiles of more than 100,000 rows are those of 100,000, spread evenly.

    References
    ----------
    .. [1] Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep
       Learning", NeurIPS 2022.

    Examples
    --------
    >>> from skensemble.preprocessing import PiecewiseLinearEncoder
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit([[0.0], [1.0], [3.0]])
    >>> encoder.transform([[0.5], [2.0]]).tolist()
    [[0.0, -0.5], [0.5, 0.0]]
    """

    def __init__(self, n_bins: int = 16) -> None:
        self.n_bins = n_bins

    def _fit_arguments(self) -> dict[str, Any]:
        return ALONE | {"n_bins": check_int("n_bins", self.n_bins, 1)}


class RankCosines(BaseColumnEncoder):
    """Encode a number by cosines of its rank, the fast ones smaller than the slow ones.

    They are cos(pi m u) m^-0.7 for m from 1 to `n_cosines`. The rank u is that of `RankNormalizer`,
    from 0 to 1. A column of one value has no features, and a missing value is 0 in all.
    scikit-learn has no such encoding; its `SplineTransformer` places bumps on the numbers
    themselves.

    Parameters
    ----------
    n_cosines : int, default=24
        Cosines of a column.

    Attributes
    ----------
    tables_ : EncodingTables
        What rows are encoded by.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str of shape (n_columns,)
        Their names, where they had names.

    See Also
    --------
    PiecewiseLinearEncoder : Features with edges, where a net may bend at once.

    Notes
    -----
    Ranks of more than 100,000 rows are those among 100,000, spread evenly.

    Examples
    --------
    >>> from skensemble.preprocessing import RankCosines
    >>> encoder = RankCosines(n_cosines=2).fit([[1.0], [2.0], [3.0]])
    >>> print(encoder.transform([[0.0], [2.0], [4.0]]).round(2))
    [[ 1.    0.62]
     [-0.   -0.62]
     [-1.    0.62]]
    """

    def __init__(self, n_cosines: int = 24) -> None:
        self.n_cosines = n_cosines

    def _fit_arguments(self) -> dict[str, Any]:
        return ALONE | {"n_cosines": check_int("n_cosines", self.n_cosines, 1)}


class AtomEncoder(BaseColumnEncoder):
    """Indicate the values of a number that many rows share, such as the 0 of an amount.

    A column of more than 17 values has an indicator for each of up to `n_atoms` values that at
    least 20 rows, and at least one row in 500, share. Other columns have none: they are few enough
    for `PiecewiseLinearEncoder` to tell all values apart. A column without atoms has no features;
    nor has a table of such columns.

    scikit-learn's `OneHotEncoder(max_categories=...)` would indicate rare values as one group,
    which is most rows of such a column.

    Parameters
    ----------
    n_atoms : int, default=24
        Values of a column with an indicator, at most: the most frequent ones.

    Attributes
    ----------
    tables_ : EncodingTables
        What rows are encoded by.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str of shape (n_columns,)
        Their names, where they had names.

    See Also
    --------
    TableEncoder : All columns of a table at once, categories and missing values as well.

    Notes
    -----
    Of more than 100,000 rows, 100,000 are counted, spread evenly.

    Examples
    --------
    >>> import numpy as np
    >>> from skensemble.preprocessing import AtomEncoder
    >>> encoder = AtomEncoder().fit(np.append(np.zeros(20), np.arange(20))[:, None])
    >>> encoder.get_feature_names_out().tolist()
    ['x0_is_0']
    >>> encoder.transform([[0.0], [1.0]]).tolist()
    [[1.0], [0.0]]
    """

    def __init__(self, n_atoms: int = 24) -> None:
        self.n_atoms = n_atoms

    def _fit_arguments(self) -> dict[str, Any]:
        return ALONE | {"n_atoms": check_int("n_atoms", self.n_atoms, 1)}
