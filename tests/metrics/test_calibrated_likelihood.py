import numpy as np
import pytest
from scipy.special import log_expit, logit, softmax
from sklearn.metrics import log_loss

from skensemble import InvalidParameterError
from skensemble.metrics import calibrated_log_likelihood


def drawn(n_rows, n_classes=3, seed=0):
    """Draw labels from probabilities, and give both."""
    rng = np.random.default_rng(seed)
    proba = softmax(2 * rng.normal(size=(n_rows, n_classes)), axis=1)
    return (proba.cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1), proba


def test_a_temperature_of_one_half_scores_the_other():
    # All rows are as sure. The best temperature makes that the share a of right ones in a half,
    # and the other half, with a share b of right ones, scores b log a + (1 - b) log(1 - a).
    y_true = np.array([1, 1, 1, 0] * 10)
    rng = np.random.RandomState(7)
    scores = []
    for _ in range(3):
        one, other = np.split(y_true[rng.permutation(40)], 2)
        for a, b in ((one.mean(), other.mean()), (other.mean(), one.mean())):
            # The share is within what temperatures reach.
            assert 0.55 < a < 1
            scores.append(b * np.log(a) + (1 - b) * np.log(1 - a))
    given = calibrated_log_likelihood(y_true, [0.9] * 40, n_splits=3, random_state=7)
    # minimize_scalar finds log(tau) to 1e-5, near a flat top.
    assert given == pytest.approx(np.mean(scores), abs=1e-6)


def test_an_odd_row_is_in_the_first_half():
    y_true = np.array([1, 0, 1, 1, 0, 1, 1])
    order = np.random.RandomState(0).permutation(7)
    a, b = y_true[order[:4]].mean(), y_true[order[4:]].mean()
    scores = [p * np.log(q) + (1 - p) * np.log(1 - q) for p, q in ((a, b), (b, a))]
    given = calibrated_log_likelihood(y_true, [0.9] * 7, n_splits=1)
    assert given == pytest.approx(np.mean(scores), abs=1e-6)


@pytest.mark.parametrize("tau", [0.3, 1, 4])
def test_a_wrong_temperature_is_mended(tau):
    y_true, proba = drawn(2000)
    best = -log_loss(y_true, proba)
    wrong = softmax(np.log(proba) / tau, axis=1)
    given = calibrated_log_likelihood(y_true, wrong)
    assert given == pytest.approx(calibrated_log_likelihood(y_true, proba), abs=1e-6)
    # It cannot know more than the probabilities that the labels are drawn from.
    assert given == pytest.approx(best, abs=2e-3)
    if tau != 1:
        assert -log_loss(y_true, wrong) < best - 0.05


def test_who_is_always_right_is_cooled_and_who_is_always_wrong_is_heated_within_bounds():
    right = calibrated_log_likelihood([1] * 6, [0.6] * 6, labels=[0, 1])
    assert right == pytest.approx(log_expit(20 * logit(0.6)), abs=1e-5)
    wrong = calibrated_log_likelihood([0] * 6, [0.6] * 6, labels=[0, 1])
    assert wrong == pytest.approx(log_expit(-logit(0.6) / 20), abs=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zeros_are_clipped_at_the_epsilon_of_their_floats(dtype):
    y_true = np.array([0, 1] * 20)
    proba = np.array([[1, 0]] * 40, dtype=dtype)
    eps = np.finfo(dtype).eps
    clipped = np.array([[1, eps]] * 40, dtype=dtype)
    given = calibrated_log_likelihood(y_true, proba)
    assert given == calibrated_log_likelihood(y_true, clipped)
    # Half of them are wrong, so the best is the hottest there is: 16 / 20 and 36 / 20 nats.
    odds = -np.log(eps) / 20
    expected = (log_expit(odds) + log_expit(-odds)) / 2
    assert given == pytest.approx(expected, abs=1e-5)
    # At the coldest, 36 * 20 nats leave the range of exp; nothing overflows.
    assert calibrated_log_likelihood([0] * 40, proba, labels=[0, 1]) == 0


def test_weights_set_the_temperature_and_weigh_the_score():
    # With weights of 3, what is right three times in four is right nine times in ten.
    y_true, weights = np.array([1, 1, 1, 0] * 2000), np.array([3, 3, 3, 1] * 2000)
    given = calibrated_log_likelihood(y_true, [0.6] * 8000, sample_weight=weights)
    expected = 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    # Halves of 4,000 rows have shares that differ from 0.9 by chance.
    assert given == pytest.approx(expected, abs=1e-3)
    repeated = np.repeat(y_true, weights)
    by_rows = calibrated_log_likelihood(repeated, [0.6] * len(repeated))
    assert by_rows == pytest.approx(given, abs=1e-3)


def test_splits_are_those_of_the_seed():
    y_true, proba = drawn(40)
    given = calibrated_log_likelihood(y_true, proba)
    assert given == calibrated_log_likelihood(y_true, proba, random_state=0, n_splits=5)
    assert given != calibrated_log_likelihood(y_true, proba, random_state=1)
    assert given != calibrated_log_likelihood(y_true, proba, n_splits=4)


def test_it_takes_two_rows():
    message = "y_true must be labels of at least 2 rows with a weight, got 1"
    with pytest.raises(InvalidParameterError, match=message):
        calibrated_log_likelihood([0], [0.3], labels=[0, 1])
    with pytest.raises(InvalidParameterError, match=message):
        calibrated_log_likelihood([0, 1], [0.3, 0.5], sample_weight=[0, 1])
    # Each scores the other, at the coldest.
    given = calibrated_log_likelihood([0, 1], [0.3, 0.6], n_splits=2)
    expected = (log_expit(-20 * logit(0.3)) + log_expit(20 * logit(0.6))) / 2
    assert given == pytest.approx(expected, abs=1e-5)


def test_the_number_of_splits_is_checked():
    with pytest.raises(InvalidParameterError, match=r"n_splits must be an int >= 1, got 0\."):
        calibrated_log_likelihood([0, 1], [0.3, 0.6], n_splits=0)
