"""Weights and multiply-adds of networks, counted without drawing their weights."""

from math import prod

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


class WithoutDrawing(TorchFunctionMode):
    """Leaves weights without values as they are: torch would import much to draw none."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Call what is called, unless it draws."""
        if func is nn.init.normal_:
            return kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def without_values(network, *args, **kwargs):
    """Make a network whose weights have shapes alone."""
    with torch.device("meta"), WithoutDrawing():
        return network(*args, **kwargs)


def n_weights(network, *args, **kwargs):
    """Count the trained weights of a network."""
    return sum(weight.numel() for weight in without_values(network, *args, **kwargs).parameters())


@torch.no_grad()
def multiply_adds(network, *args, size=32, **kwargs):
    """Count the products of convolutions and linear layers for one image of three channels."""
    counts = []

    def note(layer, _, output):
        """Note those of a layer: each of its weights meets each place of what comes out."""
        counts.append(layer.weight.numel() * prod(output.shape[2:]))

    module = without_values(network, *args, **kwargs).to_empty(device="cpu").eval()
    for tensor in module.state_dict().values():
        tensor.zero_()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(note)
    module(torch.zeros(1, 3, size, size))
    return sum(counts)
