"""Weights of least loss, against closed forms and against what holds at a minimum alone."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar
from scipy.special import softmax
from sklearn.metrics import log_loss

from skensemble.weighting import log_loss_weights, squared_error_weights

N_ROWS, N_CLASSES = 200, 4


def make_proba(n_members, scale=2.0, seed=0):
    """Give probabilities of members that are right more often than not, labels, and weights."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, N_CLASSES, N_ROWS)
    scores = scale * (np.eye(N_CLASSES)[y] + rng.normal(size=(n_members, N_ROWS, N_CLASSES)))
    return softmax(scores, axis=2), y, rng.uniform(size=N_ROWS)


def make_output(n_members, n_outputs=2, seed=0, spread=1.0, mean=0.0):
    """Give values of members with errors of their own, targets, and weights."""
    rng = np.random.default_rng(seed)
    y = mean + rng.normal(size=(N_ROWS, n_outputs))
    bias = rng.normal(size=(n_members, 1, n_outputs)) / 3
    return y + bias + spread * rng.normal(size=(n_members, *y.shape)), y, rng.uniform(size=N_ROWS)


MAKERS = {log_loss_weights: make_proba, squared_error_weights: make_output}


@pytest.fixture(params=MAKERS, ids=lambda function: function.__name__)
def function(request):
    return request.param


def true_class(proba, y):
    return proba[:, np.arange(len(y)), y]


def pull_of(proba, y, weights, v):
    """Give the slopes of the log-loss along the weights, the other way round: 1 on average."""
    q = np.maximum(true_class(proba, y), 2**-52)
    return q @ (v / v.sum() / (weights @ q))


def through_softmax(loss, n):
    """Minimise a loss of weights with free unknowns, whose softmax the weights are."""
    found = minimize(lambda z: loss(softmax(z)), np.zeros(n), tol=1e-14)
    return softmax(found.x)


@pytest.mark.parametrize(
    ("q", "share", "expected"),
    [
        # Slope .4 / (.4 + .4 w) = .4 / (.8 - .4 w) where w = (.8 - .4) / (2 * .4).
        ([[0.8, 0.4], [0.4, 0.8]], [1, 1], 1 / 2),
        # 2 / (1 + w) = 1 / (2 - w) at w = 1; three to one asks for more than there is.
        ([[0.8, 0.4], [0.4, 0.8]], [2, 1], 1),
        ([[0.8, 0.4], [0.4, 0.8]], [3, 1], 1),
        # 3 * .6 / (.3 + .6 w) = 2 * .6 / (.8 - .6 w): 1.8 (.8 - .6 w) = 1.2 (.3 + .6 w).
        ([[0.9, 0.2], [0.3, 0.8]], [3, 2], (1.8 * 0.8 - 1.2 * 0.3) / (0.6 * (1.8 + 1.2))),
        # Only one member knows each row: the shares of the rows, as EM finds them at once.
        ([[1.0, 0.0], [0.0, 1.0]], [3, 1], 3 / 4),
    ],
)
def test_two_members_by_hand(q, share, expected):
    proba = np.stack([q, 1 - np.array(q)], axis=2)
    weights = log_loss_weights(proba, [0, 0], share)
    assert weights == pytest.approx([expected, 1 - expected], abs=1e-7)


def test_two_members_by_scalar_minimisation():
    proba, y, v = make_proba(2)
    found = minimize_scalar(
        lambda w: log_loss(y, w * proba[0] + (1 - w) * proba[1], sample_weight=v),
        bounds=(0, 1),
        options={"xatol": 1e-10},
    )
    # The loss is flat at its minimum: the root of the rounding is what a scan can tell.
    assert log_loss_weights(proba, y, v)[0] == pytest.approx(found.x, abs=1e-6)
    assert 0.1 < found.x < 0.9


@pytest.mark.parametrize("n_members", [2, 7, 25])
@pytest.mark.parametrize("scale", [0.01, 2.0, 30.0])
def test_the_log_loss_is_least_by_the_conditions_of_kuhn_and_tucker(n_members, scale):
    proba, y, v = make_proba(n_members, scale)
    weights = log_loss_weights(proba, y, v)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    pull = pull_of(proba, y, weights, v)
    assert pull.max() <= 1 + 1e-9
    assert pull[weights > 1e-6] == pytest.approx(1, abs=1e-3)
    assert weights @ pull == pytest.approx(1)


