"""The way of a net from rows to output, which its members take too where it is one of its own."""

from typing import Any

from skorch import NeuralNet
from skorch.dataset import Dataset
from skorch.history import History
from torch import nn
from torch.utils.data import DataLoader

from skensemble._checks import InvalidParameterError
from skensemble.data import RowBatches
from skensemble.members._copying import copy_modules
from skensemble.members._states import MAIN, MemberState, Parts, copy_parts, copy_state
from skensemble.modules import unwrap_compiled
from skensemble.nets import Net

WAY = ("predict_proba", "forward_iter", "evaluation_step", "get_dataset", "get_iterator") + (
    "_get_predict_nonlinearity",
    "_merge_x_and_fit_params",
    "_set_training",
)
"""Methods of a net between rows and output, beside `infer`."""

KNOWN = ("skorch.net", "skorch.classifier", "skorch.regressor", "skorch.hf", "skensemble.nets.")
"""Where the methods come from of which the lean way is known to do the same."""

OF_TRAINING = frozenset(
    ("history_", "best_losses_", "callbacks_", "callbacks", "train_split")
    + ("_closed_form_", "_update_", "_graphed_", "_signature_", "_batch_size_", "_sample_weight_")
)
"""Attributes of a net that prediction has no use for."""


def obstacle_to_lean_prediction(net: NeuralNet) -> str | None:
    """Say why a member predicts by its net, or None if to run its module on the rows is the same.

    Parameters
    ----------
    net : NeuralNet
        Initialised.

    Returns
    -------
    obstacle : str or None
    """
    kind = type(net)
    for name in WAY:
        if name in vars(net) or not getattr(kind, name).__module__.startswith(KNOWN):
            return f"{kind.__name__} has a {name} of its own"
    if "infer" in vars(net) or kind.infer not in (NeuralNet.infer, Net.infer):
        return f"{kind.__name__} has an infer of its own"
    if net.dataset is not Dataset or net.get_params_for("dataset"):
        return "the net has a dataset of its own"
    arguments = net.get_params_for("iterator_valid").keys() - {"batch_size"}
    if net.iterator_valid not in (RowBatches, DataLoader) or arguments:
        return "the net has an iterator_valid of its own"
    if net._modules != ["module"]:
        return f"the net has further modules: {net._modules}"
    return None


def copy_member(net: NeuralNet) -> MemberState:
    """Copy all that makes the answer of a net as it is now.

    Parameters
    ----------
    net : NeuralNet
        Initialised.

    Returns
    -------
    state : MemberState
        With a shell where the net has a way of its own from rows to output.

    Raises
    ------
    InvalidParameterError
        If a module holds what cannot be copied.
    """
    if obstacle_to_lean_prediction(net) is None:
        return copy_state(net.module_)
    shell, parts = shell_of(net), parts_of(net)
    own = {
        name: value
        for name, value in vars(shell).items()
        if name.endswith("_") and name not in parts
    }
    # What a net has learnt beside its modules may change in training too; what cannot be copied,
    # such as an open file, stays that of the net.
    own = {n: v for n, v in own.items() if _can_be_copied(v, [(net, shell), *_each(parts)])}
    state = copy_parts(parts, {"own": own}, stand_ins=[(net, shell)])
    vars(shell).update(state.further["own"])
    state.shell = shell
    return state


def _each(parts: Parts) -> list[tuple[Any, Any]]:
    return [(layer, layer) for part in parts.values() for layer in part.modules()]


def _can_be_copied(value: Any, stand_ins: list[tuple[Any, Any]]) -> bool:
    if isinstance(value, bool | int | float | str | None):
        return True
    try:
        copy_modules(value, lambda obj: obj, stand_ins=stand_ins)
    except InvalidParameterError:
        return False
    return True


def parts_of(net: NeuralNet) -> Parts:
    """Return the modules and criteria of a net by the attributes that hold them."""
    names = [f"{name}_" for name in (*net._modules, *net._criteria)]
    parts = {name: getattr(net, name, None) for name in names}
    return {n: unwrap_compiled(part) for n, part in parts.items() if isinstance(part, nn.Module)}


def shell_of(net: NeuralNet) -> NeuralNet:
    """Return a net of the same attributes, without modules and without what training needs."""
    optimizers = {f"{name}_" for name in net._optimizers}
    left_out = OF_TRAINING | optimizers | parts_of(net).keys()
    shell = _bare(net)
    vars(shell).update({n: value for n, value in vars(net).items() if n not in left_out})
    vars(shell).update(history_=History(), callbacks_=[], callbacks=None, train_split=None)
    vars(shell).update(dict.fromkeys(optimizers))
    return shell


def filled(shell: NeuralNet, parts: Parts) -> NeuralNet:
    """Return a net of the attributes of a shell that predicts with some modules."""
    net = _bare(shell)
    # skorch would take attributes that are set for new parts of the net.
    vars(net).update(vars(shell) | parts)
    return net


def parts_of_member(member: nn.Module | NeuralNet) -> Parts:
    """Return the modules of a member, as it predicts, by the attributes of a net."""
    return {MAIN: member} if isinstance(member, nn.Module) else parts_of(member)


def with_parts(member: nn.Module | NeuralNet, parts: Parts) -> nn.Module | NeuralNet:
    """Return a member of the kind of another, with other modules."""
    return parts[MAIN] if isinstance(member, nn.Module) else filled(member, parts)


def _bare(net: NeuralNet) -> NeuralNet:
    return type(net).__new__(type(net))
