"""The border: what rows, targets and weights become, and what is refused."""

import array_api_strict
import numpy as np
import pandas as pd
import pytest
import scipy
import torch
from scipy.sparse import coo_array, csc_array, csr_array, issparse
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils.fixes import parse_version

from skensemble.data import (
    as_numpy,
    check_labelled_rows,
    check_rows,
    check_weights,
    check_whole_rows,
    drop_zero_weight_rows,
    holds_whole_numbers,
)

X = np.arange(6.0).reshape(3, 2)

DISPATCHES = [
    False,
    pytest.param(
        True,
        marks=pytest.mark.skipif(
            parse_version(scipy.__version__) < parse_version("1.14"),
            reason="scikit-learn dispatches with SciPy 1.14 or later",
        ),
    ),
]


def learn(rows, **settings):
    return check_rows(BaseEstimator(), rows, **({"dtype": np.float32, "reset": True} | settings))


def learn_labelled(y, *, classify, rows=X, estimator=None):
    estimator = estimator or BaseEstimator()
    return check_labelled_rows(estimator, rows, y, dtype=np.float32, classify=classify, reset=True)


@pytest.mark.parametrize("dispatches", DISPATCHES)
@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        np.ndarray.tolist,
        torch.tensor,
        lambda X: torch.tensor(X).requires_grad_(True),
        pd.DataFrame,
        array_api_strict.asarray,
        np.asfortranarray,
    ],
)
def test_rows_of_any_kind_become_an_array_row_by_row(make, dispatches):
    with config_context(array_api_dispatch=dispatches):
        rows = learn(make(X))
    assert type(rows) is np.ndarray
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert (rows == X).all()


@pytest.mark.parametrize("make", [csc_array, coo_array])
def test_sparse_rows_stay_sparse_in_a_form_that_can_be_cut(make):
    rows = learn(make(X))
    assert issparse(rows)
    assert rows.format == "csr"
    assert (rows.toarray() == X).all()


def test_rows_may_have_several_axes():
    images = np.zeros((3, 2, 4, 4))
    assert learn(images).shape == images.shape


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (X[:, 0], "Expected 2D array, got 1D array"),
        (X[:0], "Found array with 0 sample"),
        (np.where(X == 3, np.nan, X), "contains NaN"),
        (np.where(X == 3, np.inf, X), "contains infinity"),
        (X.astype(str).astype(object) + "?", "X must hold numbers, got text in columns 0, 1"),
    ],
)
def test_bad_rows_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        learn(rows)
    with pytest.raises(ValueError, match=message):
        learn_labelled(np.arange(3), classify=True, rows=rows)


def test_an_estimator_learns_its_features_when_it_is_told_to_and_is_held_to_them_else():
    estimator, frame = BaseEstimator(), pd.DataFrame(X, columns=["a", "b"])
    check_rows(estimator, frame, dtype=np.float32, reset=True)
    assert estimator.n_features_in_ == 2
    assert estimator.feature_names_in_.tolist() == ["a", "b"]
    check_rows(estimator, frame, dtype=np.float32)
    with pytest.raises(ValueError, match="feature names should match"):
        check_rows(estimator, frame[["b", "a"]], dtype=np.float32)
    check_rows(estimator, X, dtype=np.float32, reset=True)
    with pytest.raises(ValueError, match="X has 1 features, but BaseEstimator is expecting 2"):
        check_rows(estimator, X[:, :1], dtype=np.float32)
    learn_labelled(np.arange(3), classify=True, rows=X[:, :1], estimator=estimator)
    assert estimator.n_features_in_ == 1


@pytest.mark.parametrize("dispatches", DISPATCHES)
@pytest.mark.parametrize("make", [np.asarray, list, torch.tensor, array_api_strict.asarray])
def test_labels_of_any_kind_become_an_array(make, dispatches):
    with config_context(array_api_dispatch=dispatches):
        rows, y = learn_labelled(make(np.array([2, 0, 2])), classify=True, rows=make(X))
    assert type(rows) is type(y) is np.ndarray
    assert rows.dtype == np.float32
    assert y.tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([1, 0, 1]),
        np.array([1, 0, 1], dtype=np.uint8),
        np.array([True, False, True]),
        np.array(["b", "a", "b"]),
        np.array([b"b", b"a", b"b"]),
        np.array(["b", "a", "b"], dtype=object),
        np.array([1.0, 0.0, 1.0]),
    ],
)
def test_labels_stay_as_they_are(labels):
    _, y = learn_labelled(labels, classify=True)
    assert y.dtype == labels.dtype
    assert (y == labels).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.5, 1.0, 2.2], "Unknown label type: continuous"),
        (np.array([None, 1, 2]), "y must hold a target for each row, got 1 of 3 missing"),
        (np.array([1, "a", 2], dtype=object), "Unknown label type: unknown"),
        ([np.nan, 1.0, 2.0], "contains NaN"),
        (X, r"y must be one column of labels, got 2\."),
        ([0, 1], "inconsistent numbers of samples"),
    ],
)
def test_what_is_no_label_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        learn_labelled(labels, classify=True)


