import numpy as np
import pytest

from skensemble.metrics import ood_auroc, ood_fpr95


def test_auroc_is_the_share_of_pairs_in_which_the_row_from_elsewhere_is_less_sure():
    # Of six pairs 0.3 is above one and level with one, 0.9 above all.
    area = ood_auroc([0.1, 0.3, 0.4], [0.3, 0.9])
    assert area == pytest.approx((1 + 1 / 2 + 3) / 6)


def test_auroc_has_weights_of_either_side():
    area = ood_auroc(
        [0.1, 0.3, 0.4], [0.3, 0.9], sample_weight_in=[1, 2, 3], sample_weight_out=[4, 1]
    )
    # Pairs of 0.3 with weights 4 * 1 and 4 * 2, and all of 0.9.
    assert area == pytest.approx((4 * 1 + 4 * 2 / 2 + 1 * 6) / (5 * 6))


def test_the_ends_of_auroc():
    assert ood_auroc([1, 2], [3, 4]) == 1
    assert ood_auroc([3, 4], [1, 2]) == 0
    assert ood_auroc([1, 1], [1, 1, 1]) == 0.5


def test_fpr95_is_what_passes_with_95_percent_of_the_rows():
    # 19 of 20 rows are at most 19; so are two of the four others, 19 itself among them.
    inside = np.arange(1, 21)
    assert ood_fpr95(inside, [3, 19, 19.5, 30]) == 2 / 4


@pytest.mark.parametrize(("n_rows", "passing"), [(20, 19), (21, 20), (39, 38), (40, 38), (1, 1)])
def test_at_least_95_percent_pass(n_rows, passing):
    # The least whole number that is no less than 0.95 n_rows.
    inside = np.arange(1, n_rows + 1)
    assert ood_fpr95(inside, [passing]) == 1
    assert ood_fpr95(inside, [passing + 0.5]) == 0


def test_rows_of_equal_uncertainty_all_pass():
    # 90 % are at 0, and the rest at 1: all must pass for 95 % to.
    inside = np.repeat([0, 1], [9, 1])
    assert ood_fpr95(inside, [0.5, 1, 1, 2]) == 3 / 4


def test_fpr95_has_weights_of_either_side():
    # A weight of 19 to one: the first alone is 95 %.
    inside, outside = [0.1, 0.4], [0.1, 0.2, 0.5]
    assert ood_fpr95(inside, outside) == 2 / 3
    assert ood_fpr95(inside, outside, sample_weight_in=[19, 1]) == 1 / 3
    weighted = ood_fpr95(inside, outside, sample_weight_in=[19, 1], sample_weight_out=[3, 1, 1])
    assert weighted == pytest.approx(3 / 5)


def test_the_ends_of_fpr95():
    assert ood_fpr95([1, 2], [3, 4]) == 0
    assert ood_fpr95([3, 4], [1, 2]) == 1
