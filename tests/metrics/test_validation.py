"""What every score asks of its arguments."""

import numpy as np
import pytest

from skensemble import InvalidParameterError, metrics

LABELLED = [
    metrics.expected_calibration_error,
    metrics.calibration_bins,
    metrics.calibrated_log_likelihood,
    metrics.risk_coverage_curve,
    metrics.risk_coverage_area,
    metrics.accuracy_at_coverage,
]
OF_GAUSSIANS = [
    metrics.interval_calibration_error,
    metrics.gaussian_crps,
    metrics.gaussian_log_likelihood,
]
OF_MEMBERS = [metrics.disagreement, metrics.mutual_information, metrics.output_correlation]
OF_TWO_SIDES = [metrics.ood_auroc, metrics.ood_fpr95]


def rejects(score, good, bad, message):
    score(**good)
    with pytest.raises(InvalidParameterError, match=message):
        score(**(good | bad))


BAD_WEIGHTS = [
    ({"sample_weight": [1]}, r"sample_weight must be of shape \(2,\), got \(1,\)"),
    ({"sample_weight": [1, -1]}, r"sample_weight must be finite, >= 0 .*got \[1, -1\]"),
    ({"sample_weight": [0, 0]}, "sample_weight must be .* not 0 everywhere"),
    ({"sample_weight": [1, np.inf]}, "sample_weight must be finite"),
    ({"sample_weight": ["a", "b"]}, "sample_weight must be an array of numbers"),
]


@pytest.mark.parametrize("score", LABELLED)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"y_proba": []}, r"y_proba must be of shape \(n_samples, n_classes\) .*\(0,\)"),
        ({"y_proba": [0.2, 1.8]}, "y_proba must be probabilities >= 0 that sum to 1"),
        ({"y_proba": [[0.2, 0.9]] * 2}, "y_proba must be probabilities .* sum to 1 .*got .*0.9"),
        (
            {"y_proba": [[0.2, 0.802]] * 2},
            "y_proba must be probabilities .* sum to 1 .*got .*0.802",
        ),
        ({"y_proba": [[-1.0, 2.0]] * 2}, "y_proba must be probabilities >= 0"),
        ({"y_proba": [[np.nan, 1.0]] * 2}, "y_proba must be probabilities .*got .*nan"),
        ({"y_proba": [["a", "b"]] * 2}, "y_proba must be an array of numbers, got"),
        ({"y_proba": [[0.2, 0.8], [1.0]]}, "y_proba must be an array of numbers, got"),
        ({"y_true": ["a", None]}, r"y_true must be labels of one kind, none missing, got"),
        ({"y_true": [0, np.nan]}, r"y_true must be without nan, got"),
        ({"y_true": [0, 1, 1]}, r"y_true must be of shape \(2,\), .*got \(3,\)"),
        ({"y_true": [1, 1]}, r"labels must be given, one for each of the 2 columns .*got \[1\]"),
        ({"labels": [0, 1, 2]}, r"labels must be one for each of the 2 columns .*got \[0, 1, 2\]"),
        ({"labels": [0, 2]}, r"y_true must be among the labels \[0, 2\], got .*1"),
        *BAD_WEIGHTS,
    ],
)
def test_scores_of_labels_name_a_bad_argument_with_its_rule_and_value(score, bad, message):
    rejects(score, {"y_true": [0, 1], "y_proba": [[0.2, 0.8], [0.3, 0.7]]}, bad, message)


