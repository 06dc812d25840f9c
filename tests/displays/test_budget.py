"""Quality against epochs."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import NetRegressor
from skensemble._checks import InvalidParameterError
from skensemble.displays import BudgetDisplay
from skensemble.metrics import calibrated_log_likelihood
from skensemble.modules import MLP

RECORDS = [
    {"method": method, "epochs": epochs, "error": error, "log_likelihood": -error}
    for method, epochs, error in [("a", 20, 0.2), ("a", 20, 0.4), ("a", 10, 0.6), ("b", 30, 0.1)]
]


@pytest.mark.parametrize("kind", [list, pd.DataFrame])
def test_runs_of_as_many_epochs_are_one_point(kind):
    display = BudgetDisplay.from_scores(kind(RECORDS))
    error, likelihood = display.lines_["a"]
    assert error.get_xdata().tolist() == [10, 20]
    np.testing.assert_allclose(error.get_ydata(), [0.6, 0.3])
    np.testing.assert_allclose(likelihood.get_ydata(), [-0.6, -0.3])
    bars = display.error_bars_["a"][0].lines[2][0].get_segments()
    # Of one run of 10 epochs there is no spread.
    (bar,) = bars
    half = np.sqrt(2) * 0.1
    np.testing.assert_allclose(bar, [[20, 0.3 - half], [20, 0.3 + half]])
    assert display.error_bars_["b"] == [None, None]
    assert display.lines_["b"][0].get_marker() != error.get_marker()
    assert [ax.get_xscale() for ax in display.ax_] == ["linear", "linear"]


def test_budgets_over_a_decade_stand_on_a_logarithmic_axis():
    wide = [
        record | {"epochs": epochs} for record, epochs in zip(RECORDS, (1, 1, 10, 3), strict=True)
    ]
    display = BudgetDisplay.from_scores(wide)
    assert [ax.get_xscale() for ax in display.ax_] == ["log", "log"]
    assert [label.get_text() for label in display.ax_[1].get_xticklabels()] == ["1", "3", "10"]


def test_estimators_are_scored_against_the_epochs_of_all_their_nets(
    snapshots, weighted, cross_fitted, rows, net
):
    X, y = rows[2:]
    single = make_pipeline(FunctionTransformer(), net.__sklearn_clone__()).fit(*rows[:2])
    both = {"snapshots": [snapshots, weighted], "folds": cross_fitted, "net": single}
    weight = np.arange(len(y))
    display = BudgetDisplay.from_estimators(both, X, y, sample_weight=weight)
    assert {name: epochs.tolist() for name, epochs in display.epochs.items()} == {
        "snapshots": [12, 12],
        "folds": [24],
        "net": [12],
    }
    errors = [1 - one.score(X, y, weight) for one in (snapshots, weighted)]
    np.testing.assert_allclose(display.errors["snapshots"], errors)
    proba = cross_fitted.predict_proba(X)
    expected = calibrated_log_likelihood(y, proba, sample_weight=weight)
    assert display.log_likelihoods["folds"].tolist() == [expected]


def test_a_net_without_a_number_of_epochs_has_those_of_its_history(rows, net):
    X, y = rows[:2]
    plain = NeuralNetClassifier(MLP, module__n_features=4, module__n_outputs=3, verbose=0)
    plain = plain.set_params(criterion=nn.CrossEntropyLoss, max_epochs=3).fit(X, y)
    assert BudgetDisplay.from_estimators(plain, X, y).epochs["NeuralNetClassifier"].tolist() == [3]


def test_labels_without_rows_are_those_of_the_estimator(snapshots, rows):
    X, y = rows[2:]
    display = BudgetDisplay.from_estimators(snapshots, X[y < 2], y[y < 2])
    proba = snapshots.predict_proba(X[y < 2])
    expected = calibrated_log_likelihood(y[y < 2], proba, labels=[0, 1, 2])
    assert display.log_likelihoods["SnapshotEnsembleClassifier"].tolist() == [expected]


def test_plot_draws_on_the_axes_that_are_given():
    display = BudgetDisplay.from_scores(RECORDS)
    for column in Figure().subplots(2, 2).T:
        assert display.plot(column).lines_["a"][1].axes is column[1]


def test_records_that_lack_something_are_refused():
    with pytest.raises(InvalidParameterError, match="records must be dicts with"):
        BudgetDisplay.from_scores([{"method": "a"}])
    with pytest.raises(InvalidParameterError, match="records must be one at least"):
        BudgetDisplay.from_scores([])


def test_what_is_no_net_or_no_classifier_is_refused(rows):
    X, y = rows[:2]
    with pytest.raises(InvalidParameterError, match="how long they were trained"):
        BudgetDisplay.from_estimators({"line": LinearRegression().fit(X, y)}, X, y)
    regressor = NetRegressor(module__hidden_units=(2,), max_epochs=1).fit(X, y.astype(float))
    with pytest.raises(InvalidParameterError, match="estimators must be classifiers"):
        BudgetDisplay.from_estimators({"net": regressor}, X, y)


def test_no_estimators_and_iterations_of_each_class_are_refused(rows):
    X, y = rows[:2]
    with pytest.raises(InvalidParameterError, match="estimators must be one at least"):
        BudgetDisplay.from_estimators({}, X, y)
    with pytest.raises(InvalidParameterError, match="estimators must be one at least of 'a'"):
        BudgetDisplay.from_estimators({"a": []}, X, y)
    with pytest.raises(InvalidParameterError, match=r"n_iter_, a number, .*got LogisticRegression"):
        BudgetDisplay.from_estimators({"line": LogisticRegression().fit(X, y)}, X, y)
