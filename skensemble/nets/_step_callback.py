"""A callback that sees the steps of a training, whatever kind of epoch makes them."""

from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor


class StepCallback(Callback):
    """A skorch callback that acts before and after each optimizer step.

    It sees the same steps in the lean epoch as in skorch's own.
    """

    def before_step(self, net: NeuralNet) -> None:
        """Act before an optimizer step, with the weights of the step before."""

    def after_step(self, net: NeuralNet, loss: Tensor) -> None:
        """Act after an optimizer step.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        loss : Tensor of shape ()
            Loss of the batch before the step.
        """

    def on_batch_begin(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Pass a training batch on to `before_step`."""
        if training:
            self.before_step(net)

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Pass a training batch on to `after_step`."""
        if training:
            self.after_step(net, kwargs["loss"].detach())
