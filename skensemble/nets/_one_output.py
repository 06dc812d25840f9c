"""Losses of one output, which stands for the second of two classes."""

from collections.abc import Callable

import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import Tensor, nn

ONE_OUTPUT = (nn.BCEWithLogitsLoss, nn.BCELoss)


def has_one_output(net: NeuralNet) -> bool:
    """Say whether a net has one output for two classes, as its criterion asks for.

    Parameters
    ----------
    net : NeuralNet
        One of our own, or a stock net of skorch. A regressor may have such a loss for shares.

    Returns
    -------
    has : bool
    """
    if isinstance(net, NeuralNetBinaryClassifier):
        return True
    kind = getattr(net.criterion, "func", net.criterion)
    kind = kind if isinstance(kind, type) else type(kind)
    # A loss of one's own, made from one of these, may be for several classes.
    return isinstance(net, NeuralNetClassifier) and kind in ONE_OUTPUT


def as_two_columns(transform: Callable[[Tensor], Tensor], output: Tensor) -> Tensor:
    """Turn one output a row into the probabilities of both classes.

    Parameters
    ----------
    transform : callable
        Gives the probability of the second class, or of both.
    output : Tensor of shape (n_samples,) or (n_samples, 1)
        As the module gives it.

    Returns
    -------
    proba : Tensor of shape (n_samples, 2)
    """
    proba = transform(output)
    if proba.ndim == 3:
        # skorch puts both classes beside each other, whatever the shape of the output.
        return proba[..., 0]
    proba = proba.reshape(len(proba), -1)
    return torch.cat([1 - proba, proba], dim=1) if proba.shape[1] == 1 else proba
