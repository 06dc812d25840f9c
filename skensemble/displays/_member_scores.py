"""How well single members do, and the mean of the last of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skensemble._arrays import shares_of
from skensemble._checks import reject
from skensemble.averaging import staged_average
from skensemble.displays._fitted import (
    outputs_of,
    positions_of,
    rows_and_ensemble,
    weights_by_kind,
)
from skensemble.displays._scoring import Scorer, checked_outputs, scorer_of, scores_of_members
from skensemble.displays._style import (
    AVERAGE,
    COLOURS,
    DASHES,
    MEMBER,
    axes_of,
    put_legend,
    tick_wholes,
)

__all__ = ["MemberScoresDisplay"]


class MemberScoresDisplay:
    """Score of each member, and of the mean of the last m, over members in order of training.

    Members stand from the oldest on the left to the last one on the right. The dots are members
    alone. At member k the line is the mean of members k, k + 1, ... up to the last one: on the
    right that of the last member, on the left that of all.

    Parameters
    ----------
    member_scores : array-like of shape (n_members,) or (n_ensembles, n_members)
        Score of each member, oldest first.
    staged_scores : array-like of shape (n_positions,) or (n_ensembles, n_positions)
        Score of the mean over the last 1, 2, ... positions in the training, as `staged_score` has
        it.
    member_positions : array-like of shape (n_members,), default=None
        Place of each member in the training, from 0, which members of several nets share; None is
        a place for each.
    weighted_scores : dict of str to float or array-like of shape (n_ensembles,), default=None
        Scores of means with certain weights, by their names.
    score_name : str, default="score"
        What the scores are.
    lower_is_better : bool, default=False
        Whether they are losses.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    points_ : matplotlib Line2D
        The members; of several ensembles their mean.
    line_ : matplotlib Line2D
        The mean of the last members, from that of all on the left.
    band_ : matplotlib artist or None
        Standard deviation of the line over several ensembles, to either side.
    error_bars_ : matplotlib artist or None
        That of the points.
    weighted_lines_ : list of matplotlib Line2D
        One for each of `weighted_scores`.

    See Also
    --------
    MemberWeightsDisplay : How much each member counts.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import SnapshotEnsembleClassifier
    >>> from skensemble.displays import MemberScoresDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = SnapshotEnsembleClassifier(random_state=0).fit(scale(X)[::2], y[::2])
    >>> display = MemberScoresDisplay.from_estimator(
    ...     ensemble, scale(X)[1::2], y[1::2], scoring="neg_log_loss"
    ... )
    >>> display.member_scores.shape, display.score_name
    ((5,), 'log-loss')
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        member_scores: Any,
        staged_scores: Any,
        member_positions: Any = None,
        weighted_scores: Mapping[str, Any] | None = None,
        score_name: str = "score",
        lower_is_better: bool = False,
    ) -> None:
        self.member_scores = member_scores
        self.staged_scores = staged_scores
        self.member_positions = member_positions
        self.weighted_scores = weighted_scores
        self.score_name = score_name
        self.lower_is_better = lower_is_better

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        scoring: Any = None,
        sample_weight: Any = None,
        ax: Any = None,
    ) -> "MemberScoresDisplay":
        """Score the members of a fitted ensemble on held-out rows.

        Parameters
        ----------
        estimator : BaseEnsemble or sequence of them
            Fitted, also at the end of pipelines. Of several, such as one for each of some seeds,
            mean and standard deviation are shown; they have to have as many members.
        X : array-like of shape (n_samples, ...)
            Rows, best ones that no fit has seen.
        y : array-like of shape (n_samples,)
            Labels or targets.
        scoring : str, callable or None, default=None
            A scorer's name, such as "neg_log_loss", or one by `make_scorer`; None is accuracy or
            R squared. Losses are shown as such, without their minus.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MemberScoresDisplay
            Ensembles whose members do not count alike also show their own mean, and that with
            equal weights, both of the last `m`.

        Raises
        ------
        InvalidParameterError
            If `estimator` is no ensemble, several differ in members or in their kinds of weights,
            or `scoring` is none.
        NotFittedError
            If an ensemble is not fitted.
        """
        is_one = not isinstance(estimator, list | tuple)
        ensembles = [rows_and_ensemble(one, X) for one in _listed(estimator)]
        kinds = _kinds([ensemble for ensemble, _ in ensembles])
        parts = []
        for (ensemble, rows), weights in zip(ensembles, kinds, strict=True):
            outputs = outputs_of(ensemble, rows)
            staged, score = ensemble._staged(outputs), Scorer.of(ensemble, scoring)
            how = {"staged": staged, "weights": weights, "sample_weight": sample_weight}
            parts.append(scores_of_members(outputs, y, score, **how))
        counts = [len(part["member_scores"]) for part in parts]
        if len(set(counts)) > 1:
            raise reject("estimator", "ensembles of as many members each", counts)
        first = parts[0] | {"member_positions": positions_of(ensembles[0][0])}
        for name in ("member_scores", "staged_scores"):
            first[name] = first[name] if is_one else np.stack([part[name] for part in parts])
        if first["weighted_scores"]:
            first["weighted_scores"] = {
                name: score if is_one else np.array([p["weighted_scores"][name] for p in parts])
                for name, score in first["weighted_scores"].items()
            }
        return cls(**first).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        member_outputs: Any,
        *,
        scoring: Any = None,
        lower_is_better: bool = False,
        weights: Any = None,
        sample_weight: Any = None,
        labels: Any = None,
        ax: Any = None,
    ) -> "MemberScoresDisplay":
        """Score members of any origin.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or targets.
        member_outputs : array-like of shape (n_members, n_samples, n_classes), \
                (n_members, n_samples) or (n_members, n_samples, n_outputs)
            Probabilities, columns in the order of the sorted labels, or values of a regression of
            one target or more; oldest member first.
        scoring : str, callable or None, default=None
            A scorer's name, such as "neg_log_loss", one by `make_scorer`, or a function of
            `y_true` and of an output, such as `sklearn.metrics.log_loss`; None is accuracy or
            R squared.
        lower_is_better : bool, default=False
            Whether a function is a loss; scorers know it.
        weights : array-like of shape (n_members,), default=None
            Weights of the members, divided by their sum, whose mean is shown too.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        labels : array-like of shape (n_classes,), default=None
            All labels; needed where some have no row.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MemberScoresDisplay

        Raises
        ------
        InvalidParameterError
            If shapes do not fit each other, or an argument breaks its rule.
        """
        outputs, classes = checked_outputs(y_true, member_outputs, labels)
        score = scorer_of(scoring, classes, lower_is_better)
        own = {} if weights is None else {"given weights": shares_of(weights, len(outputs))}
        how = {"staged": staged_average(outputs), "weights": own, "sample_weight": sample_weight}
        return cls(**scores_of_members(outputs, y_true, score, **how)).plot(ax)

    def plot(self, ax: Any = None) -> "MemberScoresDisplay":
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : MemberScoresDisplay
        """
        (ax,) = axes_of(ax, self)
        members, staged = np.atleast_2d(self.member_scores), np.atleast_2d(self.staged_scores)
        places = np.arange(members.shape[1])
        if self.member_positions is not None:
            places = np.asarray(self.member_positions)
        x, n = np.arange(1, staged.shape[1] + 1), staged.shape[1]
        self.band_ = self.error_bars_ = None
        line = staged[:, ::-1]
        if len(members) > 1:
            mean, std = line.mean(axis=0), line.std(axis=0, ddof=1)
            low, high = mean - std, mean + std
            style = {"color": AVERAGE, "alpha": 0.25, "linewidth": 0}
            label = f"± s.d. of {len(members)} ensembles"
            self.band_ = ax.fill_between(x, low, high, label=label, **style)
            style = {"fmt": "none", "ecolor": MEMBER, "elinewidth": 1, "capsize": 3, "zorder": 2}
            self.error_bars_ = ax.errorbar(
                places + 1, members.mean(axis=0), members.std(axis=0, ddof=1), **style
            )
        style = {"marker": "o", "linestyle": "none", "color": MEMBER, "zorder": 3}
        (self.points_,) = ax.plot(places + 1, members.mean(axis=0), label="member k", **style)
        style = {"color": AVERAGE, "linewidth": 2, "zorder": 4}
        label = f"mean of members k to {n}"
        (self.line_,) = ax.plot(x, line.mean(axis=0), label=label, **style)
        self.weighted_lines_ = []
        for k, (name, score) in enumerate((self.weighted_scores or {}).items()):
            style = {"color": COLOURS[2 + k % 4], "linestyle": DASHES[1 + k % 3]}
            drawn = ax.axhline(np.mean(score), label=name, linewidth=1.5, **style)
            self.weighted_lines_.append(drawn)
        better = "lower" if self.lower_is_better else "higher"
        ax.set_ylabel(f"{self.score_name} ({better} is better)")
        ax.set_xlabel("member k (the oldest is on the left)")
        ax.set_xlim(0.5, n + 0.5)
        tick_wholes(ax, x)
        put_legend(ax)
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return self


def _listed(estimator: Any) -> list[Any]:
    listed = list(estimator) if isinstance(estimator, list | tuple) else [estimator]
    if not listed:
        raise reject("estimator", "one ensemble at least", estimator)
    return listed


def _kinds(ensembles: list[Any]) -> list[dict[str, np.ndarray]]:
    """Return the weights of each ensemble by name; of none where all their members count alike."""
    if all(np.allclose(own, own[0]) for own in (one._weights() for one in ensembles)):
        return [{} for _ in ensembles]
    kinds = []
    for ensemble in ensembles:
        last = "" if ensemble.m is None else f", m = {ensemble.m}"
        kinds.append({name + last: own for name, own in weights_by_kind(ensemble).items()})
    if any(own.keys() != kinds[0].keys() for own in kinds):
        rule = "ensembles of the same kinds of weights, with the same m"
        raise reject("estimator", rule, [list(own) for own in kinds])
    return kinds
