"""The factorised Gaussian that variational inference fits."""

from collections.abc import Mapping

import torch
from skorch import NeuralNet
from torch import nn

from skensemble.members import MemberState, copy_member, name_in_copy
from skensemble.modules import VariationalLayer, make_plain
from skensemble.posteriors._likelihood import (
    check_criterion,
    n_effective_rows,
    n_targets,
    prior_variance_of,
    temperature_of,
)
from skensemble.training import Data


class MeanField:
    """A Gaussian for each weight of some layers, trained beside the net that they belong to.

    The means are the layers' weights, which the net's optimizer updates; the weight decay of their
    group is the gradient of the prior. The standard deviations get the gradient of the loss by
    backpropagation and that of the Kullback-Leibler divergence in closed form. Adam updates them:
    their gradients are smaller than those of the means by the number of rows.

    Parameters
    ----------
    net : NeuralNet
        Initialised, with the layers in its module.
    data : Data
        Training rows.
    layers : dict of str to VariationalLayer
        By name in the module; a layer with several names has each.
    prior_variance : float or None
        Variance of the weights in the prior; None is what the weight decay stands for.
    beta : float or None
        Weight of the divergence beside the mean loss; None is the evidence lower bound.
    std_lr : float
        Learning rate of the standard deviations.
    seed : int
        Of what the layers draw in training.

    Raises
    ------
    InvalidParameterError
        If the net's criterion is neither a log-loss of classes nor the squared error.
    """

    def __init__(
        self,
        net: NeuralNet,
        data: Data,
        layers: Mapping[str, VariationalLayer],
        *,
        prior_variance: float | None,
        beta: float | None,
        std_lr: float,
        seed: int,
    ) -> None:
        check_criterion(net)
        self.net = net
        self.n_rows = n_effective_rows(data)
        self.n_outputs = n_targets(data)
        self.layers = layers
        self.prior_variance = prior_variance
        self.beta = beta
        # Layers that share a weight share its standard deviations.
        self.log_stds = list(dict.fromkeys(layer.log_std for layer in layers.values()))
        self.optimizer = torch.optim.Adam(self.log_stds, lr=std_lr)
        self.has_begun = False
        generator = torch.Generator(next(net.module_.parameters()).device).manual_seed(seed)
        for layer in layers.values():
            layer.generator = generator

    def begin(self, loss: float) -> None:
        """Let the weights vary, once the net is pretrained to some loss."""
        self.has_begun = True
        temperature = temperature_of(self.net, loss, self.n_outputs)
        if self.prior_variance is None:
            self.prior_variance = prior_variance_of(self.net, self.n_rows, temperature)
        if self.beta is None:
            self.beta = temperature / self.n_rows
        means = {id(layer.weight) for layer in self.layers.values()}
        for group in self.net.optimizer_.param_groups:
            # Groups of biases or normalisation alone keep a decay of their own.
            if any(id(weight) in means for weight in group["params"]):
                group["weight_decay"] = self.beta / self.prior_variance
        for layer in self.layers.values():
            # A callback may have frozen it meanwhile.
            layer.is_random = layer.weight.requires_grad

    def step(self) -> None:
        """Update the standard deviations, after a backward pass of the loss."""
        for log_std in self.log_stds:
            if log_std.grad is not None:
                # The derivative of the divergence, std^2 / (2 prior variance) - log std + ...
                pull = (2 * log_std.detach()).exp() / self.prior_variance - 1
                log_std.grad.add_(pull, alpha=self.beta)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def draw(self, generator: torch.Generator) -> MemberState:
        """Draw the state of a member; biases and all other weights are those of the net."""
        state = copy_member(self.net)
        drawn: set[nn.Parameter] = set()
        for name, layer in self.layers.items():
            own = name_in_copy(name)
            del state[f"{own}.log_std"]
            # A weight that stands under several names is drawn once, and is one array.
            if layer.is_random and layer.weight not in drawn:
                state[f"{own}.weight"][...] = layer.draw(generator).numpy()
                drawn.add(layer.weight)
        for part in state.parts.values():
            make_plain(part)
        return state
