import numpy as np
import pytest
from scipy.stats import entropy

from skensemble import InvalidParameterError
from skensemble.averaging import uncertainty_parts
from skensemble.metrics import disagreement, mutual_information, output_correlation


def voting(*votes):
    """Give members that are 80 % sure of the first, second or third class, row by row."""
    return np.array([[np.where(np.arange(3) == k, 0.8, 0.1) for k in member] for member in votes])


def test_disagreement_is_the_share_of_rows_and_pairs_with_two_labels():
    # Pairs of the first row: 1 of 3 agrees; of the second all; of the third none.
    members = voting([0, 1, 0], [0, 1, 1], [2, 1, 2])
    assert disagreement(members) == pytest.approx((2 / 3 + 0 + 1) / 3)
    weighted = disagreement(members, sample_weight=[1, 2, 1])
    assert weighted == pytest.approx((2 / 3 + 2 * 0 + 1) / 4)


def test_disagreement_is_the_mean_over_the_pairs():
    members = np.random.default_rng(0).dirichlet([1] * 4, (5, 30))
    labels = members.argmax(axis=2)
    pairs = [(labels[i] != labels[j]).mean() for i in range(5) for j in range(i)]
    assert disagreement(members) == pytest.approx(np.mean(pairs))


def test_the_first_of_equal_probabilities_is_predicted():
    tied = [[[0.4, 0.4, 0.2]], [[0.5, 0.3, 0.2]]]
    assert disagreement(tied) == 0


def test_members_that_agree_or_never_do():
    assert disagreement(voting([0, 1], [0, 1])) == 0
    assert disagreement(voting([0, 1], [1, 2], [2, 0])) == 1


def test_correlation_is_pearsons_over_rows_and_classes():
    members = np.random.default_rng(0).dirichlet([1] * 3, (4, 20))
    expected = np.corrcoef(members.reshape(4, 60))
    np.testing.assert_allclose(output_correlation(members), expected)


def test_correlation_by_hand():
    # From the mean of a half: (.4, -.4, -.3, .3) and (.1, -.1, .2, -.2).
    members = [[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.7, 0.3]]]
    product = 2 * (0.4 * 0.1 - 0.3 * 0.2)
    squares = 2 * (0.4**2 + 0.3**2), 2 * (0.1**2 + 0.2**2)
    expected = product / np.sqrt(squares[0] * squares[1])
    np.testing.assert_allclose(output_correlation(members), [[1, expected], [expected, 1]])


def test_members_that_say_the_same_or_the_opposite():
    one = np.array([[0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_allclose(
        output_correlation([one, one, 1 - one]), [[1, 1, -1], [1, 1, -1], [-1, -1, 1]]
    )
    assert output_correlation(one[None]).tolist() == [[1]]


def test_a_member_that_never_changes_has_no_correlation():
    one, constant = [[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]
    nan = np.nan
    np.testing.assert_array_equal(output_correlation([one, constant]), [[1, nan], [nan, nan]])
    # In floats, the mean of three 0.1 is not 0.1.
    given = output_correlation([[0.1] * 3, [1.0, 2.0, 4.0]])
    np.testing.assert_array_equal(given, [[nan, nan], [nan, 1]])
    # Nor has one that changes only where there is no weight.
    rows = [[0.1] * 3 + [0.5], [1.0, 2.0, 4.0, 0.0]]
    given = output_correlation(rows, sample_weight=[1, 1, 1, 0])
    np.testing.assert_array_equal(given, [[nan, nan], [nan, 1]])


def test_no_correlation_is_beyond_1_by_rounding():
    # Without a bound some of these are 1 + 2e-16.
    for seed in range(9):
        values = np.random.default_rng(seed).normal(size=5)
        assert abs(output_correlation([values, 3 * values, -2 * values])).max() == 1


def test_values_of_regressors_correlate_too():
    values = np.random.default_rng(0).normal(size=(3, 20))
    np.testing.assert_allclose(output_correlation(values), np.corrcoef(values))
    weights = np.arange(20)
    by_weight = np.cov(values, aweights=weights)
    scale = np.sqrt(np.diag(by_weight))
    given = output_correlation(values, sample_weight=weights)
    np.testing.assert_allclose(given, by_weight / np.outer(scale, scale))


def test_values_of_several_targets_correlate_over_all_of_them():
    values = np.random.default_rng(0).normal(size=(3, 20, 2))
    np.testing.assert_allclose(output_correlation(values), np.corrcoef(values.reshape(3, -1)))
    weights = np.arange(20) % 2
    given = output_correlation(values, sample_weight=weights)
    np.testing.assert_allclose(given, np.corrcoef(values[:, 1::2].reshape(3, -1)))


def test_mutual_information_is_the_entropy_of_the_mean_minus_the_mean_of_entropies():
    members = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.3, 0.7], [0.5, 0.5]]])
    first = entropy([0.6, 0.4]) - (entropy([0.9, 0.1]) + entropy([0.3, 0.7])) / 2
    assert mutual_information(members) == pytest.approx((first + 0) / 2)
    weighted = mutual_information(members, sample_weight=[3, 1])
    assert weighted == pytest.approx((3 * first + 0) / 4)


def test_members_may_have_weights():
    members = np.array([[[0.9, 0.1]], [[0.3, 0.7]]])
    # The mean is 0.9 / 4 + 3 * 0.3 / 4 = 0.45.
    expected = entropy([0.45, 0.55]) - (entropy([0.9, 0.1]) + 3 * entropy([0.3, 0.7])) / 4
    assert mutual_information(members, weights=[1, 3]) == pytest.approx(expected)
    assert mutual_information(members, weights=[0.25, 0.75]) == pytest.approx(expected)


def test_mutual_information_is_the_mean_of_the_epistemic_part():
    members = np.random.default_rng(0).dirichlet([1] * 3, (4, 20))
    parts = uncertainty_parts(members, [1, 2, 3, 4])
    given = mutual_information(members, weights=[1, 2, 3, 4])
    assert given == pytest.approx(parts.epistemic.mean())


def test_mutual_information_at_its_ends():
    same = np.random.default_rng(0).dirichlet([1] * 3, (1, 20))
    assert mutual_information(np.repeat(same, 3, axis=0)) == pytest.approx(0, abs=1e-12)
    assert mutual_information(np.repeat(same, 3, axis=0)) >= 0
    # Each of three members is certain of a class of its own.
    assert mutual_information(np.eye(3)[:, None]) == pytest.approx(np.log(3))


def test_what_rounding_took_below_0_is_0():
    given = mutual_information([[[1 + 1e-9, -1e-9]], [[0.0, 1.0]]])
    assert given == pytest.approx(np.log(2))


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, np.nan]])
def test_weights_of_members_are_checked(weights):
    members = [[[0.9, 0.1]], [[0.3, 0.7]]]
    with pytest.raises(InvalidParameterError, match=r"weights must be .*2.*, got"):
        mutual_information(members, weights=weights)
