"""What lies between members in weight space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error

from skensemble._checks import check_int, reject
from skensemble.displays._fitted import outputs_of, rows_and_ensemble
from skensemble.displays._style import COLOURS, DASHES, axes_of, put_legend
from skensemble.weight_space import interpolate, with_members

__all__ = ["InterpolationDisplay"]

MOST_PAIRS = 5
"""Ways that are drawn where none are asked for."""


class InterpolationDisplay:
    """Loss and error along straight lines between members in weight space.

    The figure is the fifth of [1]_.

    A hill between two members says that they lie in different basins: their probabilities may be
    averaged, their weights may not.

    Parameters
    ----------
    fractions : array-like of shape (n_points,)
        Shares of the way from the first member of a pair to the second.
    losses : array-like of shape (n_pairs, n_points)
        Log-loss, or squared error of a regression.
    errors : array-like of shape (n_pairs, n_points), default=None
        Share of wrong labels.
    pairs : sequence of (int, int)
        Members at the two ends, from 0, the oldest.
    loss_name : str, default="log-loss"
        What the loss is called.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of two
        Loss, and error below it where there is one.
    figure_ : matplotlib Figure
    loss_lines_, error_lines_ : list of matplotlib Line2D
        One for each pair.

    See Also
    --------
    skensemble.weight_space.interpolate : A point between two members.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import SnapshotEnsembleClassifier
    >>> from skensemble.displays import InterpolationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = SnapshotEnsembleClassifier(M=3, random_state=0).fit(scale(X), y)
    >>> display = InterpolationDisplay.from_estimator(ensemble, scale(X), y, n_points=5)
    >>> display.pairs, display.losses.shape
    ([(0, 2), (1, 2)], (2, 5))
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        fractions: Any,
        losses: Any,
        pairs: Sequence[tuple[int, int]],
        errors: Any = None,
        loss_name: str = "log-loss",
    ) -> None:
        self.fractions = fractions
        self.losses = losses
        self.pairs = pairs
        self.errors = errors
        self.loss_name = loss_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        pairs: Sequence[tuple[int, int]] | None = None,
        n_points: int = 21,
        X_refresh: Any = None,
        sample_weight: Any = None,
        ax: Any = None,
    ) -> "InterpolationDisplay":
        """Walk from one member of a fitted ensemble to another, and look at the loss on the way.

        Parameters
        ----------
        estimator : BaseEnsemble
            Fitted, also at the end of a pipeline or as the best of a search.
        X : array-like of shape (n_samples, ...)
            Rows, best ones that no fit has seen.
        y : array-like of shape (n_samples,)
            Labels or targets.
        pairs : sequence of (int, int), default=None
            Members at the ends of each way, from 0, the oldest; negative ones count from the last.
            None takes each member with the last one, or five of many, spread over the training.
        n_points : int, default=21
            Points of each way, with both ends.
        X_refresh : array-like of shape (n_rows, ...), default=None
            Training rows, over which batch normalisation computes its statistics at each point;
            needed only by modules that have any.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw: on one the loss alone, on two loss and error. None makes a figure.

        Returns
        -------
        display : InterpolationDisplay

        Raises
        ------
        InvalidParameterError
            If `estimator` is no ensemble of two members or more, or one of tables, which takes no
            other members; a pair names members that there are not, or batch normalisation needs
            rows.
        NotFittedError
            If the ensemble is not fitted.
        """
        ensemble, X = rows_and_ensemble(estimator, X)
        # It refuses an ensemble that takes no other members.
        with_members(ensemble, ensemble.members_[:1])
        if X_refresh is not None:
            _, X_refresh = rows_and_ensemble(estimator, X_refresh)
        elif any(name.endswith("running_mean") for name in ensemble.members_[0]):
            rule = "training rows, for batch normalisation at points between members"
            raise reject("X_refresh", rule, None)
        pairs = _checked(pairs, len(ensemble.members_))
        fractions = np.linspace(0, 1, check_int("n_points", n_points, 2))
        has_labels = is_classifier(ensemble)
        losses, errors = [], []
        for first, second in pairs:
            ends = ensemble.members_[first], ensemble.members_[second]
            way = [interpolate(*ends, fraction) for fraction in fractions]
            outputs = outputs_of(with_members(ensemble, way, X_refresh), X)
            how = {"sample_weight": sample_weight}
            if has_labels:
                labels = [ensemble._labels_of(one) for one in outputs]
                errors.append([1 - accuracy_score(y, one, **how) for one in labels])
                how["labels"] = ensemble.classes_
            loss = log_loss if has_labels else mean_squared_error
            losses.append([loss(y, one, **how) for one in outputs])
        name = "log-loss" if has_labels else "squared error"
        shown = {"errors": np.array(errors)} if has_labels else {}
        display = cls(
            fractions=fractions, losses=np.array(losses), pairs=pairs, loss_name=name, **shown
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> "InterpolationDisplay":
        """Draw the loss, and the error below it where there is one.

        Parameters
        ----------
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw: on one the loss alone, on two loss and error. None makes a figure.

        Returns
        -------
        self : InterpolationDisplay
        """
        has_errors = self.errors is not None and (ax is None or not hasattr(ax, "plot"))
        axes = axes_of(ax, self, n_rows=1 + has_errors)
        self.loss_lines_ = self._draw(axes[0], self.losses)
        self.error_lines_ = self._draw(axes[1], self.errors) if has_errors else []
        axes[0].set_ylabel(self.loss_name)
        if has_errors:
            axes[1].set_ylabel("error")
        axes[-1].set_xlabel("from one member (0) to the other (1)")
        for one in axes:
            one.set_xlim(-0.02, 1.02)
        put_legend(axes[0], n_columns=3)
        self.ax_ = np.array(axes) if has_errors else axes[0]
        self.figure_ = axes[0].get_figure(root=True)
        return self

    def _draw(self, ax: Any, values: Any) -> list[Any]:
        lines = []
        for k, ((first, second), own) in enumerate(zip(self.pairs, values, strict=True)):
            style = {"color": COLOURS[k % len(COLOURS)], "linestyle": DASHES[k % len(DASHES)]}
            label = f"member {first + 1} to {second + 1}"
            lines += ax.plot(self.fractions, own, label=label, **style)
            # The ends are members; what lies between is not.
            ends = {"color": style["color"], "marker": "o", "linestyle": "none", "markersize": 4}
            ax.plot([0, 1], [own[0], own[-1]], clip_on=False, **ends)
        return lines


def _checked(pairs: Any, n_members: int) -> list[tuple[int, int]]:
    """Return pairs of members that there are, counted from 0."""
    if n_members < 2:
        raise reject("estimator", "an ensemble of two members or more", n_members)
    if pairs is None:
        # Spread over the training where there are more than a picture can hold.
        first = np.linspace(0, n_members - 2, min(n_members - 1, MOST_PAIRS)).round().astype(int)
        return [(int(k), n_members - 1) for k in first]
    checked = []
    for pair in pairs:
        if np.shape(pair) != (2,):
            raise reject("pairs", "a sequence of pairs of members, counted from 0", pairs)
        ends = [check_int("pairs", member, -n_members, n_members - 1) for member in pair]
        checked.append((ends[0] % n_members, ends[1] % n_members))
    if not checked:
        raise reject("pairs", "a sequence of pairs of members", pairs)
    return checked
