"""What a search over parameters has found: scores against one of them, or against two."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skensemble._checks import reject
from skensemble.displays._scoring import name_of_score
from skensemble.displays._style import (
    COLOURS,
    DASHES,
    MARKERS,
    are_numbers,
    axes_of,
    draw_heat_map,
    place_numbers,
    put_legend,
)

__all__ = ["SearchDisplay"]


class SearchDisplay:
    """Cross-validated score against a parameter, as lines, or against two, as a heat map.

    Parameters
    ----------
    x_values : sequence of length n_x
        Values of the parameter on x, in order: numbers, or anything else.
    mean_scores : array-like of shape (n_x,), or (n_lines, n_x), or (n_y, n_x) with `y_values`
        Mean score of the folds; nan where nothing was tried.
    std_scores : array-like of the same shape, default=None
        Standard deviation over the folds.
    y_values : sequence of length n_y, default=None
        Values of a second parameter on y: with them there is a heat map.
    hue_values : sequence of length n_lines, default=None
        Values of a second parameter: a line for each.
    x_name, y_name, hue_name : str, default="parameter"
        What the parameters are called; of an empty `hue_name` a legend has the values alone.
    score_name : str, default="score"
        What the score is called.
    lower_is_better : bool, default=False
        Whether it is a loss.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        Empty for a heat map.
    bands_ : list of matplotlib artists
        One standard deviation to either side of each line.
    image_ : matplotlib AxesImage or None
        The heat map.
    texts_ : ndarray of shape (n_y, n_x) or None
        Its numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import LockstepGridSearchCV, NetClassifier, SnapshotEnsembleClassifier
    >>> from skensemble.displays import SearchDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NetClassifier(max_epochs=20, batch_size=16)
    >>> ensemble = SnapshotEnsembleClassifier(net, random_state=0)
    >>> grid = {"M": [1, 2, 3], "alpha_zero": [0.02, 0.2]}
    >>> search = LockstepGridSearchCV(ensemble, grid, cv=3).fit(scale(X), y)
    >>> display = SearchDisplay.from_cv_results(search.cv_results_, "M", "alpha_zero")
    >>> display.mean_scores.shape
    (2, 3)
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        x_values: Sequence[Any],
        mean_scores: Any,
        std_scores: Any = None,
        y_values: Sequence[Any] | None = None,
        hue_values: Sequence[Any] | None = None,
        x_name: str = "parameter",
        y_name: str = "parameter",
        hue_name: str = "parameter",
        score_name: str = "score",
        lower_is_better: bool = False,
    ) -> None:
        self.x_values = x_values
        self.mean_scores = mean_scores
        self.std_scores = std_scores
        self.y_values = y_values
        self.hue_values = hue_values
        self.x_name = x_name
        self.y_name = y_name
        self.hue_name = hue_name
        self.score_name = score_name
        self.lower_is_better = lower_is_better

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        x: str,
        y: str | None = None,
        *,
        hue: str | None = None,
        where: Mapping[str, Any] | None = None,
        metric: str = "score",
        score_name: str | None = None,
        ax: Any = None,
    ) -> "SearchDisplay":
        """Draw what a search has found.

        Where several candidates have the same values of the parameters that are shown, the best of
        them is; `where` narrows them down.

        Parameters
        ----------
        cv_results : dict
            `cv_results_` of scikit-learn's searches or of ours.
        x : str
            Parameter on x. A short name such as "alpha_zero" stands for one with prefixes, such as
            "snapshotensembleclassifier__alpha_zero", where there is only one such.
        y : str, default=None
            Parameter on y of a heat map; None draws lines.
        hue : str, default=None
            Parameter that has a line for each of its values.
        where : dict of str to object, default=None
            Values of other parameters to which the candidates are restricted.
        metric : str, default="score"
            Which score, of a search by several.
        score_name : str, default=None
            What the score is called; None takes `metric`. Where one of the two begins with
            ``"neg_"``, as ``"neg_log_loss"``, scores are turned round into losses.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : SearchDisplay

        Raises
        ------
        InvalidParameterError
            If there is no such parameter or metric, a short name stands for several, `y` and `hue`
            are both given, or no candidate is left by `where`.
        """
        if y is not None and hue is not None:
            raise reject("hue", "None with y, which draws a heat map", hue)
        if f"mean_test_{metric}" not in cv_results:
            metrics = [k.removeprefix("mean_test_") for k in cv_results if k[:10] == "mean_test_"]
            raise reject("metric", f"one of {metrics}", metric)
        score_name = metric if score_name is None else score_name
        is_loss = metric.startswith("neg_") or score_name.startswith("neg_")
        means = np.asarray(cv_results[f"mean_test_{metric}"], dtype=float)
        stds = np.asarray(cv_results[f"std_test_{metric}"], dtype=float)
        kept = _restricted(cv_results, where or {}, len(means))
        xs, second = _column(cv_results, "x", x), y if hue is None else hue
        role = "y" if hue is None else "hue"
        seconds = [None] * len(means) if second is None else _column(cv_results, role, second)
        x_values = _in_order([xs[k] for k in kept])
        second_values = _in_order([seconds[k] for k in kept])
        mean, std = np.full((2, len(second_values), len(x_values)), np.nan)
        for k in sorted(kept, key=lambda k: (np.isfinite(means[k]), means[k])):
            # The best comes last.
            cell = second_values.index(seconds[k]), x_values.index(xs[k])
            mean[cell], std[cell] = -means[k] if is_loss else means[k], stds[k]
        if second is None:
            mean, std = mean[0], std[0]
        values = {"y_values": second_values, "y_name": y} if y is not None else {}
        values |= {"hue_values": second_values, "hue_name": hue} if hue is not None else {}
        display = cls(
            x_values=x_values,
            mean_scores=mean,
            std_scores=std,
            x_name=x,
            score_name=name_of_score(score_name),
            lower_is_better=is_loss,
            **values,
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> "SearchDisplay":
        """Draw lines, or a heat map where there are values on y.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : SearchDisplay
        """
        (ax,) = axes_of(ax, self)
        self.lines_, self.bands_, self.image_, self.texts_ = [], [], None, None
        better = "lower" if self.lower_is_better else "higher"
        label = f"{self.score_name} ({better} is better)"
        if self.y_values is not None:
            self._draw_map(ax, label)
        else:
            self._draw_lines(ax)
            ax.set_ylabel(label)
        ax.set_xlabel(self.x_name)
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return self

    def _draw_lines(self, ax: Any) -> None:
        means = np.atleast_2d(self.mean_scores)
        stds = None if self.std_scores is None else np.atleast_2d(self.std_scores)
        if are_numbers(self.x_values):
            x = self.x_values
            place_numbers([ax], x)
        else:
            x = np.arange(len(self.x_values))
            ax.set_xticks(x, map(_text, self.x_values))
        for k, mean in enumerate(means):
            colour = COLOURS[k % len(COLOURS)]
            style = {"color": colour, "marker": MARKERS[k % len(MARKERS)], "zorder": 3}
            style |= {"linestyle": DASHES[k % len(DASHES)], "markersize": 5}
            if self.hue_values is not None:
                name = f"{self.hue_name} = " if self.hue_name else ""
                style["label"] = name + _text(self.hue_values[k])
            self.lines_ += ax.plot(x, mean, **style)
            if stds is not None:
                low, high = mean - stds[k], mean + stds[k]
                band = ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
                self.bands_.append(band)
        put_legend(ax, n_columns=3)

    def _draw_map(self, ax: Any, label: str) -> None:
        values = np.asarray(self.mean_scores)
        colours = "viridis_r" if self.lower_is_better else "viridis"
        self.image_, self.texts_ = draw_heat_map(ax, values, colours)
        ax.set_xticks(range(len(self.x_values)), map(_text, self.x_values))
        ax.set_yticks(range(len(self.y_values or ())), map(_text, self.y_values or ()))
        ax.set_ylabel(self.y_name)
        ax.get_figure(root=True).colorbar(self.image_, ax=ax, label=label)


def _column(cv_results: Mapping[str, Any], role: str, name: str) -> list[Any]:
    """Return the values that a parameter has in each candidate, None where it has none."""
    names = [key.removeprefix("param_") for key in cv_results if key.startswith("param_")]
    found = [one for one in names if one == name]
    found = found or [one for one in names if one.endswith(f"__{name}")]
    if len(found) != 1:
        rule = f"one of {found or names}" + (", which it may be short for" if found else "")
        raise reject(role, rule, name)
    column = np.ma.asarray(cv_results[f"param_{found[0]}"])
    return [None if value is np.ma.masked else value for value in column.tolist()]


def _restricted(cv_results: Mapping[str, Any], where: Mapping[str, Any], n: int) -> list[int]:
    """Return the candidates that have certain values."""
    columns = {name: _column(cv_results, "where", name) for name in where}
    kept = [k for k in range(n) if all(columns[name][k] == where[name] for name in where)]
    if not kept:
        raise reject("where", "values that a candidate has", dict(where))
    return kept


def _in_order(values: Sequence[Any]) -> list[Any]:
    """Return the different values, numbers by size, others as they come."""
    different = [value for k, value in enumerate(values) if value not in values[:k]]
    return sorted(different) if are_numbers(different) else different


def _text(value: Any) -> str:
    return f"{value:g}" if are_numbers([value]) else str(value)
