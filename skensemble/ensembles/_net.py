"""The `estimator` of an ensemble: turned into a private skorch net, sized and checked."""

import inspect
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import clone
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._checks import InvalidParameterError, reject
from skensemble.data import are_pixels, image_sizes, missing_sizes, n_values_per_row
from skensemble.device import PRECISIONS
from skensemble.ensembles._warnings import warn_if_softmax
from skensemble.members import MAIN, as_columns, copy_member, dtype_to_compute, filled, placed
from skensemble.modules import MLP, unwrap_compiled
from skensemble.nets import (
    Net,
    check_net_parameters,
    device_of,
    float_dtype,
    has_one_output,
    may_take_whole_numbers,
)
from skensemble.seeding import building_seeded


def make_net(
    estimator: Any,
    default: type[Net],
    accepted: tuple[type[NeuralNet], ...],
    parameters: dict[str, Any] | None = None,
) -> NeuralNet:
    """Make the net to train from an `estimator` argument, which stays as it is.

    Parameters
    ----------
    estimator : NeuralNet, torch.nn.Module class or instance, or None
    default : type
        Class of the net for None and for a module.
    accepted : tuple of type
        Classes of the skorch nets that fit the task.
    parameters : dict, optional
        Arguments of the net for None.

    Returns
    -------
    net : NeuralNet

    Raises
    ------
    InvalidParameterError
        If `estimator` is none of these, or its own arguments break a rule.
    """
    if estimator is None:
        net = default(**(parameters or {}))
    elif isinstance(estimator, nn.Module) or is_module_class(estimator):
        # The net trains a copy of a module that is there already.
        net = default(estimator)
    elif isinstance(estimator, accepted):
        net = clone(estimator)
    else:
        name = default.__name__
        kind = accepted[0].__name__
        rule = f"a skorch {kind} such as {name}(), a torch.nn.Module, its class or None"
        if inspect.isfunction(estimator):
            rule = f"{rule}, and a function that builds a module in {name}(function)"
        raise reject("estimator", rule, estimator)
    check_net_parameters(net)
    return net


def is_binary(net: NeuralNet) -> bool:
    """Say whether a stock net has one output for two classes, and targets that are floats."""
    return not isinstance(net, Net) and has_one_output(net)


def n_units(net: NeuralNet, n_outputs: int) -> int:
    """Return the width that the module of a net needs for some outputs.

    Raises
    ------
    InvalidParameterError
        If the net is made for two classes, and there are others.
    """
    if not has_one_output(net):
        return n_outputs
    if n_outputs != 2:
        rule = f"a loss of {n_outputs} classes such as torch.nn.CrossEntropyLoss"
        raise reject("criterion", rule, net.criterion)
    return 1


def is_module_class(value: Any) -> bool:
    """Say whether a value is a class of torch modules."""
    return inspect.isclass(value) and issubclass(value, nn.Module)


def dtype_to_check(net: NeuralNet, X: Any) -> Any:
    """Return the type that rows are checked in before a net is there, of which it may take less.

    Whole numbers may stay so; the floats of a stock net are known once it has weights.
    """
    if may_take_whole_numbers(net, X):
        return np.int64
    return float_dtype(net) if isinstance(net, Net) else [np.float64, np.float32]


def keeps_pixels(net: NeuralNet) -> bool:
    """Say whether a net takes images of bytes as they are, and casts them batch by batch."""
    return isinstance(net, Net) and net.holds_rows()


def autocast_dtype(net: NeuralNet) -> torch.dtype | None:
    """Return the lower precision that a net computes in, if any."""
    return PRECISIONS[net.precision].autocast if isinstance(net, Net) else None


def fill_sizes(net: NeuralNet, *, X: Any, n_outputs: int) -> None:
    """Set the sizes of the data on a net, where its module's constructor has names for them."""
    given = net.get_params_for("module")
    n_features = n_values_per_row(X)
    sizes = missing_sizes(net.module, given, n_features=n_features, n_outputs=n_outputs)
    sizes |= image_sizes(net.module, given, X)
    net.set_params(**{f"module__{name}": size for name, size in sizes.items()})


def build_module(net: NeuralNet) -> nn.Module:
    """Build a net's module with weights of its own, torch's global state left alone."""
    with building_seeded(0, torch.device("cpu")):
        return net.initialized_instance(net.module, net.get_params_for("module"))


def _is_sized_mlp(net: NeuralNet, module: nn.Module, n_features: int, n_outputs: int) -> bool:
    """Say whether a net's module is known to suit the task, without running it."""
    return (
        type(module) is MLP
        and not isinstance(unwrap_compiled(net.criterion_), nn.NLLLoss)
        and getattr(module[0], "in_features", None) == n_features
        and getattr(module[-1], "out_features", None) == n_outputs
    )


def _first_output(net: NeuralNet, transform: Any, rows: Any) -> tuple[Tensor | None, Tensor]:
    """Return the output of a copy of a net for some rows, before and after its transformation."""
    copy, device = copy_member(net), device_of(net)
    parts = {MAIN: net.module_.eval()} if copy.parts is None else placed(copy.parts, device)
    with torch.no_grad():
        if copy.shell is not None:
            output = torch.as_tensor(filled(copy.shell, parts).predict_proba(rows))
            # What it gives are probabilities already; of its logits nothing is known.
            return None, as_columns(output)
        rows = torch.as_tensor(np.array(rows.toarray() if issparse(rows) else rows), device=device)
        if are_pixels(rows):
            rows = rows.to(dtype_to_compute(rows, parts[MAIN]))
        output = parts[MAIN](rows)
        logits = output[0] if isinstance(output, tuple) else output
        # A stock net would compare a flat output with every target of the batch.
        output = transform(logits)
        return logits, as_columns(output) if isinstance(net, Net) else output


def check_output_width(net: NeuralNet, transform: Any, rows: Any, n_outputs: int) -> None:
    """Run a copy of an initialised net on a row or two, and hold its output to the task.

    Of a copy: a module may set itself up from the first batch that it sees, and is to see all of
    it.

    Raises
    ------
    InvalidParameterError
        If the output has another shape than (n_samples, n_outputs), or values that the criterion
        cannot take.
    """
    module = unwrap_compiled(net.module_)
    if _is_sized_mlp(net, module, n_values_per_row(rows), n_outputs):
        return
    logits, output = _first_output(net, transform, rows)
    expected = (rows.shape[0], n_outputs)
    if tuple(output.shape) != expected:
        raise InvalidParameterError(
            f"estimator must have a module whose output has shape {expected} for {rows.shape[0]} "
            f"row(s), got shape {tuple(output.shape)} from {type(module).__name__}."
        )
    if logits is None:
        return
    if isinstance(unwrap_compiled(net.criterion_), nn.CrossEntropyLoss):
        warn_if_softmax(module, logits)
    if isinstance(unwrap_compiled(net.criterion_), nn.NLLLoss) and (logits < 0).any():
        raise InvalidParameterError(
            "estimator must have a module that ends in a softmax for criterion NLLLoss, of which "
            f"skorch takes the logarithm, got values below 0 from {type(module).__name__}. Let "
            "the module return logits and pass criterion=torch.nn.CrossEntropyLoss."
        )
