import numpy as np
import pytest

from skensemble.averaging import average, last_m_weights, staged_average

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
