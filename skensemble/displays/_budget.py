"""What epochs buy: quality of several methods against what they cost."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skensemble._checks import reject
from skensemble.displays._fitted import named, proba_of, unwrap
from skensemble.displays._style import COLOURS, DASHES, MARKERS, axes_of, place_numbers, put_legend
from skensemble.metrics import calibrated_log_likelihood

__all__ = ["BudgetDisplay"]

KEYS = ("method", "epochs", "error", "log_likelihood")
"""What a record of `from_scores` has."""


class BudgetDisplay:
    """Error and calibrated log-likelihood against epochs spent, of several methods.

    Parameters
    ----------
    epochs : dict of str to array-like of shape (n_runs,)
        Epochs of training that each run of a method has cost, of all its nets together.
    errors : dict of str to array-like of shape (n_runs,)
        Share of wrong labels on held-out rows.
    log_likelihoods : dict of str to array-like of shape (n_runs,)
        Calibrated log-likelihood, in nats for a row.

    Attributes
    ----------
    ax_ : ndarray of two matplotlib Axes
        Error, and log-likelihood below it.
    figure_ : matplotlib Figure
    lines_ : dict of str to list of two matplotlib Line2D
        Error and log-likelihood of each method. Runs of as many epochs, such as those of several
        seeds, are one point at their mean.
    error_bars_ : dict of str to list of two matplotlib artists or None
        Standard deviations of such runs, to either side, where there are several.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import BudgetDisplay
    >>> runs = [("single net", 10, 0.12, -0.40), ("single net", 50, 0.10, -0.35)]
    >>> runs += [("snapshots", 10, 0.11, -0.36), ("snapshots", 50, 0.08, -0.28)]
    >>> keys = ("method", "epochs", "error", "log_likelihood")
    >>> display = BudgetDisplay.from_scores([dict(zip(keys, run)) for run in runs])
    >>> list(display.lines_)
    ['single net', 'snapshots']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        epochs: Mapping[str, Any],
        errors: Mapping[str, Any],
        log_likelihoods: Mapping[str, Any],
    ) -> None:
        self.epochs = epochs
        self.errors = errors
        self.log_likelihoods = log_likelihoods

    @classmethod
    def from_scores(cls, records: Any, *, ax: Any = None) -> "BudgetDisplay":
        """Draw scores that were measured before.

        Parameters
        ----------
        records : iterable of dict, or DataFrame
            One for each run: its "method", "epochs", "error" and "log_likelihood".
        ax : two matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : BudgetDisplay

        Raises
        ------
        InvalidParameterError
            If there is no record, or one lacks something.
        """
        listed = records.to_dict("records") if hasattr(records, "to_dict") else list(records)
        for record in listed:
            if any(key not in record for key in KEYS):
                raise reject("records", f"dicts with {list(KEYS)}", record)
        if not listed:
            raise reject("records", "one at least", listed)
        runs: dict[str, list[tuple[float, ...]]] = {}
        for record in listed:
            runs.setdefault(str(record["method"]), []).append(tuple(record[k] for k in KEYS[1:]))
        return cls._from_runs(runs).plot(ax)

    @classmethod
    def from_estimators(
        cls, estimators: Any, X: Any, y: Any, *, sample_weight: Any = None, ax: Any = None
    ) -> "BudgetDisplay":
        """Score fitted classifiers on held-out rows, against the epochs that they were trained for.

        Parameters
        ----------
        estimators : dict of str to classifiers
            By method a fitted ensemble or net, or a list of them, of several budgets and seeds.
        X : array-like of shape (n_samples, ...)
            Rows that none of them has seen.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        ax : two matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : BudgetDisplay

        Raises
        ------
        InvalidParameterError
            If there is none, one is no classifier, or does not say how long it was trained.
        NotFittedError
            If one is not fitted.
        """
        runs = {}
        for name, given in named(estimators).items():
            fitted = given if isinstance(given, list | tuple) else [given]
            if not fitted:
                raise reject("estimators", f"one at least of {name!r}", given)
            runs[name] = [_run(estimator, X, y, sample_weight) for estimator in fitted]
        if not runs:
            raise reject("estimators", "one at least", estimators)
        return cls._from_runs(runs).plot(ax)

    @classmethod
    def _from_runs(cls, runs: Mapping[str, Iterable[tuple[float, ...]]]) -> "BudgetDisplay":
        columns = {name: np.array(list(own), dtype=float).T for name, own in runs.items()}
        epochs, errors, likelihoods = (
            {name: column[k] for name, column in columns.items()} for k in range(3)
        )
        return cls(epochs=epochs, errors=errors, log_likelihoods=likelihoods)

    def plot(self, ax: Any = None) -> "BudgetDisplay":
        """Draw error, and log-likelihood below it.

        Parameters
        ----------
        ax : two matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : BudgetDisplay
        """
        axes = axes_of(ax, self, n_rows=2, heights=[2.8, 2.4])
        self.lines_ = {name: [] for name in self.epochs}
        self.error_bars_ = {name: [] for name in self.epochs}
        for one, values in zip(axes, (self.errors, self.log_likelihoods), strict=True):
            for k, (name, epochs) in enumerate(self.epochs.items()):
                style = {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}
                line, bars = _draw_runs(one, np.asarray(epochs), np.asarray(values[name]), style)
                line.set(linestyle=DASHES[k % len(DASHES)], label=name)
                self.lines_[name].append(line)
                self.error_bars_[name].append(bars)
        spent = np.unique(np.concatenate([*map(np.atleast_1d, self.epochs.values())]))
        place_numbers(axes, spent)
        axes[0].set_ylabel("error (lower is better)")
        axes[1].set_ylabel("calibrated log-lik.\n(higher is better)")
        axes[1].set_xlabel("epochs spent")
        put_legend(axes[0], n_columns=3)
        self.ax_, self.figure_ = np.array(axes), axes[0].get_figure(root=True)
        return self


