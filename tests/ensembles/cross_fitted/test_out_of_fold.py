"""What nets predict for the rows that they left out, and what follows from it."""

import numpy as np
import pytest

from skensemble.ensembles.cross_fitted import _out_of_fold
from skensemble.ensembles.cross_fitted._out_of_fold import LEAST_GAIN, OutOfFold, restricted
from skensemble.weighting import squared_error_weights

N = 10
X = np.arange(N, dtype=np.float32)[:, None]
Y = np.zeros((N, 1))
TESTS = [np.arange(0, N, 2), np.arange(1, N, 2)]


class Members:
    """Members that give their rows plus a number of their own."""

    def __init__(self, *offsets):
        self.offsets = offsets

    def outputs(self, X, members):
        return np.stack([X + self.offsets[k] for k in members])


def losses(output, y):
    return ((output - y) ** 2).mean(axis=1)


def out_of_fold(sample_weight=None, y=Y, is_uniform=False):
    return OutOfFold(
        X,
        y,
        sample_weight,
        tests=TESTS,
        fit_weights=squared_error_weights,
        is_uniform=is_uniform,
        losses=losses,
    )


def with_parts(values, **settings):
    """Give predictions of 0, 1, ... that are off by some values, one part after another."""
    made = out_of_fold(y=X.astype(float), **settings)
    for position, value in enumerate(values):
        made.add(position, 0, [(Members(value), 0)] * 2)
    return made


@pytest.mark.parametrize("chunk", [2, 100])
def test_each_row_is_predicted_by_the_net_that_left_it_out(chunk, monkeypatch):
    monkeypatch.setattr(_out_of_fold, "CHUNK", chunk)
    made = out_of_fold()
    made.add(0, 0, [(Members(7, 100), 1), (Members(1000), 0)])
    assert made.outputs[0][:, 0].tolist() == [i + (100 if i % 2 == 0 else 1000) for i in range(N)]
    assert (made.positions, made.groups) == ([0], [0])


def test_weights_are_those_of_least_error():
    # Errors of 1 and of -3 cancel with weights of 3 to 1.
    np.testing.assert_allclose(with_parts([1.0, -3.0]).fitted(), [0.75, 0.25])
    assert with_parts([1.0, -3.0]).loss() == pytest.approx(0, abs=1e-12)
    assert with_parts([1.0, -3.0]).loss([1]) == pytest.approx(9)


def test_small_weights_are_none():
    weights = with_parts([1.0, -3000.0]).fitted()
    assert weights.tolist() == [1.0, 0.0]


def test_the_loss_of_equal_weights_is_theirs():
    made = with_parts([1.0, -3.0], is_uniform=True)
    assert made.loss() == pytest.approx(1)
    np.testing.assert_allclose(made.honest_mean(), X - 1)


def test_the_honest_mean_has_weights_that_know_nothing_of_the_row():
    # One part is right on the rows of the first fold, the other on those of the second.
    made = out_of_fold(y=X.astype(float))
    made.add(0, 0, [(Members(0.0), 0), (Members(8.0), 0)])
    made.add(1, 0, [(Members(8.0), 0), (Members(0.0), 0)])
    # What is right on the other fold is wrong on the own one.
    np.testing.assert_allclose(made.honest_mean(), X + 8)
    np.testing.assert_allclose(made.fitted(), [0.5, 0.5])


def test_the_honest_mean_of_the_last_positions():
    made = with_parts([0.0, 4.0, 4.0])
    np.testing.assert_allclose(made.honest_mean(), X, atol=1e-6)
    # Those from there on have no weight, and count alike.
    np.testing.assert_allclose(made.honest_mean(first=1), X + 4)


def test_weights_of_rows_count_in_the_honest_mean():
    # Of the other fold, row 0 or row 1 counts alone, where the parts are off by 0 and 5.
    weight = np.where(np.arange(N) < 2, 1.0, 1e-12)
    y = np.r_[[[0.0]], [[1.0]], X[2:] + 5.0]
    made = out_of_fold(sample_weight=weight, y=y)
    for position, value in enumerate([0.0, 5.0]):
        made.add(position, 0, [(Members(value), 0)] * 2)
    np.testing.assert_allclose(made.honest_mean(), X, atol=1e-3)


@pytest.mark.parametrize(
    ("weights", "kept", "expected"),
    [
        (None, [False, True, True], [0, 0.5, 0.5]),
        ([0.5, 0.3, 0.2], [False, True, True], [0, 0.6, 0.4]),
        ([1.0, 0.0, 0.0], [False, True, True], [0, 0.5, 0.5]),
    ],
)
def test_weights_of_what_is_kept_sum_to_1(weights, kept, expected):
    weights = None if weights is None else np.array(weights)
    np.testing.assert_allclose(restricted(weights, np.array(kept)), expected)


def test_rows_count_with_their_weights():
    weight = np.r_[1.0, np.zeros(N - 1)]
    made = out_of_fold(sample_weight=weight, y=np.r_[[[5.0]], np.zeros((N - 1, 1))])
    made.add(0, 0, [(Members(5.0), 0)] * 2)
    made.add(1, 0, [(Members(0.0), 0)] * 2)
    assert made.fitted().tolist() == [1.0, 0.0]
    assert made.loss() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("share", "grows"), [(LEAST_GAIN * 1.1, True), (LEAST_GAIN * 0.9, False)])
def test_a_group_grows_while_its_last_cycle_saves_a_share_of_its_loss(share, grows):
    made = with_parts([1.0, (1 - share) ** 0.5])
    assert made.growing([0]) == ([0] if grows else [])


def test_a_group_is_looked_at_by_itself():
    made = with_parts([1.0, 0.5])
    for position, value in enumerate([1.0, 2.0]):
        made.add(position, 1, [(Members(value), 0)] * 2)
    assert made.growing([0, 1]) == [0]
    assert made.growing([1]) == []


def test_a_group_of_one_cycle_has_not_shown_that_it_is_done():
    assert with_parts([1.0]).growing([0]) == [0]


def test_a_loss_of_nothing_cannot_be_lowered():
    assert with_parts([0.0, 0.0]).growing([0]) == []


def test_the_first_parts_can_be_kept_alone():
    made = with_parts([1.0, 2.0, 3.0])
    made.keep(2)
    assert len(made.outputs) == len(made.positions) == len(made.groups) == 2


def test_weights_are_fitted_to_rows_that_are_spread_evenly_over_many(monkeypatch):
    monkeypatch.setattr(_out_of_fold, "MOST_TO_FIT", 3)
    seen = []

    def fit_weights(outputs, y, weight):
        seen.append((outputs[0, :, 0].tolist(), y.tolist()))
        return np.ones(1)

    y = np.arange(9)
    part = _out_of_fold.OutOfFold(
        y[:, None],
        y,
        None,
        tests=[y],
        fit_weights=fit_weights,
        is_uniform=False,
        losses=lambda output, y: output[:, 0],
    )
    part.outputs.append(10.0 * y[:, None])
    part.fitted()
    part.fitted(rows=np.array([1, 3, 5, 7, 8]))
    part.fitted(rows=np.array([2, 6]))
    assert [index for _, index in seen] == [[0, 4, 8], [1, 5, 8], [2, 6]]
    assert all(outputs == [10.0 * i for i in index] for outputs, index in seen)
