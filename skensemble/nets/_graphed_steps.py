"""Gradients of batches that are replayed as CUDA graphs, and when that is the same."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from skensemble._warn import warn_user
from skensemble.modules import is_watched, unwrap_compiled
from skensemble.nets.gradients import RecordedCalls, Recorder

MODES_WITH_GRAPHS = ("reduce-overhead", "max-autotune")
"""Modes of torch's compiler that make graphs themselves."""

KINDS = (bool, int, float, str, type(None))
"""Kinds of attributes of a module that its answer may depend on, and that are told apart."""


class GraphedSteps:
    """The gradients of a net's batches, replayed where a batch is of a kind that was recorded.

    What is recorded is the way from a batch to gradients, cut to `max_grad_norm`. Rates, updates,
    and all that is called between steps stay as they are, so that the steps are the same.

    Parameters
    ----------
    net : NeuralNet
        Initialised, in training.
    recorder : Recorder
    """

    def __init__(self, net: Any, recorder: Recorder) -> None:
        self.net = net
        self.calls = RecordedCalls(
            self._gradients, recorder, is_channels_last=getattr(net, "channels_last", False)
        )
        self.parameters: list[Tensor] = []
        self.buffers: list[Tensor] = []
        self.parts: list[nn.Module] = []
        self.state: Any = None

    def compute(self, X: Tensor, y: Any) -> Tensor:
        """Write the gradients of a batch into those of the weights, as the net does.

        Parameters
        ----------
        X : Tensor of shape (n_samples, ...)
        y : Tensor of shape (n_samples, ...), or pair

        Returns
        -------
        loss : Tensor of shape ()
        """
        if self.state != self._state_now():
            self.calls.forget()
            self._look()
        targets = y if isinstance(y, tuple | list) else (y,)
        (loss, *gradients), is_replayed = self.calls(X, *targets)
        if self.calls.obstacle is not None:
            self._give_up()
        if not is_replayed:
            return loss
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        # The next replay writes another loss in its place.
        return loss.clone()

    def _gradients(self, X: Tensor, *targets: Tensor) -> list[Tensor | None]:
        y = targets[0] if len(targets) == 1 else targets
        loss = self.net.compute_gradients(X, y)
        return [loss, *(p.grad for p in self.parameters)]

    def _give_up(self) -> None:
        net, calls = self.net, self.calls
        net.fast_report_.leave("cuda_graph", calls.obstacle)
        if calls.has_failed or net.cuda_graph is True:
            warn_user(f"Steps are made one by one, not as a CUDA graph: {calls.obstacle}.")
        vars(net)["_graphed_"] = None

    def _look(self) -> None:
        """Note what a recording reads and writes."""
        net = self.net
        self.parameters = net._trained_parameters()
        modules = [*_modules_of(net)]
        self.buffers = [b for module in modules for b in module.buffers()]
        self.parts = [part for module in modules for part in module.modules()]
        self.state = self._state_now()

    def _state_now(self) -> Any:
        """Return where the weights and buffers are, and in which mode the layers."""
        return (
            [p.data_ptr() if p.requires_grad else None for p in self.parameters],
            [b.data_ptr() for b in self.buffers],
            [part.training for part in self.parts],
            len(self.net.optimizer_.param_groups),
            self.net.max_grad_norm,
        )


def obstacle_to_graph(net: Any) -> str | None:
    """Say why the steps of a net are not to be replayed, or None.

    Parameters
    ----------
    net : NeuralNet
        Initialised, one of our own, in a lean epoch.

    Returns
    -------
    obstacle : str or None
    """
    for name in ("make_step", "infer", "get_loss"):
        if not getattr(type(net), name).__module__.startswith("skensemble."):
            return f"{type(net).__name__} has a {name} of its own"
    if net.compile and net.get_params_for("compile").get("mode") in MODES_WITH_GRAPHS:
        return "the compiler makes graphs itself"
    for module in _modules_of(net):
        for part in module.modules():
            if is_watched(part):
                return f"a hook looks into {type(part).__name__}"
            if isinstance(part, torch.jit.ScriptModule):
                return f"{type(part).__name__} is scripted"
            if getattr(part, "sparse", False):
                return f"{type(part).__name__} has sparse gradients"
    weights = net._trained_parameters()
    if any(is_lazy(p) or p.device.type != net.device_.type for p in weights):
        return "some weights are not on the device"
    return None


def signature_of(net: Any) -> Any:
    """Return what the way from a batch to gradients depends on, beside values of tensors.

    A callback may change it between epochs.
    """
    parts = (part for module in _modules_of(net) for part in module.modules())
    attributes = [
        (type(part), [(name, v) for name, v in vars(part).items() if isinstance(v, KINDS)])
        for part in parts
    ]
    own = [id(p) for module in _modules_of(net) for p in module.parameters()]
    return attributes, net.precision, own, [id(p) for p in net._trained_parameters()]


def _modules_of(net: Any) -> Iterator[nn.Module]:
    """Yield module and criterion of a net, without the compiler's wrapper."""
    for name in net._modules + net._criteria:
        module = unwrap_compiled(vars(net)[f"{name}_"])
        if isinstance(module, nn.Module):
            yield module