def _draw_runs(ax: Any, epochs: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> Any:
    """Draw means over runs of as many epochs, and their spread where there are several."""
    x = np.unique(epochs)
    groups = [values[epochs == one] for one in x]
    (line,) = ax.plot(x, [group.mean() for group in groups], markersize=5, **style)
    repeated = [(one, group) for one, group in zip(x, groups, strict=True) if len(group) > 1]
    if not repeated:
        return line, None
    spread = {"fmt": "none", "ecolor": style["color"], "elinewidth": 1, "capsize": 2}
    bars = [(one, group.mean(), group.std(ddof=1)) for one, group in repeated]
    return line, ax.errorbar(*zip(*bars, strict=True), **spread)


def _says_epochs(estimator: Any) -> bool:
    # Linear models of scikit-learn count the iterations of each class, in an array.
    return np.ndim(getattr(estimator, "n_iter_", ())) == 0 or hasattr(estimator, "history")


def _run(estimator: Any, X: Any, y: Any, sample_weight: Any) -> tuple[float, float, float]:
    """Return epochs, error and calibrated log-likelihood of a fitted classifier."""
    check_is_fitted(estimator)
    inner, _ = unwrap(estimator, _says_epochs)
    if inner is None:
        rule = "classifiers that say by n_iter_, a number, or history how long they were trained"
        raise reject("estimators", rule, estimator)
    epochs = inner.n_iter_ if hasattr(inner, "n_iter_") else len(inner.history)
    if not is_classifier(estimator):
        raise reject("estimators", "classifiers, whose errors are counted", estimator)
    proba, labels = proba_of(estimator, X), estimator.classes_
    error = np.average(estimator.predict(X) != np.asarray(y), weights=sample_weight)
    likelihood = calibrated_log_likelihood(y, proba, sample_weight=sample_weight, labels=labels)
    # The epochs of cross-fitted ensembles are those of each net.
    return float(epochs) * getattr(inner, "n_nets_", 1), float(error), likelihood
