"""Rows and targets that no net takes are answered with what to do."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.utils.fixes import parse_version
from torch.utils.data import DataLoader, TensorDataset

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.data._explained import check_not_missing, explained

N = 12
AGE, COLOUR = np.linspace(0, 1, N), np.array(["red", "blue", "green"] * (N // 3), dtype=object)
FRAME = pd.DataFrame({"age": AGE, "colour": COLOUR, "size": COLOUR[::-1]}, index=range(5, N + 5))
MIXED = FRAME.to_numpy()
X = np.c_[AGE, AGE**2]
Y = np.arange(N) % 2


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        (FRAME, "columns 'colour', 'size', such as 'red'"),
        (FRAME.astype({"colour": "category"}).iloc[:, :2], "column 'colour', such as 'red'"),
        (FRAME.astype({"colour": "string"}).iloc[:, :2], "column 'colour', such as 'red'"),
        (MIXED, "columns 1, 2, such as 'red'"),
        (MIXED.astype(str), "columns 1, 2, such as 'red'"),
        (MIXED[:, :2].tolist(), "column 1, such as 'red'"),
        (np.c_[MIXED, MIXED, MIXED, MIXED], "columns 1, 2, 4, 5, 7 and 3 more, such as 'red'"),
    ],
)
def test_text_is_named_with_its_column_and_an_encoder(rows, where):
    with pytest.raises(InvalidParameterError, match=f"X must hold numbers, got text in {where}. "):
        NetClassifier().fit(rows, Y)
    with pytest.raises(InvalidParameterError, match=r"OneHotEncoder\(\), \[.*TableVectorizer"):
        NetClassifier().fit(rows, Y)


def test_text_in_prediction_is_named_too():
    net = NetClassifier(max_epochs=1, module__hidden_units=()).fit(MIXED[:, :1], Y)
    with pytest.raises(InvalidParameterError, match="got text in column 0"):
        net.predict(MIXED[:, 1:2])


@pytest.mark.parametrize("kind", ["datetime64[ns]", object])
def test_dates_are_to_become_numbers(kind):
    days = pd.date_range("2020-01-01", periods=N, freq="D").astype(kind)
    frame = pd.DataFrame({"age": AGE, "day": days})
    with pytest.raises(InvalidParameterError, match=r"got dates in column 'day', such as .*2020"):
        NetClassifier().fit(frame, Y)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (DataLoader(TensorDataset(torch.tensor(X))), "X must be rows, got a DataLoader"),
        (np.c_[X, AGE + np.inf], "Input X contains infinity"),
        ([[{"a": 1}, 1.0]] * N, "float.. argument must be a string or a real number"),
        (AGE, "Expected 2D array"),
    ],
)
def test_other_rows_are_told_of_as_they_are(rows, message):
    with pytest.raises((ValueError, TypeError), match=message):
        NetClassifier().fit(rows, Y)


@pytest.mark.parametrize(
    "y", [np.c_[Y, 1 - Y], np.c_[Y, 1 - Y].tolist(), pd.DataFrame([[0, 1]] * N)]
)
def test_several_columns_of_labels_name_multi_output_classifier(y):
    with pytest.raises(InvalidParameterError, match=r"got 2\. .*MultiOutputClassifier.*argmax"):
        NetClassifier().fit(X, y)


NEEDS_NUMPY_2 = pytest.mark.skipif(
    parse_version(np.__version__) < parse_version("2"),
    reason="with NumPy 1, scikit-learn itself fails over NA among strings",
)


@pytest.mark.parametrize(
    ("y", "n_missing"),
    [
        ([None] * N, N),
        ([None, *["a", "b"] * 5, "a"], 1),
        (np.array([np.nan, *["a", "b"] * 5, "a"], dtype=object), 1),
        (pd.Series(["a", None, "b"] * 4, dtype="category"), 4),
        pytest.param(pd.Series(["a", None] * 6, dtype="string"), 6, marks=NEEDS_NUMPY_2),
    ],
)
def test_missing_labels_are_counted(y, n_missing):
    message = f"y must hold a target for each row, got {n_missing} of 12 missing"
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier().fit(X, y)


@pytest.mark.parametrize("n_missing", [1, N])
def test_missing_targets_are_counted(n_missing):
    y = [None] * n_missing + [1.0] * (N - n_missing)
    message = f"y must hold a target for each row, got {n_missing} of 12 missing"
    with pytest.raises(InvalidParameterError, match=message):
        NetRegressor().fit(X, y)
    with pytest.raises(InvalidParameterError, match=message):
        NetRegressor().fit(X, [[value, 1.0] for value in y])
    with pytest.raises(ValueError, match="Input y contains NaN"):
        NetRegressor().fit(X, np.array(y, dtype=float))


def test_labels_for_a_regressor_ask_for_a_classifier():
    with pytest.raises(InvalidParameterError, match="y must hold numbers, got text such as 'red'"):
        NetRegressor().fit(X, COLOUR)


def test_a_row_with_a_missing_target_counts_once():
    with pytest.raises(InvalidParameterError, match="got 2 of 3 missing"):
        check_not_missing(np.array([[np.nan, np.nan], [0.0, np.nan], [0.0, 1.0]]))
    check_not_missing(np.ones(3))


def test_errors_of_ours_and_of_unknown_rows_pass():
    with pytest.raises(InvalidParameterError, match=r"^as it is$"), explained(MIXED):
        raise InvalidParameterError("as it is")
    with pytest.raises(ValueError, match=r"^new$"), explained([[1, 2], [3]], [0, [1, 2]]):
        raise ValueError("new")
