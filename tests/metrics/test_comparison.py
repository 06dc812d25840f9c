import math

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.metrics import deep_ensemble_equivalent

CURVE = [-0.5, -0.3, -0.2, -0.15]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_deep_ensemble_of_k_nets_has_k(k):
    assert deep_ensemble_equivalent(CURVE[k - 1], CURVE) == k


def test_between_whole_sizes_scores_lie_on_straight_lines():
    # A quarter of the way from -0.5 to -0.3, and half of that from -0.2 to -0.15.
    assert deep_ensemble_equivalent(-0.45, CURVE) == pytest.approx(1 + 0.25)
    assert deep_ensemble_equivalent(-0.175, CURVE) == pytest.approx(3 + 0.5)


def test_what_is_worse_than_one_net_is_one():
    assert deep_ensemble_equivalent(-0.9, CURVE) == 1


def test_what_no_size_reaches_is_infinite():
    assert deep_ensemble_equivalent(-0.1499, CURVE) == math.inf
    assert deep_ensemble_equivalent(-0.4, [-0.5]) == math.inf


def test_the_first_size_to_reach_the_score_counts_where_the_curve_falls_again():
    # -0.3 is reached on the way up to -0.2, half way from 1 to 2, and again later on.
    falling = [-0.4, -0.2, -0.5, -0.1]
    assert deep_ensemble_equivalent(-0.3, falling) == pytest.approx(1.5)
    # -0.15 is reached by the last line only: 0.35 of its 0.4.
    assert deep_ensemble_equivalent(-0.15, falling) == pytest.approx(3 + 0.35 / 0.4)
    # So a deep ensemble of three nets that is worse than one is worth one.
    assert deep_ensemble_equivalent(falling[2], falling) == 1


def test_the_first_of_equal_sizes_counts():
    assert deep_ensemble_equivalent(-0.3, [-0.5, -0.3, -0.3, -0.2]) == 2


def test_it_is_a_float_of_python():
    for score in (-0.9, -0.45, -0.1):
        given = deep_ensemble_equivalent(np.float64(score), np.array(CURVE))
        assert type(given) is float


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, CURVE), "score must be a finite number"),
        (("high", CURVE), "score must be a finite number"),
        ((-0.3, []), r"deep_ensemble_scores must be of shape \(n,\) with n >= 1"),
        ((-0.3, [-0.5, math.nan]), r"deep_ensemble_scores must be finite, got \[-0.5, nan\]"),
        ((-0.3, -0.5), r"deep_ensemble_scores must be of shape \(n,\) .*got \(\)"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        deep_ensemble_equivalent(*arguments)
