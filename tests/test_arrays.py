"""Rules for arrays: weights, probabilities and what members hold."""

import numpy as np
import pytest
import torch

from skensemble import InvalidParameterError
from skensemble._arrays import (
    TOLERANCE,
    are_probabilities,
    are_weights,
    member_arrays,
    shares_of,
)


@pytest.mark.parametrize(
    ("scores", "are"),
    [
        ([[0.25, 0.75], [1.0, 0.0]], True),
        ([[0.25, 0.75], [1.5, -0.5]], False),
        ([[0.5, 0.6]], False),
        ([[3.0, 4.0]], False),
        ([[np.nan, 1.0]], False),
        ([[0.5, 0.5 + 0.99 * TOLERANCE]], True),
        ([[0.5, 0.5 + 1.005 * TOLERANCE]], False),
        ([[[0.5, 0.5]], [[0.5, 0.6]]], False),
    ],
)
def test_probabilities_are_not_negative_and_sum_to_1(scores, are):
    assert are_probabilities(np.array(scores)) is are


def test_how_far_below_0_is_for_who_asks():
    proba = np.array([[-0.5 * TOLERANCE, 1.0]])
    assert not are_probabilities(proba)
    assert are_probabilities(proba, -TOLERANCE)
    assert not are_probabilities(3 * proba - [[0, 2]], -TOLERANCE)


@pytest.mark.parametrize(
    ("numbers", "are"),
    [([0, 2], True), ([0, 0], False), ([1, -1], False), ([np.nan, 1], False), ([np.inf], False)],
)
def test_weights_are_finite_not_negative_and_not_all_0(numbers, are):
    assert are_weights(np.array(numbers, float)) is are


def test_shares_sum_to_1():
    assert shares_of([1, 3, 0], 3).tolist() == [1 / 4, 3 / 4, 0]
    assert shares_of(None, 4).tolist() == [1 / 4] * 4


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], ["a", "b"], "ab", [[1], [2, 3]]])
def test_what_are_no_shares_is_refused_by_one_rule(weights):
    message = r"^weights must be 2 finite numbers >= 0, one for each member, and not all 0, got"
    with pytest.raises(InvalidParameterError, match=message):
        shares_of(weights, 2)


def test_arrays_of_a_member_are_not_copied_and_others_are_made_of_what_it_holds():
    own = np.ones(2, np.float32)
    member = {"own": own, "list": [1, 2], "tensor": torch.tensor([0.5])}
    arrays = member_arrays("member", member)
    assert arrays["own"] is own
    assert arrays["list"].tolist() == [1, 2]
    assert arrays["tensor"].dtype == np.float32


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ([1], r"member_a must be a dict of arrays by name, got \[1\]"),
        ({"w": [[1], [2, 3]]}, r"member_a\['w'\] must be an array of numbers, on the CPU, got"),
        ({"w": "text"}, r"member_a\['w'\] must be an array of numbers"),
        ({"w": None}, r"member_a\['w'\] must be an array of numbers"),
        ({"w": torch.ones(1, requires_grad=True)}, r"member_a\['w'\] must be an array"),
    ],
)
def test_what_is_no_member_is_refused(member, message):
    with pytest.raises(InvalidParameterError, match=message):
        member_arrays("member_a", member)