@pytest.mark.parametrize("score", OF_GAUSSIANS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"y_true": []}, r"y_true must be of shape \(n,\) with n >= 1, got \(0,\)"),
        ({"y_true": [[1.0], [2.0]]}, r"y_true must be of shape \(n,\) .*got \(2, 1\)"),
        ({"y_true": [1.0, np.nan]}, r"y_true must be finite, got \[1.0, nan\]"),
        ({"y_true": ["a", "b"]}, "y_true must be an array of numbers"),
        ({"mean": [1.0]}, r"mean must be of shape \(2,\), as y_true, got \(1,\)"),
        ({"mean": [1.0, np.inf]}, "mean must be finite"),
        ({"std": 1.0}, r"std must be of shape \(2,\), as y_true, got \(\)"),
        ({"std": [1.0, 0.0]}, "std must be > 0 in every row, got 0.0"),
        *BAD_WEIGHTS,
    ],
)
def test_scores_of_gaussians_name_a_bad_argument(score, bad, message):
    rejects(score, {"y_true": [1.0, 2.0], "mean": [1.0, 1.5], "std": [1.0, 0.5]}, bad, message)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"lower": [0.0]}, r"lower must be of shape \(2,\), as y_true"),
        ({"lower": [0.0, np.nan]}, r"lower must be without nan, got \[0.0, nan\]"),
        ({"upper": [3.0, np.nan]}, "upper must be without nan"),
        ({"upper": [3.0, -1]}, "upper must be >= lower, which is 0 in row 1, got -1.0"),
        ({"y_true": [1.0, np.inf]}, "y_true must be finite"),
        *BAD_WEIGHTS,
    ],
)
def test_a_bad_interval_is_named(bad, message):
    good = {"y_true": [1.0, 2.0], "lower": [0.0, 0.0], "upper": [3.0, 3.0]}
    rejects(metrics.interval_coverage, good, bad, message)


@pytest.mark.parametrize("score", OF_MEMBERS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"member_proba": [0.5, 0.5]}, r"member_proba must be of shape \(n_members, .*got \(2,\)"),
        ({"member_proba": np.ones((0, 2, 2))}, r"member_proba must be .*got \(0, 2, 2\)"),
        ({"member_proba": [["a", "b"]]}, "member_proba must be an array of numbers"),
        *BAD_WEIGHTS,
    ],
)
def test_scores_of_members_name_a_bad_argument(score, bad, message):
    proba = [[[0.2, 0.8], [0.3, 0.7]], [[0.4, 0.6], [0.1, 0.9]]]
    rejects(score, {"member_proba": proba}, bad, message)


@pytest.mark.parametrize("score", [metrics.disagreement, metrics.mutual_information])
@pytest.mark.parametrize("row", [[0.5, 0.7], [-0.5, 1.5]])
def test_members_that_disagree_have_probabilities(score, row):
    with pytest.raises(InvalidParameterError, match="member_proba must be probabilities >= 0 that"):
        score([[row] * 2] * 2)


@pytest.mark.parametrize("values", [[[1.0, np.nan]], [[1.0, np.inf]], [[[np.nan, 1.0]]]])
def test_values_of_members_are_finite(values):
    with pytest.raises(InvalidParameterError, match="member_proba must be finite numbers, got"):
        metrics.output_correlation(values)


def test_members_have_rows():
    with pytest.raises(InvalidParameterError, match=r"with rows in it, got \(0, 2\)"):
        metrics.output_correlation(np.ones((0, 2)))


def test_who_disagrees_is_two():
    message = "member_proba must be those of at least 2 members, got 1"
    with pytest.raises(InvalidParameterError, match=message):
        metrics.disagreement([[[0.2, 0.8]]])


@pytest.mark.parametrize("score", OF_TWO_SIDES)
@pytest.mark.parametrize("side", ["in", "out"])
@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("uncertainty_", [], r"must be of shape \(n,\) with n >= 1, got \(0,\)"),
        ("uncertainty_", [1.0, np.nan], r"must be finite, got \[1.0, nan\]"),
        ("sample_weight_", [1.0], r"must be of shape \(2,\), got \(1,\)"),
        ("sample_weight_", [1.0, -1.0], r"must be finite, >= 0"),
    ],
)
def test_scores_of_two_sides_name_a_bad_argument(score, side, argument, value, message):
    good = {"uncertainty_in": [1.0, 2.0], "uncertainty_out": [1.0, 3.0]}
    rejects(score, good, {argument + side: value}, f"{argument}{side} {message}")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_rounding_of_short_floats_passes(dtype):
    proba = np.random.default_rng(0).dirichlet([1] * 50, size=20).astype(dtype)
    labels = list(range(50))
    for score in LABELLED:
        score(np.arange(20), proba, labels=labels)
    assert metrics.mutual_information(proba[None]) == pytest.approx(0, abs=1e-9)
