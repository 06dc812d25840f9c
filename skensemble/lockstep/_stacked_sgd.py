"""Stochastic gradient descent of K nets at once, each with numbers of its own."""

from collections.abc import Sequence

import torch
from skorch import NeuralNet
from torch import Tensor

from skensemble.lockstep._paused_training import momentum_of
from skensemble.lockstep._populations import Population, packed
from skensemble.nets.gradients import clip_factor

Coefficient = float | Tensor
"""One number for all nets, or one for each weight of each net."""


class StackedSGD:
    """What `torch.optim.SGD` and gradient clipping do to each of K nets.

    Parameters
    ----------
    population : Population
        Its weights are updated in place.
    nets : sequence of NeuralNet
        With an SGD of one group each; momentum, weight decay and clipping may differ.
    """

    def __init__(self, population: Population, nets: Sequence[NeuralNet]) -> None:
        self.population = population
        groups = [net.optimizer_.param_groups[0] for net in nets]
        self.nesterov, self.dampening = groups[0]["nesterov"], groups[0]["dampening"]
        self.momentum = self._coefficient([group["momentum"] for group in groups])
        self.weight_decay = self._coefficient([group["weight_decay"] for group in groups])
        self.has_momentum = any(group["momentum"] for group in groups)
        norms = [torch.inf if net.max_grad_norm is None else net.max_grad_norm for net in nets]
        self.clips = min(norms) < torch.inf
        self.max_norms = population.all_weights.new_tensor(norms)
        buffers = [momentum_of(net) for net in nets]
        self.is_first = buffers[0] is None
        stacked = population.gradients if self.is_first else population.stack(buffers)
        self.velocity, self.buffers = packed(stacked)

    def step(self, rates: Tensor) -> None:
        """Clip the gradients, and update the weights with a rate for each net.

        To be called where autograd is off.

        Parameters
        ----------
        rates : Tensor of shape (K,)
        """
        if self.clips:
            self._clip()
        g = self.population.all_gradients
        _add(g, self.population.all_weights, self.weight_decay)
        if self.has_momentum:
            v = self.velocity
            if self.is_first:
                v.copy_(g)
            else:
                v.mul_(self.momentum).add_(g, alpha=1 - self.dampening)
            self.is_first = False
            if self.nesterov:
                _add(g, v, self.momentum)
            else:
                g.copy_(v)
        for weight, gradient in zip(
            self.population.weights, self.population.gradients, strict=True
        ):
            down = rates.view(-1, *(1,) * (weight.ndim - 1))
            weight.addcmul_(gradient, down, value=-1)

    def _clip(self) -> None:
        norms = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in self.population.gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        factor = clip_factor(norm, self.max_norms)
        if factor is not None:
            for gradient in self.population.gradients:
                gradient.mul_(factor.view(-1, *(1,) * (gradient.ndim - 1)))

    def write_buffers(self, k: int, net: NeuralNet) -> None:
        """Give a net's own optimizer the momentum that it has here."""
        if not self.has_momentum or self.is_first:
            return
        parameters = net.optimizer_.param_groups[0]["params"]
        buffers = [torch.empty_like(p) for p in parameters]
        self.population.write(k, self.buffers, buffers)
        for parameter, buffer in zip(parameters, buffers, strict=True):
            net.optimizer_.state[parameter]["momentum_buffer"] = buffer.detach()

    def _coefficient(self, values: Sequence[float]) -> Coefficient:
        if len(set(values)) == 1:
            return values[0]
        weights = self.population.weights
        own = weights[0].new_tensor(values)
        spread = [own.view(-1, *(1,) * (w.ndim - 1)).expand_as(w).flatten() for w in weights]
        return torch.cat(spread)


def _add(to: Tensor, what: Tensor, times: Coefficient) -> None:
    if isinstance(times, Tensor):
        to.addcmul_(what, times)
    elif times:
        to.add_(what, alpha=times)
