"""Error among the surest rows."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from skensemble import SnapshotEnsembleClassifier
from skensemble.displays import RiskCoverageDisplay
from skensemble.metrics import risk_coverage_area, risk_coverage_curve

Y_TRUE = [0, 1, 0, 1]
Y_PROBA = [0.1, 0.8, 0.3, 0.4]


def test_the_curve_is_the_error_of_the_surest_rows():
    display = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA)
    x, y = display.line_.get_data()
    # Sure in this order: 0.9, 0.8, 0.7, and 0.6, which is wrong.
    np.testing.assert_allclose(x[-4:], [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(y[-4:], [0, 0, 0, 0.25])


def test_the_legend_has_name_and_area(snapshots, rows):
    X, y = rows[2:]
    weight = np.arange(len(y))
    display = RiskCoverageDisplay.from_estimator(snapshots, X, y, sample_weight=weight)
    area = risk_coverage_area(y, snapshots.predict_proba(X), sample_weight=weight)
    assert display.line_.get_label() == f"SnapshotEnsembleClassifier: area {area:.3g}"


def test_the_curve_has_the_weights_of_rows_and_the_labels_of_the_estimator(snapshots, rows):
    X, y = (part[rows[3] < 2] for part in rows[2:])
    how = {"sample_weight": np.arange(len(y))}
    display = RiskCoverageDisplay.from_estimator(snapshots, X, y, **how)
    proba = snapshots.predict_proba(X)
    coverage, risk, _ = risk_coverage_curve(y, proba, **how, labels=[0, 1, 2])
    assert [list(part) for part in display.line_.get_data()] == [coverage.tolist(), risk.tolist()]


def test_curves_share_axes_and_differ():
    first = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, name="one")
    second = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, name="two", ax=first.ax_)
    assert len(first.ax_.lines) == 2
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    texts = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert [text.partition(":")[0] for text in texts] == ["one", "two"]


def test_a_display_of_numbers_alone_has_no_legend():
    display = RiskCoverageDisplay(coverage=[0.5, 1], risk=[0, 0.1])
    first, second = Figure().subplots(1, 2)
    assert display.plot(first).ax_ is first
    assert display.plot(second).line_.axes is second
    assert second.get_legend() is None


def test_what_is_not_fitted_is_refused(rows):
    with pytest.raises(NotFittedError):
        RiskCoverageDisplay.from_estimator(SnapshotEnsembleClassifier(), *rows[2:])
