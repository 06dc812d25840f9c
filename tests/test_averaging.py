import numpy as np
import pytest

from skensemble.averaging import average, last_m_weights, restrict_weights, staged_average

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
