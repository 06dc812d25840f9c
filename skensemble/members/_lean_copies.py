"""Copies of modules whose layers are known, by hand: deepcopy looks at every attribute."""

from collections import OrderedDict
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from skensemble.modules import (
    MLP,
    VGG,
    ChannelScaling,
    ColumnScale,
    DenseNet,
    ResidualBlock,
    ResNet,
    TableEncoding,
    WideResNet,
    is_watched,
)

OWN = (MLP, ColumnScale, TableEncoding)
OWN_FOR_IMAGES = (ChannelScaling, DenseNet, ResidualBlock, ResNet, VGG, WideResNet)

CHEAP_TO_COPY = frozenset(
    f"torch.nn.modules.{name}"
    for name in ("activation", "batchnorm", "container", "conv", "dropout", "flatten", "linear")
) | {layer.__module__ for layer in (*OWN, *OWN_FOR_IMAGES)}
"""Where the modules come from whose tensors are all in their dicts of parameters and buffers."""

POOLINGS = frozenset((nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.MaxPool2d))
"""Those that compute the same each time; their siblings that draw come from the same module."""

CONTAINERS = frozenset((dict, set, OrderedDict))


def is_cheap_to_copy(module: nn.Module) -> bool:
    """Say whether a module consists of known layers that nobody watches."""
    return all(_is_known(part) for part in module.modules())


def copy_by_hand(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Copy a module of known layers, taking what stands in a memo for its tensors and parts."""
    if id(module) in memo:
        return memo[id(module)]
    copy = memo[id(module)] = type(module).__new__(type(module))
    # Hooks that are added to the one later must not show in the other.
    own = vars(copy)
    own.update({k: v.copy() if type(v) in CONTAINERS else v for k, v in vars(module).items()})
    for kind in ("_parameters", "_buffers"):
        tensors = getattr(module, kind).items()
        own[kind] = {name: _copy_tensor(tensor, memo) for name, tensor in tensors}
    children = module._modules.items()
    own["_modules"] = {name: copy_by_hand(child, memo) for name, child in children}
    return copy


def _is_known(part: nn.Module) -> bool:
    return (
        (type(part).__module__ in CHEAP_TO_COPY or type(part) in POOLINGS)
        and not is_watched(part)
        # Reading an attribute through the class of the layer would find a lazy or a pruned weight.
        and not any(isinstance(value, Tensor) for value in vars(part).values())
    )


def _copy_tensor(tensor: Tensor | None, memo: dict[int, Any]) -> Tensor | None:
    return memo[id(tensor)] if id(tensor) in memo else deepcopy(tensor, memo)
