"""Scores on validation rows, with the arithmetic written out."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from torch import nn

from skensemble import InvalidParameterError
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._held_out import HeldOut, split_rows
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.members import MemberTemplate, Predictor

CLASSIFY = {"losses": EnsembleClassifier._row_losses, "score": EnsembleClassifier._score_output}
REGRESS = {"losses": EnsembleRegressor._row_losses, "score": EnsembleRegressor._score_output}


class Fixed(nn.Module):
    """A module that gives its weights, one row of them for each row."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values, dtype=torch.float64))

    def forward(self, x):
        """Give the weights."""
        return self.values[x[:, 0].long()]


def held_out(members, y, weight=None, m=None, **functions):
    """Take in members that give these outputs, of shape (n_members, n_rows, n_outputs)."""
    X = np.arange(len(y), dtype=np.float64)[:, None]
    weight = None if weight is None else np.asarray(weight, dtype=np.float64)
    rows = HeldOut(X, np.asarray(y), weight, **functions)
    predictor = Predictor(torch.device("cpu"), nn.Identity(), None, 1)
    for values in members:
        module = Fixed(values)
        predictor.add(MemberTemplate(module), {"values": module.values.detach().numpy()})
        rows.add(predictor, m)
    return rows


def proba(*of_class_1):
    """Give probabilities of two classes from those of the second."""
    return [[1 - p, p] for p in of_class_1]


# The first member is right about the first two rows, the second about the last two.
FIRST, SECOND = proba(0.9, 0.8, 0.3, 0.4), proba(0.4, 0.2, 0.7, 0.8)


def test_the_score_is_that_of_the_mean_of_the_members_so_far():
    y = [1, 1, 1, 1]
    rows = held_out([FIRST, SECOND], y, **CLASSIFY)
    # Means of the second class: .65, .5, .5 and .6; of equal probabilities the first counts.
    assert rows.scores == [2 / 4, 2 / 4]
    rows = held_out([FIRST, SECOND], y, [1, 2, 3, 4], **CLASSIFY)
    assert rows.scores == pytest.approx([(1 + 2) / 10, (1 + 4) / 10])


def test_the_score_is_that_of_the_last_m():
    rows = held_out([FIRST, SECOND], [1, 1, 1, 1], [1, 2, 3, 4], m=1, **CLASSIFY)
    assert rows.scores == pytest.approx([(1 + 2) / 10, (3 + 4) / 10])
    three = held_out([FIRST, SECOND, FIRST], [1, 1, 1, 1], m=2, **CLASSIFY)
    # The last two are the second and the first again.
    assert three.scores[2] == three.scores[1]


def log_losses(p):
    return -np.log(np.asarray(p))


def test_best_m_has_the_least_log_loss():
    rows = held_out([FIRST, SECOND], [1, 1, 1, 1], **CLASSIFY)
    last = log_losses([0.4, 0.2, 0.7, 0.8]).mean()
    both = log_losses([0.65, 0.5, 0.5, 0.6]).mean()
    assert both < last
    assert rows.best_m() == 2
    assert held_out([SECOND, FIRST], [1, 0, 0, 0], **CLASSIFY).best_m() == 1


def test_weights_of_rows_decide_on_best_m():
    y = [1, 1, 1, 1]
    # By the last row alone the last member is best, by the first row the mean.
    assert held_out([FIRST, SECOND], y, [0.01, 0.01, 0.01, 1], **CLASSIFY).best_m() == 1
    assert held_out([FIRST, SECOND], y, [1, 0.01, 0.01, 0.01], **CLASSIFY).best_m() == 2
    last = np.average(log_losses([0.4, 0.2, 0.7, 0.8]), weights=[1, 1, 6, 6])
    both = np.average(log_losses([0.65, 0.5, 0.5, 0.6]), weights=[1, 1, 6, 6])
    assert last < both
    assert held_out([FIRST, SECOND], y, [1, 1, 6, 6], **CLASSIFY).best_m() == 1


def test_small_probabilities_count_in_full():
    # A floor of .001 would make both members' losses of the first row log(1000).
    one, other = proba(1e-6, 0.9), proba(1e-9, 0.95)
    rows = held_out([one, other], [1, 1], **CLASSIFY)
    both = -np.log((1e-6 + 1e-9) / 2) - np.log((0.9 + 0.95) / 2)
    last = -np.log(1e-9) - np.log(0.95)
    assert both < last
    assert rows.best_m() == 2


def test_every_column_decides_on_best_m_of_a_regressor():
    y = np.zeros((2, 2))
    first, last = [[0.0, 3.0], [0.0, 3.0]], [[1.0, 0.0], [1.0, 0.0]]
    # Last: (1 + 0) / 2; mean: (1/4 + 9/4) / 2. By the first column alone: 1 and 1/4.
    assert held_out([first, last], y, **REGRESS).best_m() == 1
    first, last = [[3.0, 0.0], [3.0, 0.0]], [[0.0, 1.6], [0.0, 1.6]]
    # Last: 2.56 / 2; mean: (2.25 + .64) / 2.
    assert held_out([first, last], y, **REGRESS).best_m() == 1
    # Last: 4 / 2; mean: (1 + 1) / 2.
    first, last = [[2.0, 0.0], [2.0, 0.0]], [[0.0, 2.0], [0.0, 2.0]]
    assert held_out([first, last], y, **REGRESS).best_m() == 2


