"""Torch modules that the nets train: what they compute, not how they are trained."""

from skensemble.modules._mlp import MLP

__all__ = ["MLP"]
