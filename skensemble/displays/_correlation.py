"""How alike the members are."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from skensemble._checks import reject
from skensemble.displays._fitted import outputs_of, rows_and_ensemble
from skensemble.displays._style import axes_of, draw_heat_map
from skensemble.metrics import output_correlation

__all__ = ["CorrelationDisplay"]

MOST_TICKS = 8
"""Members that are all numbered on the axes."""

NEARLY_ALIKE = 0.99
"""Where the scale of colours begins at the latest."""


class CorrelationDisplay:
    """Correlation of what each two members predict, as a heat map.

    The figure is the sixth of [1]_.

    The less correlated members of one quality are, the more their mean gains.

    Parameters
    ----------
    correlations : array-like of shape (n_members, n_members)
        Correlations, oldest member first.
    names : sequence of str, default=None
        What the members are called; None numbers them from 1.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage
        Its colours begin at the least correlation.
    texts_ : ndarray of shape (n_members, n_members)
        The numbers in the cells; None where there are more than 14 members.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import CorrelationDisplay
    >>> members = [[[0.9, 0.1], [0.2, 0.8]], [[0.7, 0.3], [0.4, 0.6]]]
    >>> display = CorrelationDisplay.from_predictions(members)
    >>> display.correlations.round(2).tolist()
    [[1.0, 0.98], [0.98, 1.0]]
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, correlations: Any, names: Sequence[str] | None = None) -> None:
        self.correlations = correlations
        self.names = names

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, sample_weight: Any = None, ax: Any = None
    ) -> "CorrelationDisplay":
        """Compare the members of a fitted ensemble on some rows.

        Parameters
        ----------
        estimator : BaseEnsemble
            Fitted, also at the end of a pipeline or as the best of a search.
        X : array-like of shape (n_samples, ...)
            Rows, best ones that no fit has seen.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : CorrelationDisplay

        Raises
        ------
        InvalidParameterError
            If `estimator` is no ensemble.
        NotFittedError
            If it is not fitted.
        """
        ensemble, X = rows_and_ensemble(estimator, X)
        outputs = outputs_of(ensemble, X)
        return cls.from_predictions(outputs, sample_weight=sample_weight, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        member_outputs: Any,
        *,
        names: Sequence[str] | None = None,
        sample_weight: Any = None,
        ax: Any = None,
    ) -> "CorrelationDisplay":
        """Compare what members predict, of any origin.

        Parameters
        ----------
        member_outputs : array-like of shape (n_members, n_samples, n_classes) or \
                (n_members, n_samples) or (n_members, n_samples, n_outputs)
            Probabilities, or values of a regression of one target or more.
        names : sequence of str, default=None
            What the members are called.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : CorrelationDisplay

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule.
        """
        correlations = output_correlation(member_outputs, sample_weight=sample_weight)
        return cls(correlations=correlations, names=names).plot(ax)

    def plot(self, ax: Any = None) -> "CorrelationDisplay":
        """Draw the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : CorrelationDisplay

        Raises
        ------
        InvalidParameterError
            If there is not a name for each member.
        """
        correlations = np.asarray(self.correlations)
        n = len(correlations)
        if self.names is not None and len(self.names) != n:
            raise reject("names", f"one for each of {n} members", list(self.names))
        (ax,) = axes_of(ax, self)
        # Members that are all but the same have one colour, and no scale of their last digits.
        lowest = min(float(correlations.min()), NEARLY_ALIKE)
        look = {"origin": "upper", "aspect": "equal", "vmin": lowest, "vmax": 1.0}
        self.image_, self.texts_ = draw_heat_map(ax, correlations, "viridis", **look)
        if self.names is not None:
            ax.set_xticks(range(n), self.names, rotation=30, ha="right", rotation_mode="anchor")
            ax.set_yticks(range(n), self.names)
        else:
            places = np.arange(0, n, ceil(n / MOST_TICKS))
            ax.set_xticks(places, places + 1)
            ax.set_yticks(places, places + 1)
            ax.set(xlabel="member (1 is the oldest)", ylabel="member")
        ax.grid(False)
        figure = ax.get_figure(root=True)
        figure.colorbar(self.image_, ax=ax, label="correlation of outputs")
        self.ax_, self.figure_ = ax, figure
        return self
