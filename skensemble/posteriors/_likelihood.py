"""What a training loss says about the targets, as a likelihood."""

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._checks import reject
from skensemble.modules import unwrap_compiled
from skensemble.training import Data

MOST_REPEATS = 2**31
"""Number above which a weight cannot be meant as a number of rows; every large float is whole."""


def n_effective_rows(data: Data) -> float:
    """Count the training rows; weights that are whole numbers say how often each stands there.

    Of other weights, such as inverse variances, only the size against each other counts: with
    them there are as many rows as there are.
    """
    weight = data.sample_weight if data.own_weight is None else data.own_weight
    if weight is None or weight.max() > MOST_REPEATS or (weight != np.rint(weight)).any():
        return float(len(data.y))
    return float(weight.sum())


def n_targets(data: Data) -> int:
    """Count the targets of a row."""
    return 1 if data.y.ndim == 1 else data.y.shape[1]


def check_criterion(net: NeuralNet) -> nn.Module:
    """Return a net's criterion, if what it says about the targets is known.

    Raises
    ------
    InvalidParameterError
        If it is neither a log-loss of classes nor the squared error.
    """
    criterion = unwrap_compiled(net.criterion_)
    if not isinstance(criterion, nn.MSELoss | nn.CrossEntropyLoss | nn.NLLLoss):
        rule = "a net with criterion MSELoss, CrossEntropyLoss or NLLLoss"
        raise reject("estimator", rule, type(criterion))
    return criterion


def temperature_of(net: NeuralNet, loss: float, n_outputs: int) -> float:
    """Return the temperature T at which ``exp(-n_rows * loss / T)`` is the likelihood.

    A log-loss has T = 1. A mean squared error over the outputs has twice the variance of the noise
    over the number of outputs; the loss itself is the estimate of that variance.

    Parameters
    ----------
    net : NeuralNet
        Initialised; its criterion decides.
    loss : float
        Training loss.
    n_outputs : int
        Width of the output.

    Returns
    -------
    temperature : float

    Raises
    ------
    InvalidParameterError
        If the criterion is neither a log-loss of classes nor the squared error.
    """
    return 2 * loss / n_outputs if isinstance(check_criterion(net), nn.MSELoss) else 1.0


def prior_variance_of(net: NeuralNet, n_rows: float, temperature: float) -> float:
    """Return the variance of the Gaussian prior that a net's weight decay stands for.

    Parameters
    ----------
    net : NeuralNet
        Initialised.
    n_rows : float
        Training rows, from `n_effective_rows`.
    temperature : float
        Of the likelihood, from `temperature_of`.

    Returns
    -------
    variance : float
        ``temperature / (n_rows * weight_decay)``; 1 without weight decay.
    """
    weight_decay = net.optimizer_.defaults.get("weight_decay", 0)
    return temperature / (n_rows * weight_decay) if weight_decay else 1.0


def loss_of_drawn_targets(
    net: NeuralNet, output: Tensor, loss: float, generator: torch.Generator
) -> Tensor:
    """Return the negative log-likelihood of targets that are drawn from what a net predicts.

    Class weights, label smoothing and reduction of the criterion, which say how a net is trained
    and not how likely a target is, do not enter.

    Parameters
    ----------
    net : NeuralNet
        Initialised.
    output : Tensor of shape (n_samples, n_outputs)
        What its module gives.
    loss : float
        Training loss, the variance of the noise of a squared error.
    generator : torch.Generator
        On the device of the output.

    Returns
    -------
    loss : Tensor of shape ()
        Sum over the rows, up to a constant.

    Raises
    ------
    InvalidParameterError
        If the criterion is neither a log-loss of classes nor the squared error.
    """
    if isinstance(check_criterion(net), nn.MSELoss):
        # Targets that are met exactly would be infinitely certain.
        std = max(loss**0.5, torch.finfo(output.dtype).eps)
        noise = torch.randn(
            output.shape, generator=generator, dtype=output.dtype, device=output.device
        )
        return (output / std - (output.detach() / std + noise)).square().sum() / 2
    proba = net._get_predict_nonlinearity()(output)
    targets = torch.multinomial(proba.detach(), 1, generator=generator)
    return -proba.gather(1, targets).log().sum()
