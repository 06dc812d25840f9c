"""Sizes of the data, filled in where a module's constructor has a name for them."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from torch import nn

from skensemble import _arguments


def missing_sizes(
    module: Callable[..., nn.Module],
    given: Collection[str],
    *,
    n_features: int,
    n_outputs: int | None,
) -> dict[str, int | None]:
    """Keywords of a module's constructor that the data decide and the user did not.

    Parameters
    ----------
    module : callable
        Module class or factory; an instance has its sizes already.
    given : collection of str
        Keywords that the user has set.
    n_features : int
        Values of a row.
    n_outputs : int or None
        Width of the output: classes, or targets.

    Returns
    -------
    sizes : dict of str to int
        None where `n_outputs` is.

    Examples
    --------
    >>> missing_sizes(nn.Bilinear, (), n_features=4, n_outputs=3)
    {}
    >>> from skensemble.modules import MLP
    >>> missing_sizes(MLP, ("n_outputs",), n_features=4, n_outputs=3)
    {'n_features': 4}
    """
    if isinstance(module, nn.Module):
        return {}
    sizes = {"n_features": n_features, "n_outputs": n_outputs, "n_classes": n_outputs}
    return {
        name: size
        for name, size in sizes.items()
        if name in keywords_of(module) and name not in given
    }


def n_values_per_row(X: Any) -> int:
    """Values of a row of `X`: the product of all axes but the first."""
    return int(np.prod(X.shape[1:]))


def keywords_of(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the parameters of a function or class; none where they cannot be known."""
    return frozenset(_arguments.keywords_of(function) or ())
