"""Losses of a batch with their gradients by the output, of one net or of several."""

import torch
import torch.nn.functional as F
from torch import Tensor

_aten = torch.ops.aten

FEW_CLASSES = 15
"""Classes up to which several nets' probabilities are computed with the rows as the last axis.

Along a last axis that is shorter than its vectors torch takes up to six times as long.
"""


def log_loss(logits: Tensor, y: Tensor, row_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the log-loss of a batch, and its gradient with respect to the logits.

    Parameters
    ----------
    logits : Tensor of shape (..., n_samples, n_classes)
        The leading axes are those of several nets.
    y : Tensor of shape (..., n_samples)
        Codes; an axis of nets that share them may be 1.
    row_weight : Tensor of shape (..., n_samples)
        Shares of the rows in the loss: their weights, over the number of rows of the batch.

    Returns
    -------
    loss : Tensor of shape (...)
    gradient : Tensor of the shape of `logits`
    """
    is_turned = logits.ndim > 2 and logits.shape[-1] <= FEW_CLASSES
    classes = -2 if is_turned else -1
    logits = logits.mT.contiguous() if is_turned else logits
    codes = y.expand(row_weight.shape).unsqueeze(classes)
    row_weight = row_weight.unsqueeze(classes)
    log_proba = torch.log_softmax(logits, classes)
    loss = (log_proba.gather(classes, codes) * row_weight).sum((-2, -1)).neg_()
    gradient = log_proba.exp_()
    gradient.mul_(row_weight)
    gradient.scatter_add_(classes, codes, row_weight.neg())
    return loss, gradient.mT if is_turned else gradient


def squared_error(output: Tensor, y: Tensor, row_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean squared error of a batch, and its gradient with respect to the output.

    Parameters
    ----------
    output, y : Tensor of shape (..., n_samples, n_outputs)
        The leading axes are those of several nets; that of targets that they share may be 1.
    row_weight : Tensor of shape (..., n_samples)
        Shares of the rows in the loss: their weights, over the number of rows of the batch.

    Returns
    -------
    loss : Tensor of shape (...)
    gradient : Tensor of the shape of `output`
    """
    error = output - y
    weighted = error * (row_weight[..., None] / output.shape[-1])
    return error.mul_(weighted).sum((-2, -1)), weighted.mul_(2)


def mean_log_loss(logits: Tensor, y: Tensor, grad_output: Tensor) -> tuple[Tensor, Tensor]:
    """Compute what `log_loss` gives one net for rows of equal weights, in fewer calls.

    `grad_output` is a tensor of 1, the gradient of the loss with respect to itself.
    """
    log_proba = torch.log_softmax(logits, 1)
    loss, total = _aten.nll_loss_forward(log_proba, y, None, 1, -100)
    g = _aten.nll_loss_backward(grad_output, log_proba, y, None, 1, -100, total)
    return loss, torch._log_softmax_backward_data(g, log_proba, 1, g.dtype)


def mean_squared_error(output: Tensor, y: Tensor, grad_output: Tensor) -> tuple[Tensor, Tensor]:
    """Compute what `squared_error` gives one net for rows of equal weights, in fewer calls.

    `grad_output` is a tensor of 1, the gradient of the loss with respect to itself.
    """
    return F.mse_loss(output, y), _aten.mse_loss_backward(grad_output, output, y, 1)
