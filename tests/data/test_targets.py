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


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e9, 1e30])
def test_the_size_of_weights_and_of_targets_does_not_matter(size):
    scaler = TargetScaler(Y, WEIGHT)
    for y, weight, unit in ((Y, size * WEIGHT, 1), (size * Y, WEIGHT, size)):
        other = TargetScaler(y, weight)
        np.testing.assert_allclose(other.mean, unit * scaler.mean, rtol=1e-14)
        np.testing.assert_allclose(other.scale, unit * scaler.scale, rtol=1e-14)
    inverse_variance = TargetScaler(size * Y, WEIGHT / size**2)
    np.testing.assert_allclose(inverse_variance.scale, size * scaler.scale, rtol=1e-14)


def test_targets_at_the_ends_of_float64_have_a_scale():
    for unit in (1e-300, 1e307):
        scaler = TargetScaler(unit * np.array([-3.0, 0.0, 3.0]))
        assert scaler.scale == pytest.approx([unit * 6**0.5])
        assert scaler.transform(unit * np.array([3.0])) == pytest.approx(np.array([[1.5**0.5]]))


@pytest.mark.parametrize("value", [0.1, -7.0, 1e-200, 1e200, 0.0])
def test_rounding_is_no_spread(value):
    """Ways to one value that differ in the last digit."""
    y = np.array([value, value * (1 + 2**-52), value, value * 3 / 3])
    scaler = TargetScaler(y, np.array([1.0, 1e6, 1e12, 1.0]))
    assert scaler.scale.tolist() == [1.0]
    assert scaler.mean == pytest.approx([value])


def test_a_column_with_a_spread_has_a_scale_however_small_the_weights_of_it():
    y = np.array([5.0, 5.0, 6.0])
    scaler = TargetScaler(y, np.array([1.0, 1.0, 2e-20]))
    # A share p of 1e-20 is 1 away: the variance is p * (1 - p).
    assert scaler.scale == pytest.approx([1e-10])


def test_targets_far_from_0_keep_their_spread():
    assert TargetScaler(1e15 + np.array([0.0, 4.0])).scale.tolist() == [2.0]


def test_without_standardising_targets_stay_as_they_are():
    for y in (Y, 1e9 * Y, np.c_[Y, -Y]):
        scaler = TargetScaler(y, WEIGHT, standardize=False)
        columns = y.reshape(3, -1)
        assert (scaler.transform(y) == columns).all()
        assert (scaler.inverse(columns) == y).all()
        assert (scaler.inverse_spread(columns) == y).all()
        assert scaler.inverse(columns.astype(np.float32)).shape == y.shape


def test_spreads_below_the_range_of_float32_are_float64():
    scaler = TargetScaler(1e-44 * Y)
    z = scaler.transform(1e-44 * Y).astype(np.float32)
    np.testing.assert_allclose(scaler.inverse(z), 1e-44 * Y, rtol=1e-6)


@pytest.mark.parametrize("y", [np.array([1.0, 4.0]), np.array([[1.0, 2.0], [5.0, 9.0]])])
def test_a_scale_comes_back_from_its_state(y):
    scaler = TargetScaler(y)
    state = json.loads(json.dumps(scaler.to_state()))
    again = TargetScaler.from_state(state)
    assert again.n_outputs == scaler.n_outputs
    assert (again.transform(y) == scaler.transform(y)).all()
    assert (again.inverse(again.transform(y)) == y).all()
    assert again.inverse(again.transform(y)).shape == y.shape
