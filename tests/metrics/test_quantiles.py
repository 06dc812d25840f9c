import numpy as np
import pytest

from skensemble.metrics._quantiles import weighted_quantiles


def quantiles(values, shares, weights):
    return weighted_quantiles(np.array(values), np.array(shares), np.array(weights)).tolist()


def test_a_quantile_is_the_least_value_that_reaches_its_share():
    # Sorted: 1, 2, 3, 4, a quarter each.
    values, ones = [3.0, 1.0, 4.0, 2.0], [1, 1, 1, 1]
    assert quantiles(values, [0.25, 0.26, 0.5, 0.75, 1.0], ones) == [1, 2, 2, 3, 4]
    # What is more than rounding is a share of the next value.
    assert quantiles(values, [0.25 + 1e-9, 0.5 + 1e-9], ones) == [2, 3]


def test_weights_are_repeated_values_and_those_of_0_are_none():
    assert quantiles([1.0, 2.0, 3.0], [0.2, 0.6, 0.61], [3, 0, 2]) == [1, 1, 3]
    assert quantiles([1.0, 1, 1, 3, 3], [0.2, 0.6, 0.61], [1] * 5) == [1, 1, 3]


@pytest.mark.parametrize("scale", [1, 0.1, 1 / 3, 1e-9, 1e9])
def test_a_share_that_is_reached_exactly_is_so_at_any_scale_of_weights(scale):
    # 0.1 ten times is less than 1 in floats.
    values = np.arange(10.0)
    assert quantiles(values, np.arange(1, 11) / 10, np.full(10, scale)) == values.tolist()
