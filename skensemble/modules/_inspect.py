"""What a module is beneath its wrapper, and whether somebody looks into it."""

import io
import warnings

import torch
from torch import nn

HOOKS = frozenset(name for name in vars(nn.Module()) if name.endswith("_hooks"))
"""Attributes of a module that hold hooks, those of a newer torch included."""


def unwrap_compiled(module: nn.Module) -> nn.Module:
    """Return the module inside a `torch.compile` wrapper, or the module itself.

    Its state dict has the user's names, its class is the user's class.
    """
    return getattr(module, "_orig_mod", module)


def copy_scripted(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """Copy a scripted module; deepcopy would make its weights results that cannot be trained."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # Whoever made the module has been told that there are newer ways.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(module, file)
        file.seek(0)
        return torch.jit.load(file)


def is_watched(module: nn.Module) -> bool:
    """Say whether a hook, or a `forward` of its own, is set on a module or on its own weights.

    Hooks of its children are theirs: ask for each of `modules()`.
    """
    own = vars(module)
    if "forward" in own or any(own.get(name) for name in HOOKS):
        return True
    return any(
        p is not None and (p._backward_hooks or getattr(p, "_post_accumulate_grad_hooks", None))
        for p in module._parameters.values()
    )
