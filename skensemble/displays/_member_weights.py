"""How much each member counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skensemble._checks import reject
from skensemble.displays._fitted import fitted_ensemble_of, named, positions_of, weights_by_kind
from skensemble.displays._style import COLOURS, axes_of, put_legend, tick_wholes

__all__ = ["MemberWeightsDisplay"]

HATCHES = ["", "///", "...", "\\\\\\", "xxx"]
"""What tells bars apart in print without colours."""


class MemberWeightsDisplay:
    """Weights of the members, as bars in order of training, the oldest on the left.

    Members of several nets that were taken at one place in the training stand on top of each
    other, so that the height is the weight of the place.

    Parameters
    ----------
    weights : dict of str to array-like of shape (n_members,)
        Weights that sum to 1, oldest member first, by what they are called.
    member_positions : dict of str to array-like of shape (n_members,), default=None
        Place of each member in the training, from 0, by the same names; None is a place for each.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    bars_ : dict of str to list of matplotlib BarContainer
        Those of each name; several where nets stand on top of each other.

    See Also
    --------
    MemberScoresDisplay : How well each member does.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import MemberWeightsDisplay
    >>> display = MemberWeightsDisplay(
    ...     weights={"equal weights": [0.25] * 4, "fitted weights": [0, 0.2, 0.5, 0.3]}
    ... ).plot()
    >>> list(display.bars_)
    ['equal weights', 'fitted weights']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        weights: Mapping[str, Any],
        member_positions: Mapping[str, Any] | None = None,
    ) -> None:
        self.weights = weights
        self.member_positions = member_positions

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> "MemberWeightsDisplay":
        """Draw the weights of a fitted ensemble: equal ones, and fitted ones where there are any.

        Parameters
        ----------
        estimator : BaseEnsemble
            Fitted, also at the end of a pipeline or as the best of a search.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MemberWeightsDisplay

        Raises
        ------
        InvalidParameterError
            If `estimator` is no ensemble.
        NotFittedError
            If it is not fitted.
        """
        ensemble = fitted_ensemble_of(estimator)
        weights = weights_by_kind(ensemble)
        positions = dict.fromkeys(weights, positions_of(ensemble))
        return cls(weights=weights, member_positions=positions).plot(ax)

    @classmethod
    def from_estimators(cls, estimators: Any, *, ax: Any = None) -> "MemberWeightsDisplay":
        """Draw the weights that several fitted ensembles take now.

        Parameters
        ----------
        estimators : dict of str to BaseEnsemble, or sequence of them
            Fitted; a sequence is named by its classes.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MemberWeightsDisplay

        Raises
        ------
        InvalidParameterError
            If one of them is no ensemble.
        NotFittedError
            If one of them is not fitted.
        """
        ensembles = {name: fitted_ensemble_of(one) for name, one in named(estimators).items()}
        weights = {name: ensemble.weights_ for name, ensemble in ensembles.items()}
        positions = {name: positions_of(ensemble) for name, ensemble in ensembles.items()}
        return cls(weights=weights, member_positions=positions).plot(ax)

    def plot(self, ax: Any = None) -> "MemberWeightsDisplay":
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : MemberWeightsDisplay

        Raises
        ------
        InvalidParameterError
            If there are no weights.
        """
        if not self.weights:
            raise reject("weights", "of one name at least", self.weights)
        (ax,) = axes_of(ax, self)
        stacks = {name: self._by_net(name) for name in self.weights}
        width = 0.8 / len(stacks)
        self.bars_ = {}
        for k, (name, stack) in enumerate(stacks.items()):
            x = np.arange(1, stack.shape[1] + 1) + (k - (len(stacks) - 1) / 2) * width
            style = {"color": COLOURS[k % len(COLOURS)], "hatch": HATCHES[k % len(HATCHES)]}
            style |= {"edgecolor": ax.get_facecolor(), "linewidth": 0.8, "width": 0.92 * width}
            bottoms = np.cumsum(stack, axis=0) - stack
            self.bars_[name] = [
                ax.bar(x, weights, bottom=bottom, label="" if net else name, **style)
                for net, (weights, bottom) in enumerate(zip(stack, bottoms, strict=True))
            ]
        n_nets = max(len(stack) for stack in stacks.values())
        nets = ", nets stacked" if n_nets > 1 else ""
        n = max(stack.shape[1] for stack in stacks.values())
        ax.set(xlabel=f"member (oldest on the left{nets})", ylabel="weight")
        ax.set_xlim(0.4, n + 0.6)
        tick_wholes(ax, np.arange(1, n + 1))
        put_legend(ax)
        ax.set_ylim(bottom=0)
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return self

    def _by_net(self, name: str) -> np.ndarray:
        """Return the weights of a name, of shape (n_nets, n_positions); 0 where a net has none."""
        weights = np.asarray(self.weights[name], dtype=float)
        places = np.arange(len(weights))
        if self.member_positions is not None:
            places = np.asarray(self.member_positions[name])
        # How many members of its place come before a member.
        nets = [int((places[:k] == place).sum()) for k, place in enumerate(places)]
        stack = np.zeros((max(nets) + 1, places.max() + 1))
        stack[nets, places] = weights
        return stack