@pytest.mark.parametrize(
    "targets",
    [
        [1, 2, 3],
        np.array([1, 2, 3], dtype=np.float32),
        np.array([1, 2, 3], dtype=object),
        torch.tensor([1.0, 2.0, 3.0], requires_grad=True),
        [[1, 2], [2, 3], [3, 4]],
        [[1], [2], [3]],
    ],
)
def test_targets_of_one_or_more_columns_become_numbers(targets):
    _, y = learn_labelled(targets, classify=False)
    expected = np.array(as_numpy(targets), dtype=np.float64)
    assert y.dtype == np.float64
    assert y.shape == expected.shape
    assert (y == expected).all()


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([np.nan, 1, 2], "contains NaN"),
        (np.array(["a", "b", "c"], dtype=object), "y must hold numbers, got text such as 'a'"),
        (np.zeros((3, 2, 2)), "Found array with dim 3"),
        ([1, 2], "inconsistent numbers of samples"),
    ],
)
def test_what_is_no_target_is_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        learn_labelled(targets, classify=False)


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (None, None),
        ([1, 0, 3], [1, 0, 3]),
        (torch.tensor([1.0, 0.0, 3.0], requires_grad=True), [1, 0, 3]),
        (2.0, [2, 2, 2]),
    ],
)
def test_weights_are_one_for_each_row_or_none(weight, expected):
    found = check_weights(weight, X.astype(np.float32))
    assert (found if found is None else found.tolist()) == expected
    assert found is None or found.dtype == np.float64


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, -1, 1], "Negative values in data passed to `sample_weight`"),
        ([0, 0, 0], "at least one non-zero number"),
        ([1, 2], r"sample_weight.shape == \(2,\), expected \(3,\)"),
        ([1, np.nan, 2], "sample_weight contains NaN"),
    ],
)
def test_bad_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weight, X)


def test_rows_of_weight_0_are_left_out():
    # A weight may be as small as can be.
    weight = np.array([0.5, 0.0, 1e-300])
    rows, y, left = drop_zero_weight_rows(X, np.array(["a", "b", "c"]), weight)
    assert rows.tolist() == [[0, 1], [4, 5]]
    assert y.tolist() == ["a", "c"]
    assert left.tolist() == [0.5, 1e-300]


def test_sparse_rows_of_weight_0_are_left_out():
    rows, _, _ = drop_zero_weight_rows(csc_array(X).tocsr(), np.arange(3), np.array([0.0, 1, 1]))
    assert rows.toarray().tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 3.0])])
def test_nothing_is_copied_where_each_row_counts(weight):
    y = np.arange(3)
    assert all(
        a is b for a, b in zip(drop_zero_weight_rows(X, y, weight), (X, y, weight), strict=True)
    )


def test_what_is_no_tensor_passes_as_it_is():
    rows = [[1, 2]]
    assert as_numpy(rows) is rows


@pytest.mark.parametrize(
    "X",
    [
        np.arange(4).reshape(2, 2),
        np.arange(4, dtype=np.uint16).reshape(2, 2),
        torch.arange(4).reshape(2, 2),
        [[1, 2], [3, 4]],
        pd.DataFrame({"a": [1, 2], "b": np.array([3, 4], dtype=np.int8)}),
    ],
)
def test_ids_and_counts_are_whole_numbers(X):
    assert holds_whole_numbers(X)


@pytest.mark.parametrize(
    "X",
    [
        np.ones((2, 2)),
        np.ones((2, 2), dtype=np.uint8),
        np.ones((2, 2), dtype=bool),
        np.ones((2, 2), dtype=object),
        torch.ones(2, 2),
        torch.ones(2, 2, dtype=torch.uint8),
        torch.ones(2, 2, dtype=torch.bool),
        [[1, 2.5]],
        pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}),
        csr_array(np.ones((2, 2), dtype=int)),
        {"a": np.ones((2, 2), dtype=int)},
    ],
)
def test_floats_bytes_bits_and_sparse_rows_are_not(X):
    assert not holds_whole_numbers(X)


@pytest.mark.parametrize("wrap", [np.asarray, torch.tensor, pd.DataFrame, list, csr_array])
def test_rows_that_have_to_be_whole_may_be_floats_and_have_no_fractions(wrap):
    whole = learn(wrap(X), dtype=np.int64)
    assert whole.dtype == np.int64
    assert ((whole.toarray() if issparse(whole) else whole) == X).all()
    with pytest.raises(ValueError, match=r"^X must hold whole numbers, as in fit, got 0\.25\."):
        learn(wrap(X + 0.25 * (X > 1) - 2.0 * (X == 2)), dtype=np.int64)


@pytest.mark.parametrize("value", [2.0**63, -(2.0**64), 1e300, np.uint64(2**63)])
def test_rows_beyond_int64_are_not_whole(value):
    with pytest.raises(ValueError, match=r"^X_val must hold whole numbers"):
        check_whole_rows(np.array([[value]]), "X_val")
    assert check_whole_rows(np.array([[2**63 - 1]]))[0, 0] == 2**63 - 1
