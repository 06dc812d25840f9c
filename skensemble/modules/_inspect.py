"""What a module is beneath its wrapper, and whether somebody looks into it."""

from torch import nn


def unwrap_compiled(module: nn.Module) -> nn.Module:
    """Return the module inside a `torch.compile` wrapper, or the module itself.

    Its state dict has the user's names, its class is the user's class.
    """
    return getattr(module, "_orig_mod", module)


def is_watched(module: nn.Module) -> bool:
    """Say whether a hook, or a `forward` of its own, is set on a module or on its own weights.

    Hooks of its children are theirs: ask for each of `modules()`.
    """
    # Every attribute that holds hooks, those of a newer torch included.
    own = [hooks for name, hooks in vars(module).items() if name.endswith("_hooks")]
    for parameter in module.parameters(recurse=False):
        own += [parameter._backward_hooks, getattr(parameter, "_post_accumulate_grad_hooks", None)]
    return any(own) or "forward" in vars(module)