def test_the_score_of_a_regressor_is_r_squared_by_weight():
    y, output = np.array([[0.0], [1.0], [2.0]]), [[0.0], [1.0], [4.0]]
    # Weighted mean of y: (0 + 1 + 4) / 4; squared distances 25/16, 1/16, 9/16.
    expected = 1 - 2 * 4 / (25 / 16 + 1 / 16 + 2 * 9 / 16)
    rows = held_out([output], y, [1, 1, 2], **REGRESS)
    assert rows.scores == pytest.approx([expected])


def lead(p_mean, p_last, weight):
    """Give the mean lead of the last member in log-loss, and its standard error."""
    difference = log_losses(p_mean) - log_losses(p_last)
    share = np.asarray(weight) / np.sum(weight)
    average = (share * difference).sum()
    return average, ((share * (difference - average)) ** 2).sum() ** 0.5


def test_the_last_member_is_ahead_by_two_standard_errors_or_not():
    y, weights = [1] * 4, np.array([0.5, 0.5])
    first, last = proba(0.5, 0.5, 0.5, 0.5), proba(0.9, 0.8, 0.85, 0.9)
    rows = held_out([first, last], y, **CLASSIFY)
    average, error = lead([0.7, 0.65, 0.675, 0.7], [0.9, 0.8, 0.85, 0.9], [1] * 4)
    assert average > 2 * error
    assert rows.last_member_is_better(weights)
    # The average itself is not ahead of the average.
    assert not rows.last_member_is_better(np.array([0.0, 1.0]))
    # Ahead, but by less than two errors.
    last = proba(0.9, 0.9, 0.4, 0.45)
    average, error = lead([0.7, 0.7, 0.45, 0.475], [0.9, 0.9, 0.4, 0.45], [1] * 4)
    assert 0 < average < 2 * error
    assert not held_out([first, last], y, **CLASSIFY).last_member_is_better(weights)
    # Ahead of the first member, by more than two errors and less than three.
    last = proba(0.9, 0.8, 0.9, 0.45)
    average, error = lead([0.5] * 4, [0.9, 0.8, 0.9, 0.45], [1] * 4)
    assert 2 * error < average < 3 * error
    assert held_out([first, last], y, **CLASSIFY).last_member_is_better(np.array([1.0, 0.0]))


@pytest.mark.parametrize(("weight", "is_ahead"), [([9, 9, 9, 0.1], True), ([1, 1, 1, 9], False)])
def test_weights_of_rows_decide_whether_the_last_is_ahead(weight, is_ahead):
    first, last = proba(0.5, 0.5, 0.5, 0.9), proba(0.9, 0.8, 0.85, 0.3)
    average, error = lead([0.7, 0.65, 0.675, 0.6], [0.9, 0.8, 0.85, 0.3], weight)
    assert (average > 2 * error) == is_ahead
    rows = held_out([first, last], [1] * 4, weight, **CLASSIFY)
    assert rows.last_member_is_better(np.array([0.5, 0.5])) == is_ahead


def test_weights_of_members_count_in_the_average_that_the_last_is_held_against():
    first, last = proba(0.99, 0.95), proba(0.6, 0.55)
    rows = held_out([first, last, first], [1, 1], **CLASSIFY)
    assert rows.last_member_is_better(np.array([0.0, 1.0, 0.0]))
    assert not rows.last_member_is_better(np.array([1.0, 0.0, 0.0]))


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    members, y = rng.dirichlet(np.ones(3), size=(4, 20)), rng.integers(0, 3, 20)
    weight = rng.uniform(size=20)
    rows = held_out(members, y, weight, **CLASSIFY)
    for k in range(4):
        labels = members[: k + 1].mean(0).argmax(1)
        assert rows.scores[k] == pytest.approx(accuracy_score(y, labels, sample_weight=weight))


LABELS = np.repeat(["a", "b"], [30, 60])


def indices(labels, fraction, *, weight=None, classify=True, seed=0):
    """Split rows that hold their own indices, and give those of both parts."""
    rows = np.arange(len(labels))[:, None], np.asarray(labels), weight
    return split_rows(rows, fraction, classify=classify, seed=seed)


def test_labels_are_held_out_in_their_shares_and_weights_with_them():
    weight = np.arange(90.0)
    parts = indices(LABELS, 0.2, weight=weight)
    for (X, y, own), shares in zip(parts, [(24, 48), (6, 12)], strict=True):
        assert tuple(np.unique(y, return_counts=True)[1]) == shares
        assert (LABELS[X[:, 0]] == y).all()
        assert (weight[X[:, 0]] == own).all()
        assert (np.diff(X[:, 0]) > 0).all()
    assert sorted([*parts[0][0][:, 0], *parts[1][0][:, 0]]) == list(range(90))


def test_which_rows_are_held_out_follows_from_the_seed():
    first, again, other = (indices(LABELS, 0.2, seed=seed)[1][0].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_targets_are_held_out_as_they_come():
    training, validation = indices(np.arange(10.0), 0.25, classify=False)
    # Rounded up, as scikit-learn does.
    assert (len(training[1]), len(validation[1])) == (7, 3)
    assert training[2] is validation[2] is None


@pytest.mark.parametrize(
    ("labels", "fraction", "message"),
    [
        (LABELS, 0.001, r"can be held out of 90 rows, got 0.001. The test_size = 1 should"),
        (LABELS, 0.999, r"can be held out of 90 rows, got 0.999. .*train set will be empty"),
        ([*LABELS, "c"], 0.2, r"of 91 rows, got 0.2. The least populated class"),
        (["a"] * 40 + ["b"] * 2, 0.9, r"so small that rows of the classes \['b'\] are left to"),
    ],
)
def test_a_fraction_that_cannot_be_held_out(labels, fraction, message):
    with pytest.raises(InvalidParameterError, match="validation_fraction must be .*" + message):
        indices(labels, fraction)
