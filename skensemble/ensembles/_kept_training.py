"""Where a training has stopped, kept for a further fit that goes on from there."""

import inspect
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from skorch import NeuralNet
from skorch.history import History
from torch import nn
from torch.nn.parameter import is_lazy

from skensemble._checks import InvalidParameterError
from skensemble.data import RowBatches
from skensemble.members import copy_modules
from skensemble.modules import unwrap_compiled
from skensemble.nets import Net
from skensemble.seeding import Streams
from skensemble.training import without_batches

GENERATOR = "iterator_train__generator"
"""What the iterator of a net draws the order of its rows from."""


@dataclass(frozen=True)
class KeptTraining:
    """Where a training has stopped: all that a further one begins with.

    Attributes
    ----------
    net : NeuralNet
        Trained, with its optimizer; further trainings begin with a copy.
    streams : Streams
        The seeds of the first fit.
    order : Tensor or None
        State of what the order of the rows is drawn from, if it is the net's own.
    noise : list of Tensor or None
        States of torch's global generators, where they were kept.
    cycle_steps : int
        Optimizer steps of the last cycle.
    """

    net: NeuralNet
    streams: Streams
    order: torch.Tensor | None
    noise: list[torch.Tensor] | None
    cycle_steps: int


def give_generator(net: NeuralNet, order: torch.Tensor | None) -> torch.Generator | None:
    """Let a net draw the order of its rows from a generator that outlives its iterators.

    It begins with what the net's own would begin with. None is given to a net that draws from one
    of the user's, or from torch's.
    """
    is_own = inspect.isclass(net.iterator_train) and issubclass(net.iterator_train, RowBatches)
    if not (is_own and isinstance(net, Net)) or hasattr(net, GENERATOR):
        return None
    generator = torch.Generator()
    if order is None:
        generator.manual_seed(net.order_seed_)
    else:
        generator.set_state(order)
    setattr(net, GENERATOR, generator)
    return generator


def take_generator(net: NeuralNet, generator: torch.Generator | None) -> torch.Tensor | None:
    """Take the generator away, and return where it has got to."""
    if generator is None:
        return None
    delattr(net, GENERATOR)
    return generator.get_state()


def forget_batches(net: NeuralNet) -> None:
    """Drop what the history of a net has of its batches, which would make large pickles."""
    net.history_ = History(without_batches(net.history))


def load_weights(net: NeuralNet, module: nn.Module) -> None:
    """Give a net that has begun anew the weights of a member.

    Raises
    ------
    InvalidParameterError
        If they do not fit into a module that is built anew.
    """
    weights = unwrap_compiled(module).state_dict()
    try:
        unwrap_compiled(net.module_).load_state_dict(weights)
    except RuntimeError as error:
        rule = "True from the first fit on, to go on with a module that is not built as it is used"
        message = f"warm_start must be {rule}, got {type(module).__name__}: {error}"
        raise InvalidParameterError(message) from error


def copy_net(net: NeuralNet) -> NeuralNet:
    """Copy a net with its optimizer, whose tensors stay those of the module.

    skorch's own way to a copy is by way of a pickle, which takes no lambda.
    """
    other, twins = type(net).__new__(type(net)), {}

    def twin_of(obj: Any) -> Any:
        """Return the copy of a tensor, one for each; weights stay such that are trained."""
        if id(obj) not in twins:
            copy = deepcopy(obj) if is_lazy(obj) else obj.detach().clone()
            is_weight = isinstance(obj, nn.Parameter) and not is_lazy(obj)
            twins[id(obj)] = nn.Parameter(copy, obj.requires_grad) if is_weight else copy
        return twins[id(obj)]

    vars(other).update(copy_modules(dict(vars(net)), twin_of, stand_ins=[(net, other)]))
    return other
