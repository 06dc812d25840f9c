"""Nets that say how noisy the targets are: modules of a mean and a log-variance."""

from copy import deepcopy
from typing import Any

import torch
from skorch import NeuralNet
from torch import nn

from skensemble.modules import unwrap_compiled
from skensemble.nets._base import Net
from skensemble.nets._loss import CLOSE


def is_gaussian(net: Any) -> bool:
    """Say whether a net is trained by the Gaussian likelihood of a mean and a log-variance.

    Its module returns ``(mean, log_variance)`` then. Of another pair nothing is known: a second
    output may be anything.

    Parameters
    ----------
    net : NeuralNet
        It need not be initialised.

    Returns
    -------
    is_gaussian : bool
        Whether its criterion is `torch.nn.GaussianNLLLoss`, for one of our own nets, or gives a
        pair what this likelihood gives, up to a factor and a constant.
    """
    has_plain_loss = type(net).get_loss in (Net.get_loss, NeuralNet.get_loss)
    is_plain = net.predict_nonlinearity is None or net.predict_nonlinearity == "auto"
    if not has_plain_loss or not is_plain:
        return False
    criterion = net.initialized_instance(net.criterion, net.get_params_for("criterion"))
    owner = unwrap_compiled(criterion)
    if isinstance(owner, nn.GaussianNLLLoss):
        return isinstance(net, Net)
    is_torch = type(owner).__module__.startswith("torch.")
    return not is_torch and _is_gaussian_likelihood(owner)


def _is_gaussian_likelihood(criterion: Any) -> bool:
    """Say whether an own loss of pairs is the Gaussian likelihood, from what it gives for some."""
    generator = torch.Generator().manual_seed(0)
    found, expected = [], []
    try:
        for _ in range(6):
            mean, log_variance, y = torch.randn(3, 2, 1, generator=generator).unbind()
            with torch.no_grad():
                found.append(float(deepcopy(criterion)((mean, log_variance), y)))
            expected.append(float((log_variance + (y - mean) ** 2 / log_variance.exp()).mean() / 2))
    except Exception:
        # It takes something else than such a pair.
        return False
    # A factor and a constant change no training but its rate.
    own, known = (torch.tensor(values) - values[0] for values in (found, expected))
    factor = (own @ known) / (known @ known)
    return bool(factor > 0 and (abs(own - factor * known) <= 10 * CLOSE * abs(own).max()).all())
