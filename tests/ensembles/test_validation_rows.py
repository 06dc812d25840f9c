"""Validation rows are named, and a scale of their own is told of."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import DataConversionWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skensemble import InvalidParameterError
from skensemble.ensembles._validation_rows import naming_validation_rows, warn_if_scaled_apart


def is_warned(X, X_val):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warn_if_scaled_apart(X, X_val)
    return bool(warned)


def shares(X, n_val, scaler, n_draws=20):
    """Give how often rows of the same scale, raw rows and transformed ones are told of."""
    counts = np.zeros(3)
    for seed in range(n_draws):
        order = np.random.default_rng(seed).permutation(len(X))
        val, train = X[order[:n_val]], X[order[n_val:]]
        scaler.fit(train)
        pairs = [(train, val), (scaler.transform(train), val), (train, scaler.transform(val))]
        counts += [is_warned(*pair) for pair in pairs]
    return counts / n_draws


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_rows_that_a_pipeline_passed_on_are_told_of(load, scaler):
    same, raw, transformed = shares(load(return_X_y=True)[0], 50, scaler)
    assert same == 0
    assert min(raw, transformed) >= 0.9


@pytest.mark.parametrize("n_val", [1, 3, 10, 40])
def test_rows_of_the_same_scale_are_not_told_of(n_val):
    draw = np.random.default_rng(0)
    for X in (
        load_digits(return_X_y=True)[0],
        draw.normal(size=(200, 5)),
        (draw.random((200, 5)) < 0.5).astype(float),
        draw.standard_cauchy((200, 5)),
    ):
        assert shares(X, n_val, StandardScaler())[0] <= 0.05


def test_half_of_the_features_are_needed_and_constant_ones_do_not_count():
    X = np.random.default_rng(0).normal(size=(100, 4))
    constant = np.c_[X, np.ones((100, 9))]
    assert not is_warned(X, X + [100, 0, 0, 0])
    assert is_warned(X, X + [100, 100, 0, 0])
    assert is_warned(constant, constant + [100, 100, *[0] * 11])
    assert not is_warned(np.ones((9, 2)), np.zeros((9, 2)))


def test_a_spread_counts_from_ten_rows_on():
    X = np.random.default_rng(0).normal(size=(1000, 4))
    assert is_warned(X, X[:100] / 10)
    assert is_warned(X / 10, X[:100])
    assert not is_warned(X, X[:100] / 4)
    assert not is_warned(X, X[:5] / 100)


def test_images_are_one_feature_and_sparse_rows_are_left_alone():
    images = np.random.default_rng(0).integers(0, 255, (50, 4, 4)).astype(float)
    assert is_warned(images / 255, images)
    assert not is_warned(images[:25], images[25:])
    assert not is_warned(csr_matrix(images[:, 0]), csr_matrix(images[:, 0] + 1000))


def test_a_pipeline_is_told_to_transform_the_rows_too(make_classifier):
    X, y = load_iris(return_X_y=True)
    held_out = {"X_val": X[::3], "y_val": y[::3]}
    steps = [("scale", StandardScaler()), ("nets", make_classifier(m="auto"))]
    message = r"X_val and X differ in scale in \d of 4 features: .*transform_input=\['X_val'\]"
    with pytest.warns(UserWarning, match=message):
        Pipeline(steps).fit(X, y, **{f"nets__{name}": v for name, v in held_out.items()})
    with sklearn.config_context(enable_metadata_routing=True):
        nets = make_classifier(m="auto").set_fit_request(X_val=True, y_val=True)
        told = Pipeline([steps[0], ("nets", nets)], transform_input=["X_val"])
        assert told.fit(X, y, **held_out)[-1].validation_scores_[-1] > 0.8


BAD = [
    ({"X_val": np.ones((3, 3))}, r"^X_val has 3 features, but"),
    ({"X_val": np.full((3, 4), np.nan)}, r"^Input X_val contains NaN"),
    ({"X_val": [["a"] * 4] * 3}, r"^X_val must hold numbers, got text in columns 0"),
    ({"y_val": [0, 1, 7]}, r"^y_val must hold classes seen in y"),
    ({"y_val": [[0, 1]] * 3}, r"^y_val must be one column of labels"),
    ({"sample_weight_val": [1.0]}, r"^sample_weight_val\.shape == \(1,\)"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_errors_name_validation_rows(make_classifier, iris, bad, message):
    held_out = {"X_val": iris[0][::60], "y_val": iris[1][::60]} | bad
    with pytest.raises(ValueError, match=message):
        make_classifier().fit(*iris, **held_out)


def test_warnings_name_validation_rows_and_the_line_of_the_user(make_classifier, iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    with pytest.warns(UserWarning, match="^X_val does not have valid feature names") as warned:
        make_classifier(m="auto").fit(frame, y, X_val=X, y_val=y)
    assert {warning.filename for warning in warned} == {__file__}
    with pytest.warns(DataConversionWarning, match="column-vector y_val was passed"):
        make_classifier(m="auto").fit(X, y, X_val=X, y_val=y[:, None])


def test_errors_of_other_kinds_and_names_in_quotes_stay():
    with pytest.raises(KeyError), naming_validation_rows():
        raise KeyError("X")
    with pytest.raises(UnicodeError, match=r"^X$"), naming_validation_rows():
        raise UnicodeError("X")
    message = r"^y_val and X_val have column 'X', not Xy$"
    with pytest.raises(InvalidParameterError, match=message), naming_validation_rows():
        raise InvalidParameterError("y and X have column 'X', not Xy")
