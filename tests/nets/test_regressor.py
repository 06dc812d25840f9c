"""The regressor net: targets of any size and number of columns."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from torch import nn

from skensemble import NetRegressor

SMALL = {"module__hidden_units": (8,), "max_epochs": 10, "batch_size": 32, "random_state": 0}


def test_the_default_regressor_fits_targets_of_any_size(diabetes):
    X, y = diabetes
    linear = LinearRegression().fit(X, y).score(X, y)
    for scaled in (y, 1e-6 * y, 1e6 * y, y + 1e9):
        assert NetRegressor(random_state=0).fit(X, scaled).score(X, scaled) > linear


def test_several_targets_at_once(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL).fit(X, np.c_[y, -y])
    assert net.predict(X).shape == (442, 2)
    assert net.score(X, np.c_[y, -y]) > 0.3


def test_targets_of_another_width_are_refused(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL).partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y must have 1 column\(s\), as in fit, got shape"):
        net.partial_fit(X, np.c_[y, y])


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 1.0])])
def test_an_output_of_0_is_the_mean_of_the_targets_and_1_a_deviation_above(weight):
    X, y = np.eye(3), np.array([1.0, 2.0, 6.0])
    net = NetRegressor(nn.Linear(3, 1), precision="float64", max_epochs=1)
    net.fit(X, y, sample_weight=weight)
    w = np.ones(3) if weight is None else weight
    mean = (w * y).sum() / w.sum()
    deviation = ((w * (y - mean) ** 2).sum() / w.sum()) ** 0.5
    nn.init.zeros_(net.module_.weight)
    for output in (0, 1):
        nn.init.constant_(net.module_.bias, output)
        assert net.predict_proba(X).tolist() == [[output]] * 3
        np.testing.assert_allclose(net.predict(X), [mean + output * deviation] * 3)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_it_learns_standardised_targets(precision):
    X, y = np.eye(3), np.array([1.0, 2.0, 6.0])
    # A rate of 1e-30 leaves the weights as they are: the loss of epoch 1 is that of the outputs.
    settings = {"lr": 1e-30, "max_epochs": 1, "precision": precision, "batch_size": -1}
    net = NetRegressor(nn.Linear(3, 1), **settings).fit(X, y)
    z = (y - y.mean()) / y.std()
    expected = ((net.predict_proba(X)[:, 0] - z) ** 2).mean()
    assert net.history[-1, "train_loss"] == pytest.approx(expected, rel=1e-6)


def test_the_scale_of_the_first_call_stays_and_a_fit_learns_it_anew(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL).partial_fit(X, y).partial_fit(X, 10 * y)
    assert net.target_scaler_.mean == pytest.approx([y.mean()])
    assert net.fit(X, 10 * y).target_scaler_.mean == pytest.approx([10 * y.mean()])


def test_a_warm_start_keeps_the_scale_of_its_weights(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL, warm_start=True).fit(X, y)
    assert net.fit(X, 10 * y).target_scaler_.mean == pytest.approx([y.mean()])


@pytest.mark.parametrize("unit", [1e-30, 1e-9, 1e9, 1e30])
def test_units_and_weights_of_any_size_give_the_same_fit(diabetes, unit):
    X, y = diabetes
    sigma = np.linspace(1, 2, len(y))
    expected = NetRegressor(**SMALL).fit(X, y, sample_weight=sigma**-2).predict(X)
    net = NetRegressor(**SMALL).fit(X, unit * y, sample_weight=(unit * sigma) ** -2)
    np.testing.assert_allclose(net.predict(X) / unit, expected, rtol=1e-4)
