import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.averaging import (
    at_most_1,
    average,
    last_m_weights,
    restrict_weights,
    staged_average,
    uncertainty_parts,
)

PROBA = np.array([[[1.0, 0.0]], [[0.5, 0.5]], [[0.0, 1.0]]])


@pytest.mark.parametrize(
    ("m", "expected"),
    [(None, [1 / 3, 1 / 3, 1 / 3]), (1, [0, 0, 1]), (2, [0, 1 / 2, 1 / 2]), (9, [1 / 3] * 3)],
)
def test_weights_are_equal_over_the_last_m(m, expected):
    assert last_m_weights(3, m).tolist() == expected


def test_average_weighs_each_member():
    assert average(PROBA, np.array([0.5, 0.25, 0.25])) == pytest.approx(
        np.array([[0.5 + 0.25 * 0.5, 0.25 * 0.5 + 0.25]])
    )


def test_one_hot_weights_pick_that_member():
    for k in range(3):
        assert (average(PROBA, np.eye(3)[k]) == PROBA[k]).all()


def test_average_keeps_float32():
    assert average(PROBA.astype(np.float32), np.full(3, 1 / 3)).dtype == np.float32


def test_stages_go_from_the_last_member_to_all():
    stages = list(staged_average(PROBA))
    assert [stage[0, 1] for stage in stages] == pytest.approx([1.0, (0.5 + 1) / 2, 1.5 / 3])


FITTED = np.array([0.5, 0.1, 0.3, 0.0996, 0.0004])


@pytest.mark.parametrize(
    ("m", "expected"),
    [
        (None, [0.5, 0.1, 0.3, 0.0996, 0]),
        (9, [0.5, 0.1, 0.3, 0.0996, 0]),
        (4, [0, 0.1, 0.3, 0.0996, 0]),
        (2, [0, 0, 0, 1, 0]),
        # The last one alone had too little to be run, and is all there is.
        (1, [0, 0, 0, 0, 1]),
    ],
)
def test_fitted_weights_are_those_of_the_last_m_without_the_small(m, expected):
    weights = restrict_weights(FITTED, m)
    assert weights == pytest.approx(np.array(expected) / sum(expected))
    assert weights.sum() == pytest.approx(1)
    assert FITTED[-1] == 0.0004


def test_the_last_m_have_equal_weights_where_they_have_none():
    assert restrict_weights(np.array([1.0, 0.0, 0.0]), 2).tolist() == [0, 1 / 2, 1 / 2]


def test_a_thousandth_is_the_least_weight():
    assert (restrict_weights(np.array([0.999, 0.001])) > 0).tolist() == [True, True]
    assert (restrict_weights(np.array([0.9991, 0.0009])) > 0).tolist() == [True, False]


def test_half_of_the_mean_is_the_least_weight_of_many_members():
    shares = np.repeat([1.5, 0.4], 1500)
    expected = np.repeat([1 / 1500, 0], 1500)
    assert restrict_weights(shares / shares.sum()) == pytest.approx(expected)


def test_members_that_are_sure_of_different_classes_disagree_by_the_logarithm_of_2():
    parts = uncertainty_parts([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]])
    assert parts.total == pytest.approx([np.log(2)])
    assert parts.aleatoric.tolist() == [0]
    assert not np.signbit(parts.aleatoric).any()
    assert parts.epistemic == pytest.approx([np.log(2)])


def test_parts_of_uncertainty_by_hand():
    proba = np.array([[[0.9, 0.1]], [[0.5, 0.5]]])
    parts = uncertainty_parts(proba, [3, 1])
    mean = [(3 * 0.9 + 0.5) / 4, (3 * 0.1 + 0.5) / 4]
    assert parts.total == pytest.approx([-sum(p * np.log(p) for p in mean)])
    sure = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert parts.aleatoric == pytest.approx([(3 * sure + np.log(2)) / 4])
    # The mutual information as a mean of divergences from the mean.
    divergence = [(p * np.log(p / mean)).sum() for p in proba[:, 0]]
    assert parts.epistemic == pytest.approx([(3 * divergence[0] + divergence[1]) / 4])


def test_epistemic_uncertainty_is_never_below_0():
    proba = np.random.default_rng(0).dirichlet([0.1] * 5, 2000).astype(np.float32)
    parts = uncertainty_parts(np.stack([proba] * 3))
    assert parts.epistemic.min() == 0
    # A few roundings of numbers near 1 in float64; in float32 they would be near 1e-7.
    assert parts.epistemic.max() < 1e-14
    assert all(part.dtype == np.float64 for part in parts)


@pytest.mark.parametrize("off", [-9e-4, 9e-4])
def test_rows_that_rounding_has_moved_are_divided_by_their_sums(off):
    proba = np.random.default_rng(0).dirichlet([0.1] * 5, (3, 500))
    parts = uncertainty_parts(proba * (1 + off), [1, 2, 3])
    for part, expected in zip(parts, uncertainty_parts(proba, [1, 2, 3]), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-14)
    # A sure row of more than 1 would have an entropy below 0.
    assert uncertainty_parts([[[1 + off, 0.0]]]).total.tolist() == [0]
    assert uncertainty_parts([[[1.0, -abs(off)]]]).total.tolist() == [0]


def test_the_total_is_the_sum_of_the_parts():
    proba = np.random.default_rng(0).dirichlet([0.1] * 5, (3, 500)).astype(np.float16)
    for members in (proba, np.stack([proba[0]] * 3)):
        total, aleatoric, epistemic = uncertainty_parts(members)
        assert (total == aleatoric + epistemic).all()
        assert min(aleatoric.min(), epistemic.min()) >= 0


def test_a_member_of_weight_0_does_not_matter():
    parts = uncertainty_parts([*PROBA[:2], np.full((1, 2), np.nan)], [1, 1, 0])
    expected = uncertainty_parts(PROBA[:2])
    assert [part.tolist() for part in parts] == [part.tolist() for part in expected]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.5, 0.5]],), r"member_proba must be of shape \(n_members, .* got \(1, 2\)"),
        ((np.empty((0, 2, 2)),), r"with members in it, got \(0, 2, 2\)"),
        (([[[0.5, 0.502]]],), "member_proba must be probabilities >= 0 that sum to 1"),
        (([[[1.5, -0.5]]],), "member_proba must be probabilities >= 0 that sum to 1"),
        (([[[np.nan, 1]]],), "member_proba must be probabilities >= 0 that sum to 1"),
        ((PROBA, [1, 1]), r"weights must be 3 finite numbers >= 0, .* got \[1, 1\]"),
        ((PROBA, [1, 1, -1]), "weights must be 3 finite numbers >= 0"),
        ((PROBA, [0, 0, 0]), "and not all 0, got"),
        ((PROBA, [1, np.inf, 0]), "weights must be 3 finite numbers >= 0"),
    ],
)
def test_what_has_no_parts_is_refused(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        uncertainty_parts(*arguments)


def test_what_rounding_adds_to_a_mean_of_ones_is_cut_off():
    above = np.array([[np.float32(1) + np.finfo(np.float32).eps, 0]], dtype=np.float32)
    assert at_most_1(above).tolist() == [[1, 0]]
    assert at_most_1(above).dtype == np.float32
    scores = np.array([[1.01, -3.0]])
    assert at_most_1(scores) is scores or at_most_1(scores).tolist() == scores.tolist()
