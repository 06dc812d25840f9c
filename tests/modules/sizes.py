"""Weights and multiply-adds of networks, counted without making their weights."""

from math import prod

import torch
from torch import nn


def n_weights(network, *args, **kwargs):
    """Count the trained weights of a network."""
    with torch.device("meta"):
        module = network(*args, **kwargs)
    return sum(weight.numel() for weight in module.parameters())


def multiply_adds(network, *args, size=32, **kwargs):
    """Count the products of convolutions and linear layers for one image of three channels."""
    counts = []

    def note(layer, _, output):
        """Note those of a layer: each of its weights meets each place of what comes out."""
        counts.append(layer.weight.numel() * prod(output.shape[2:]))

    with torch.device("meta"):
        module = network(*args, **kwargs).eval()
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(note)
        module(torch.zeros(1, 3, size, size))
    return sum(counts)
