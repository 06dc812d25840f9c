"""What the transformers share: columns are coded, tables fitted to them, and rows encoded."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from skensemble.preprocessing._coder import TableCoder
from skensemble.preprocessing._features import encode_rows, feature_names
from skensemble.preprocessing._fitting import fit_tables


class BaseColumnEncoder(TransformerMixin, BaseEstimator):
    """Encode each column of a table by itself.

    A sibling says what its columns are encoded by (`_fit_arguments`), and which columns may be
    categories (`_categorical_features`).
    """

    _categorical_features: Any = None

    def _fit_arguments(self) -> dict[str, Any]:
        """Return keyword arguments of `fit_tables`, checked."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> "BaseColumnEncoder":
        """Learn what the columns are encoded by.

        Parameters
        ----------
        X : DataFrame, array-like or Tensor of shape (n_samples, n_columns)
            Rows; None, nan, NA and null are missing values.
        y : None
            Ignored.

        Returns
        -------
        self : object
            Fitted.

        Raises
        ------
        InvalidParameterError
            If an argument or a column breaks its rule: infinities, dates and nested values are
            refused.
        """
        arguments = self._fit_arguments()
        self._coder = TableCoder(self._categorical_features).fit(X, self)
        coded = self._coder.transform(X, self)
        self.tables_ = fit_tables(coded, self._coder.n_levels_, **arguments)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : DataFrame, array-like or Tensor of shape (n_samples, n_columns)
            Columns of a DataFrame are found by their names, in any order.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features)
            float32; 0 where a value is missing.

        Raises
        ------
        InvalidParameterError
            If a column holds text where it held numbers, or an infinity.
        """
        check_is_fitted(self)
        return self._encode(self._coder.transform(X, self))

    def _encode(self, coded: np.ndarray) -> np.ndarray:
        """Return the features of coded rows."""
        return encode_rows(self.tables_, coded)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return what the features are called.

        Parameters
        ----------
        input_features : array-like of str of shape (n_columns,), default=None
            Names of the columns, for a table that had none; ``x0``, ``x1`` and so on by default.

        Returns
        -------
        names : ndarray of str of shape (n_features,)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return feature_names(self.tables_, self._coder, names)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