@pytest.mark.parametrize("seed", range(10))
def test_a_few_rows_of_large_weight_rule(seed):
    proba, y, v = make_proba(7, 10.0, seed)
    v = 1e-6**v
    assert pull_of(proba, y, log_loss_weights(proba, y, v), v).max() <= 1 + 1e-9


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_more_members_than_rows(n_rows):
    q = np.array([[1, 2, 4], [2, 4, 1], [4, 1, 2], [2, 2, 2], [1, 1, 1], [3, 3, 1]]) / 8
    proba = np.stack([q, 1 - q], axis=2)[:, :n_rows]
    y, v = np.zeros(n_rows, int), np.ones(n_rows)
    weights = log_loss_weights(proba, y)
    assert pull_of(proba, y, weights, v).max() <= 1 + 1e-9
    error = q[:, :n_rows] - 0.25
    weights = squared_error_weights(error, np.zeros(n_rows))
    slope = error @ (weights @ error)
    assert slope.min() >= weights @ slope - 1e-12


def test_some_weights_are_0_and_some_are_not():
    weights = log_loss_weights(*make_proba(25))
    assert (weights == 0).any()
    assert (weights > 0).sum() > 3


@pytest.mark.parametrize("n_members", [3, 8])
def test_another_route_finds_the_same_weights(n_members):
    proba, y, v = make_proba(n_members)
    q = true_class(proba, y)
    expected = through_softmax(lambda w: -np.average(np.log(w @ q), weights=v), n_members)
    # A softmax reaches 0 slowly, and the loss is flat.
    assert log_loss_weights(proba, y, v) == pytest.approx(expected, abs=2e-3)
    output, y, v = make_output(n_members)
    expected = through_softmax(
        lambda w: np.average(((np.tensordot(w, output, 1) - y) ** 2).mean(1), weights=v), n_members
    )
    assert squared_error_weights(output, y, v) == pytest.approx(expected, abs=2e-3)


def test_rows_that_no_member_knows_leave_the_weights_as_they_are():
    proba, y, _ = make_proba(4)
    expected = log_loss_weights(proba, y)
    unknown = np.zeros((4, 50, N_CLASSES))
    unknown[:, :, 1] = 1
    found = log_loss_weights(
        np.concatenate([proba, unknown], axis=1), np.concatenate([y, np.zeros(50, int)])
    )
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_member_that_rules_out_what_is_true_keeps_some_company():
    # Sure of itself, right about all rows but one, on which the other gives a half.
    sure = np.eye(2)[[0] * 99 + [1]]
    weights = log_loss_weights(np.stack([sure, np.full((100, 2), 0.5)]), [0] * 100)
    # The mean gives 1 - w / 2 to 99 rows and w / 2 to one: w / 2 = 1 / 100.
    assert weights == pytest.approx([1 - 2 / 100, 2 / 100], abs=1e-6)


def test_two_values_by_hand():
    # Errors 1 and -3 are made up for at 3 to 1; 1 and 3 are not, and 1 is less.
    assert squared_error_weights([[1.0], [-3.0]], [0.0]) == pytest.approx([3 / 4, 1 / 4])
    assert squared_error_weights([[1.0], [3.0]], [0.0]).tolist() == [1, 0]
    # Errors (1, 0) and (0, 2): w^2 + 4 (1 - w)^2 is least at w = 4/5, with row weights 1 and 4
    # w^2 + 16 (1 - w)^2 at w = 16/17.
    errors = [[1.0, 0.0], [0.0, 2.0]]
    assert squared_error_weights(errors, [0.0, 0.0]) == pytest.approx([4 / 5, 1 / 5])
    assert squared_error_weights(errors, [0.0, 0.0], [1, 4]) == pytest.approx([16 / 17, 1 / 17])


def test_every_output_counts():
    errors = np.array([[[1.0, 0.0]], [[0.0, 2.0]]])
    assert squared_error_weights(errors, [[0.0, 0.0]]) == pytest.approx([4 / 5, 1 / 5])


