"""What the parts of a net are built from: the user's arguments, sizes of the data, defaults."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from skensemble._checks import reject
from skensemble.data import keywords_of, missing_sizes
from skensemble.device import PRECISIONS
from skensemble.modules import copy_scripted

SGD_DEFAULTS = {
    "optimizer__momentum": 0.9,
    "optimizer__nesterov": True,
    "optimizer__weight_decay": 1e-4,
}
"""Defaults that are left out for an optimizer that has no such keyword."""


class PartArguments:
    """Mixin for a skorch net: arguments of module, criterion and optimizer, completed."""

    n_values_per_row_: int | None = None
    image_sizes_: dict[str, Any] = {}  # noqa: RUF012  never written to
    """What images say about the arguments of the module."""

    def initialized_instance(self, instance_or_cls: Any, kwargs: dict[str, Any]) -> Any:
        """Build a module or criterion in the net's precision; modules that are given are copied."""
        kwargs = {k: _copied(v) if isinstance(v, nn.Module) else v for k, v in kwargs.items()}
        instance = super().initialized_instance(instance_or_cls, kwargs)
        if isinstance(instance, nn.Module):
            if isinstance(instance, torch.jit.ScriptModule) or instance is instance_or_cls:
                instance = _copied(instance)
            dtype = PRECISIONS[self.precision].weights
            floats = (
                t for t in (*instance.parameters(), *instance.buffers()) if t.is_floating_point()
            )
            if any(tensor.dtype != dtype for tensor in floats):
                instance = instance.to(dtype)
            weights = [*instance.parameters()]
            if self.channels_last and any(not is_lazy(w) and w.ndim == 5 for w in weights):
                rule = "False for convolutions of three axes"
                raise reject("channels_last", rule, self.channels_last)
            if self.channels_last and not any(map(is_lazy, weights)):
                # A lazy module has no weights yet, and follows the format of its images.
                instance = instance.to(memory_format=torch.channels_last)
        return instance

    def get_params_for(self, prefix: str) -> dict[str, Any]:
        """Collect arguments of a part, for the module with the sizes of the data filled in."""
        kwargs = super().get_params_for(prefix)
        if prefix == "module" and self.n_values_per_row_ is not None:
            n_outputs = getattr(self, "n_outputs_", None)
            sizes = missing_sizes(
                self.module, kwargs, n_features=self.n_values_per_row_, n_outputs=n_outputs
            )
            # Targets that batches bring along are not known beforehand.
            kwargs |= {name: size for name, size in sizes.items() if size is not None}
            kwargs = self.image_sizes_ | kwargs
        return kwargs

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> Any:
        """Collect arguments of the optimizer, without defaults that it does not know."""
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        known = keywords_of(self.optimizer)
        for name, default in SGD_DEFAULTS.items():
            keyword = name.removeprefix("optimizer__")
            if keyword not in known and kwargs.get(keyword) == default:
                del kwargs[keyword]
        if not kwargs.get("momentum"):
            # torch refuses Nesterov's momentum without a momentum.
            kwargs.pop("nesterov", None)
        if self.fast and "fused" in known and not {"foreach", "differentiable"} & kwargs.keys():
            # The same update in one pass over the weights; torch has it for these devices, and for
            # dense gradients of real numbers.
            fusable = self.device_.type in ("cpu", "cuda") and not self._has_odd_gradients()
            kwargs.setdefault("fused", fusable)
        return args, kwargs

    def _has_odd_gradients(self) -> bool:
        modules = [getattr(self, f"{name}_") for name in self._modules]
        return any(
            getattr(part, "sparse", False)
            or any(p is not None and p.is_complex() for p in part._parameters.values())
            for module in modules
            if isinstance(module, nn.Module)
            for part in module.modules()
        )


def _copied(module: nn.Module) -> nn.Module:
    """Copy a module, so that a training leaves that of the user as it is."""
    return copy_scripted(module) if isinstance(module, torch.jit.ScriptModule) else deepcopy(module)
