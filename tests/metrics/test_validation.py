"""What every score of probabilities asks of its arguments."""

import numpy as np
import pytest

from skensemble import InvalidParameterError, metrics


@pytest.mark.parametrize("score", [getattr(metrics, name) for name in metrics.__all__])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_proba": []}, r"y_proba must be of shape \(n_samples, n_classes\) .*\(0,\)"),
        ({"y_proba": [0.2, 1.8]}, "y_proba must be probabilities >= 0 that sum to 1"),
        ({"y_proba": [[0.2, 0.9]] * 2}, "y_proba must be probabilities .* sum to 1 .*got .*0.9"),
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
        ({"sample_weight": [1]}, r"sample_weight must be of shape \(2,\), got \(1,\)"),
        ({"sample_weight": [1, -1]}, r"sample_weight must be finite, >= 0 .*got \[1, -1\]"),
        ({"sample_weight": [0, 0]}, "sample_weight must be .* not 0 everywhere"),
        ({"sample_weight": [1, np.inf]}, "sample_weight must be finite"),
    ],
)
def test_a_bad_argument_is_named_with_its_rule_and_value(score, arguments, message):
    good = {"y_true": [0, 1], "y_proba": [[0.2, 0.8], [0.3, 0.7]]}
    with pytest.raises(InvalidParameterError, match=message):
        score(**(good | arguments))
