"""Greedy selection, round by round as it is told, on cases that are small."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from skensemble import InvalidParameterError
from skensemble.weighting import greedy_weights, log_loss_weights, squared_error_weights
from tests.weighting.test_fitted import make_output, make_proba


def brute_force(members, score, n_rounds):
    """Take members one by one, each the best to add; return how often, in the best bag."""
    bag, bags = [], []
    for _ in range(n_rounds):
        scores = [score(np.mean(members[[*bag, k]], axis=0)) for k in range(len(members))]
        bag.append(int(np.argmin(scores)))
        bags.append((min(scores), list(bag)))
    _, best = min(bags, key=lambda found: found[0])
    return np.bincount(best, minlength=len(members)) / len(best)


@pytest.mark.parametrize("n_rounds", [1, 2, 3, 8, 15])
@pytest.mark.parametrize("seed", range(3))
def test_the_selection_is_that_of_brute_force(n_rounds, seed):
    proba, y, v = make_proba(5, seed=seed)
    expected = brute_force(proba, lambda p: log_loss(y, p, sample_weight=v), n_rounds)
    assert greedy_weights(proba, y, v, n_rounds=n_rounds) == pytest.approx(expected)
    output, y, v = make_output(5, seed=seed)
    expected = brute_force(output, lambda f: mean_squared_error(y, f, sample_weight=v), n_rounds)
    found = greedy_weights(output, y, v, loss="squared_error", n_rounds=n_rounds)
    assert found == pytest.approx(expected)


def test_one_round_takes_the_best_member():
    proba, y, _ = make_proba(5)
    losses = [log_loss(y, p) for p in proba]
    assert greedy_weights(proba, y, n_rounds=1).tolist() == np.eye(5)[np.argmin(losses)].tolist()


def test_the_best_bag_is_kept():
    # Errors 2 and -1: the second alone leaves 1, both .5, three .5 at best or 0: (2 - 1 - 1) / 3.
    errors, y = [[2.0], [-1.0]], [0.0]
    options = {"loss": "squared_error"}
    assert greedy_weights(errors, y, n_rounds=2, **options).tolist() == [1 / 2, 1 / 2]
    for n_rounds in (3, 4, 5):
        found = greedy_weights(errors, y, n_rounds=n_rounds, **options)
        assert found == pytest.approx([1 / 3, 2 / 3])


def test_fifty_rounds_come_close_to_the_optimum_and_not_below():
    proba, y, v = make_proba(8)
    found, optimum, equal = (
        log_loss(y, np.tensordot(weights, proba, 1), sample_weight=v)
        for weights in (greedy_weights(proba, y, v), log_loss_weights(proba, y, v), np.ones(8) / 8)
    )
    assert optimum < found < optimum + 1e-3 < equal
    output, y, v = make_output(8)
    found, optimum, equal = (
        mean_squared_error(y, np.tensordot(weights, output, 1), sample_weight=v)
        for weights in (
            greedy_weights(output, y, v, loss="squared_error"),
            squared_error_weights(output, y, v),
            np.ones(8) / 8,
        )
    )
    assert optimum < found < optimum + 1e-3 < equal


def test_equal_members_share_their_weight():
    proba, y, v = make_proba(3)
    weights = greedy_weights(proba, y, v)
    twice = greedy_weights(proba[[0, 1, 2, 0, 1]], y, v)
    assert twice == pytest.approx(weights[[0, 1, 2, 0, 1]] / [2, 2, 1, 2, 2])
    assert greedy_weights(proba[[0, 0]], y, v).tolist() == [1 / 2, 1 / 2]
    assert greedy_weights(proba[:1], y, v).tolist() == [1.0]


def test_weights_go_with_their_members_where_several_are_as_good():
    # Errors 1 and -1 are as good to begin with.
    errors, y = np.array([[3.0], [1.0], [-1.0]]), [0.0]
    options = {"loss": "squared_error", "n_rounds": 1}
    weights = greedy_weights(errors, y, **options)
    assert greedy_weights(errors[::-1], y, **options).tolist() == weights[::-1].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_rounds": 0}, "n_rounds must be an int >= 1, got 0"),
        ({"n_rounds": 2.5}, "n_rounds must be an int >= 1, got 2.5"),
        ({"loss": "brier"}, "loss must be 'log_loss' or 'squared_error', got 'brier'"),
    ],
)
def test_bad_options(options, message):
    proba, y, _ = make_proba(2)
    with pytest.raises(InvalidParameterError, match=message):
        greedy_weights(proba, y, **options)