@pytest.mark.parametrize("n_members", [2, 7, 25])
@pytest.mark.parametrize("spread", [1e-6, 1.0])
def test_the_squared_error_is_least_by_the_conditions_of_kuhn_and_tucker(n_members, spread):
    output, y, v = make_output(n_members, spread=spread)
    weights = squared_error_weights(output, y, v)
    error, share = output - y, (v / v.sum())[:, None]
    mean = np.tensordot(weights, error, 1)
    slope = (share * error * mean).sum(axis=(1, 2))
    level = weights @ slope
    assert slope.min() >= level - 1e-12
    assert slope[weights > 0] == pytest.approx(level, abs=1e-12)


@pytest.mark.parametrize("mean", [1e4, 1e9])
def test_a_large_mean_of_the_targets_is_no_harm(mean):
    expected = squared_error_weights(*make_output(6))
    # A target of 1e9 is rounded by 1e-7.
    assert squared_error_weights(*make_output(6, mean=mean)) == pytest.approx(expected, abs=1e-6)


def test_units_of_the_targets_do_not_matter():
    output, y, v = make_output(6)
    expected = squared_error_weights(output, y, v)
    for unit in (1e-200, 1e200):
        found = squared_error_weights(unit * output, unit * y, v)
        assert found == pytest.approx(expected, abs=1e-9)


def test_one_member_has_all_the_weight(function):
    members, y, _ = MAKERS[function](1)
    assert function(members, y).tolist() == [1.0]


def test_members_that_are_all_equal_have_equal_weights(function):
    members, y, _ = MAKERS[function](1)
    assert function(np.repeat(members, 5, axis=0), y).tolist() == [1 / 5] * 5


def test_equal_members_share_what_one_of_them_would_have(function):
    members, y, v = MAKERS[function](4)
    weights = function(members, y, v)
    k = int(weights.argmax())
    twice = function(members[[0, 1, 2, 3, k, k]], y, v)
    assert twice[[k, 4, 5]].tolist() == [twice[k]] * 3
    assert 3 * twice[k] == pytest.approx(weights[k], abs=1e-6)


def test_a_perfect_member_has_all_the_weight(function):
    members, y, v = MAKERS[function](3)
    members[1] = np.eye(N_CLASSES)[y] if function is log_loss_weights else y
    assert function(members, y, v) == pytest.approx([0, 1, 0], abs=1e-9)


@pytest.mark.parametrize("is_degenerate", [False, True])
def test_weights_go_with_their_members(function, is_degenerate):
    members, y, v = MAKERS[function](7)
    if is_degenerate:
        # Many weights are as good: some members are means of others, some are the same.
        members[3], members[4], members[5] = members[:2].mean(0), members[0], members[1:3].mean(0)
    weights = function(members, y, v)
    order = np.random.default_rng(0).permutation(7)
    assert (function(members[order], y, v) == weights[order]).all()


def test_only_the_size_of_row_weights_against_each_other_counts(function):
    members, y, v = MAKERS[function](5)
    expected = function(members, y, v)
    assert function(members, y, 1e-200 * v) == pytest.approx(expected, abs=1e-6)
    assert function(members, y, np.ones(N_ROWS)) == pytest.approx(function(members, y), abs=1e-6)
    assert np.abs(function(members, y) - expected).max() > 1e-3


def test_row_weights_are_repeated_rows_and_those_of_0_are_absent(function):
    members, y, _ = MAKERS[function](5)
    times = np.arange(N_ROWS) % 3
    rows = np.repeat(np.arange(N_ROWS), times)
    found = function(members, y, times)
    assert found == pytest.approx(function(members[:, rows], y[rows]), abs=1e-6)


@pytest.mark.parametrize("convert", [np.float32, torch.tensor, np.ndarray.tolist])
def test_arrays_of_any_kind(function, convert):
    members, y, v = MAKERS[function](5)
    found = function(convert(members), y.tolist(), v.tolist())
    assert found.dtype == np.float64
    assert found == pytest.approx(function(members, y, v), abs=1e-5)
    assert function(np.float16(members), y, v) == pytest.approx(function(members, y, v), abs=0.01)
