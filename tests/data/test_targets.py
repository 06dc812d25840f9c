import json

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.data import TargetScaler

Y = np.array([1.0, 2.0, 6.0])
WEIGHT = np.array([1.0, 2.0, 1.0])


def test_mean_and_scale_are_those_of_the_targets():
    scaler = TargetScaler(Y)
    assert scaler.mean == pytest.approx([3.0])
    # Squared distances from 3: 4, 1 and 9.
    assert scaler.scale == pytest.approx([((4 + 1 + 9) / 3) ** 0.5])
    assert scaler.n_outputs == 1


def test_weights_of_rows_count_in_mean_and_scale():
    scaler = TargetScaler(Y, WEIGHT)
    mean = (1 * 1 + 2 * 2 + 1 * 6) / 4
    variance = (1 * (1 - mean) ** 2 + 2 * (2 - mean) ** 2 + 1 * (6 - mean) ** 2) / 4
    assert scaler.mean == pytest.approx([mean])
    assert scaler.scale == pytest.approx([variance**0.5])


def test_each_column_has_numbers_of_its_own():
    scaler = TargetScaler(np.c_[Y, 10 * Y + 5])
    assert scaler.n_outputs == 2
    assert scaler.mean == pytest.approx([3.0, 35.0])
    z = scaler.transform(np.c_[Y, 10 * Y + 5])
    np.testing.assert_allclose(z[:, 0], z[:, 1])
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(z.std(axis=0), 1)


@pytest.mark.parametrize("y", [Y, Y[:, None], np.c_[Y, -Y]])
def test_what_is_scaled_comes_back_in_its_shape(y):
    scaler = TargetScaler(y)
    back = scaler.inverse(scaler.transform(y))
    assert back.shape == y.shape
    np.testing.assert_allclose(back, y)


def test_members_come_back_all_at_once():
    scaler = TargetScaler(Y)
    z = np.stack([scaler.transform(Y), scaler.transform(2 * Y)])
    np.testing.assert_allclose(scaler.inverse(z), [Y, 2 * Y])


def test_a_spread_is_scaled_and_not_moved():
    scaler = TargetScaler(Y)
    assert scaler.inverse_spread(np.array([[0.0], [2.0]])) == pytest.approx(
        [0.0, 2.0 * scaler.scale[0]]
    )
    assert TargetScaler(np.c_[Y, Y]).inverse_spread(np.ones((3, 2))).shape == (3, 2)


def test_a_constant_column_is_moved_and_not_scaled():
    scaler = TargetScaler(np.full(3, 7.0))
    assert scaler.transform(np.array([7.0, 8.0])).tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (Y, np.float32),
        # A float32 step at a million is .06, far below a scale of 1,000.
        (1e6 + 1e3 * Y, np.float32),
        (1e6 + Y, np.float64),
        (-1e6 + Y, np.float64),
        # float32 ends at 3.4e38.
        (1e30 * Y, np.float64),
        (np.c_[Y, Y], np.float64),
    ],
)
def test_float32_stays_where_it_can_tell_targets_apart(y, dtype):
    scaler = TargetScaler(y)
    z = scaler.transform(y).astype(np.float32)
    assert scaler.inverse(z).dtype == dtype
    assert scaler.inverse_spread(z).dtype == dtype
    np.testing.assert_allclose(scaler.inverse(z), y, rtol=1e-6)
    assert scaler.inverse(z.astype(np.float64)).dtype == np.float64


def test_other_widths_are_refused():
    with pytest.raises(InvalidParameterError, match=r"y_val must have 1 column\(s\).* \(3, 2\)"):
        TargetScaler(Y).transform(np.c_[Y, Y], "y_val")
    with pytest.raises(InvalidParameterError, match=r"y must have 2 column\(s\).* \(3,\)"):
        TargetScaler(np.c_[Y, Y]).transform(Y)


@pytest.mark.parametrize("y", [np.array([1.0, 4.0]), np.array([[1.0, 2.0], [5.0, 9.0]])])
def test_a_scale_comes_back_from_its_state(y):
    scaler = TargetScaler(y)
    state = json.loads(json.dumps(scaler.to_state()))
    again = TargetScaler.from_state(state)
    assert again.n_outputs == scaler.n_outputs
    assert (again.transform(y) == scaler.transform(y)).all()
    assert (again.inverse(again.transform(y)) == y).all()
    assert again.inverse(again.transform(y)).shape == y.shape
