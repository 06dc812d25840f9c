"""Members: copied states of a net, and the modules in evaluation mode that predict from them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._typing import State
from skensemble.averaging import average
from skensemble.data import RowBatches, Rows, forward_batch_size, n_values_per_row
from skensemble.modules import MLP, is_watched, unwrap_compiled


@contextmanager
def run_uncompiled(net: NeuralNet) -> Iterator[nn.Module]:
    """Let a net run the module inside its compiled one: only there do new hooks take effect."""
    module = net.module_
    net.module_ = unwrap_compiled(module)
    try:
        yield net.module_
    finally:
        net.module_ = module


def copy_state(module: nn.Module) -> State:
    """Copy the weights and buffers of a module to NumPy arrays on the CPU.

    The copy is needed: what `torch.nn.Module.state_dict` returns follows the training.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    state : dict of str to ndarray

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> state = copy_state(layer)
    >>> state["weight"].shape
    (1, 2)
    """
    return {
        name: value.detach().to("cpu", copy=True).contiguous().numpy()
        for name, value in unwrap_compiled(module).state_dict().items()
        if isinstance(value, Tensor)
    }


def is_finite(state: State, module: nn.Module) -> bool:
    """Say whether all weights of a state are finite; a buffer may be a mask of infinities."""
    weights = (state[name] for name, _ in unwrap_compiled(module).named_parameters())
    # The extremes show a NaN too, and take no array of truth values.
    return all(np.isfinite([w.min(), w.max()]).all() for w in weights if w.size)


def member_module(template: nn.Module, state: State, device: torch.device) -> nn.Module:
    """Build a module in evaluation mode that has the structure of one and the weights of another.

    On the CPU it shares the memory of the state: an ensemble holds each weight once.

    Parameters
    ----------
    template : torch.nn.Module
        Left as it is.
    state : dict of str to ndarray
        From `copy_state` of a module of the same structure.
    device : torch.device

    Returns
    -------
    module : torch.nn.Module
    """
    # deepcopy takes what stands in its memo for a tensor instead of copying the tensor.
    memo: dict[int, Any] = {}
    for name, tensor in unwrap_compiled(template).state_dict(keep_vars=True).items():
        if name in state:
            value = torch.from_numpy(state[name]).to(device)
            is_parameter = isinstance(tensor, nn.Parameter)
            memo[id(tensor)] = nn.Parameter(value, requires_grad=False) if is_parameter else value
    return _copy_sharing(unwrap_compiled(template), memo).eval()


CHEAP_TO_COPY = frozenset(
    f"torch.nn.modules.{name}"
    for name in ("activation", "batchnorm", "container", "conv", "dropout", "flatten", "linear")
) | {MLP.__module__}
"""Where the modules come from whose tensors are all in their dicts of parameters and buffers."""


def _copy_sharing(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Copy a module, taking what stands in a memo for its tensors.

    deepcopy looks at every attribute of every layer; the layers of small nets are copied by hand.
    """
    is_plain = all(
        type(part).__module__ in CHEAP_TO_COPY and not is_watched(part) for part in module.modules()
    )
    return _copy_plain(module, memo) if is_plain else deepcopy(module, memo)


def _copy_plain(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    if id(module) in memo:
        return memo[id(module)]
    copy = memo[id(module)] = type(module).__new__(type(module))
    # Hooks added to the one later must not show in the other.
    own = {name: v.copy() if isinstance(v, dict | set) else v for name, v in vars(module).items()}
    vars(copy).update(own)
    for kind in ("_parameters", "_buffers"):
        own = getattr(module, kind).items()
        vars(copy)[kind] = {name: _copy_tensor(tensor, memo) for name, tensor in own}
    children = module._modules.items()
    vars(copy)["_modules"] = {name: _copy_plain(child, memo) for name, child in children}
    return copy


def _copy_tensor(tensor: Tensor | None, memo: dict[int, Any]) -> Tensor | None:
    return memo[id(tensor)] if id(tensor) in memo else deepcopy(tensor, memo)


def structure_of(module: nn.Module) -> nn.Module:
    """Copy a module without its weights, as a template of its members.

    It is taken before the training: deepcopy refuses activations that a module keeps for itself.
    """
    empty = {
        id(p): nn.Parameter(p.detach().new_empty(0), requires_grad=p.requires_grad)
        for p in unwrap_compiled(module).parameters()
    }
    return _copy_sharing(unwrap_compiled(module), empty)


class Predictor:
    """Forward passes of members, batch by batch.

    Parameters
    ----------
    device : torch.device
        Where the members compute.
    transform : callable
        Turns a module's output into probabilities or values.
    autocast : torch.dtype or None
        Lower precision to compute in.
    batch_size : int
        Least number of rows of a batch.

    Attributes
    ----------
    modules : list of torch.nn.Module
        In evaluation mode, oldest first.
    """

    def __init__(
        self,
        device: torch.device,
        transform: Callable[[Tensor], Tensor],
        autocast: torch.dtype | None,
        batch_size: int,
    ) -> None:
        self.device = device
        self.transform = transform
        self.autocast = autocast
        self.batch_size = batch_size
        self.modules: list[nn.Module] = []

    def add(self, template: nn.Module, state: State) -> None:
        """Add a member."""
        self.modules.append(member_module(template, state, self.device))

    def outputs(self, X: Any, members: Sequence[int]) -> np.ndarray:
        """Return what some members predict.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, ...)
            Rows in the dtype of the weights.
        members : sequence of int
            Indices of members.

        Returns
        -------
        outputs : ndarray of shape (len(members), n_samples, n_outputs)
        """
        return np.concatenate(
            [torch.stack(batch).cpu().numpy() for batch in self._batches(X, members)], axis=1
        )

    def mean(self, X: Any, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean of what the members predict, without holding each.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, ...)
            Rows in the dtype of the weights.
        weights : ndarray of shape (n_members,)
            Weights that sum to 1; a member of weight 0 is not run.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_outputs)
        """
        members = np.flatnonzero(weights)
        own = weights[members]
        batches = self._batches(X, members)
        return np.concatenate([average(outputs, own).cpu().numpy() for outputs in batches])

    def _batches(self, X: Any, members: Sequence[int]) -> Iterator[list[Tensor]]:
        modules = [self.modules[k] for k in members]
        dtype = torch.float64 if X.dtype == np.float64 else torch.float32
        # Dense rows stay in NumPy's memory and go to the device batch by batch.
        rows = Rows(X, dtype=dtype, device=torch.device("cpu"))
        with torch.inference_mode():
            for batch, _ in RowBatches(
                rows, forward_batch_size(n_values_per_row(X), self.batch_size)
            ):
                batch = batch.to(self.device)
                yield [self._forward(module, batch) for module in modules]

    def _forward(self, module: nn.Module, batch: Tensor) -> Tensor:
        if self.autocast is None:
            output = module(batch)
        else:
            with torch.autocast(self.device.type, dtype=self.autocast):
                output = module(batch)
        output = output[0] if isinstance(output, tuple) else output
        output = output.float() if self.autocast else output
        return self.transform(output)
