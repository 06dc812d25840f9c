"""Losses of one output, which stands for the second of two classes."""

from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

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
