"""What members answer, held against what they are to answer."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch.nn.parameter import is_lazy

from skensemble._checks import InvalidParameterError, reject
from skensemble._warn import warn_user
from skensemble.data import forward_batches
from skensemble.members import (
    Predictor,
    copy_modules,
    named_tensors,
    parts_of,
    parts_of_member,
    run_uncompiled,
    with_parts,
)
from skensemble.modules import FixedDropout
from skensemble.seeding import building_seeded

TOLERANCE = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-6}
"""Relative to the largest output of the rows; ways of computing differ in rounding."""


def seeded_outputs(
    predictor: Predictor, rows: Any, members: Sequence[int] | None = None
) -> np.ndarray:
    """Return what members answer, with a fixed seed for what they draw.

    Parameters
    ----------
    predictor : Predictor
    rows : ndarray or CSR matrix of shape (n_samples, ...)
    members : sequence of int, optional
        Indices of members; all by default.

    Returns
    -------
    outputs : ndarray of shape (n_members, n_samples, n_outputs)
    """
    members = range(len(predictor)) if members is None else members
    with building_seeded(0, predictor.device):
        return predictor.outputs(rows, members)


def differ(one: np.ndarray, other: np.ndarray, tolerance: float | None = None) -> bool:
    """Say whether outputs differ by more than rounding."""
    if one.shape != other.shape:
        return True
    tolerance = tolerance or TOLERANCE.get(one.dtype, 1e-3)
    with np.errstate(invalid="ignore"):
        size = np.abs(one[np.isfinite(one)]).max(initial=0)
    return not np.allclose(one, other, rtol=tolerance, atol=tolerance * size, equal_nan=True)


ALONE = "can be copied, so that a member no longer depends on the module in training"


def check_last_member(
    predictor: Predictor, net: NeuralNet, arrays: Mapping[str, Any], rows: Any
) -> None:
    """Hold the answer of the last member to that of the net with its weights.

    Parameters
    ----------
    predictor : Predictor
        Of the members.
    net : NeuralNet
        As it was trained; its tensors are put back.
    arrays : mapping of str to ndarray
        Of the last member.
    rows : ndarray or CSR matrix of shape (n_samples, ...)
        A few training rows.

    Raises
    ------
    InvalidParameterError
        If they answer otherwise, or if the member still takes something from the net.
    """
    if predictor.are_modules and predictor.is_of_known_layers:
        # Known layers on the way of known nets: there is nothing that could differ.
        return
    undrawn, last = _without_draws(predictor), [len(predictor) - 1]
    named = [(n, t) for n, t in named_tensors(parts_of(net)) if _is_writable(t)]
    tensors = list({id(tensor): tensor for _, tensor in named}.values())
    before = [tensor.detach().clone() for tensor in tensors]
    with torch.no_grad():
        try:
            for name, tensor in named:
                if np.shape(arrays.get(name)) == tuple(tensor.shape):
                    tensor.copy_(torch.as_tensor(arrays[name]))
            expected = _answer_of(net, rows, predictor)
            found = seeded_outputs(undrawn, rows, last)[0]
            if differ(expected, found, _tolerance(predictor, found)):
                _refuse_other_answer(net, expected, found, _answer_of(net, rows, predictor))
            for tensor in tensors:
                tensor.add_(1)
            if differ(found, seeded_outputs(undrawn, rows, last)[0]):
                raise reject("estimator", f"a net whose module {ALONE}", type(net.module_))
        finally:
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)


def _answer_of(net: NeuralNet, rows: Any, predictor: Predictor) -> np.ndarray:
    """Return what a net answers itself; one without a way of its own has a shorter one here."""
    with run_uncompiled(net), building_seeded(0, predictor.device):
        if not predictor.are_modules:
            return net.predict_proba(rows)
        dtype = torch.float64 if rows.dtype == np.float64 else torch.float32
        batch = next(forward_batches(rows, rows.shape[0], dtype))
        output = net.evaluation_step((batch, None))
        output = output[0] if isinstance(output, tuple) else output
        return predictor.transform(output).cpu().numpy()


def _refuse_other_answer(
    net: NeuralNet, expected: np.ndarray, found: np.ndarray, again: np.ndarray
) -> None:
    """Refuse a net whose members answer otherwise, unless it answers otherwise each time."""
    if differ(expected, again):
        warn_user(
            f"{type(net).__name__} gives other outputs for the same rows each time: whether its "
            "members answer as it does could not be checked."
        )
        return
    difference = (
        f"outputs that differ by up to {np.abs(expected - found).max():.3g}"
        if expected.shape == found.shape
        else f"outputs of shape {found.shape} for {expected.shape}"
    )
    raise InvalidParameterError(
        f"estimator must be a net whose members answer as it does, got {difference} from "
        f"{type(net).__name__} with {type(net.module_).__name__}. What it computes from has to "
        "belong to the module or to the net: tensors and attributes, no globals and no outer state."
    )


def _without_draws(predictor: Predictor) -> Predictor:
    """Return a predictor whose last member leaves no unit out, where it is one of MC dropout."""
    member = predictor.members[-1]
    modules = parts_of_member(member).values()
    if not any(isinstance(part, FixedDropout) for m in modules for part in m.modules()):
        return predictor
    undrawn = copy(predictor)
    parts = copy_modules(parts_of_member(member), lambda obj: obj)
    for part in parts.values():
        for layer in part.modules():
            if isinstance(layer, FixedDropout):
                layer.p = 0.0
    undrawn.members = [*predictor.members[:-1], with_parts(member, parts)]
    return undrawn


def _tolerance(predictor: Predictor, outputs: np.ndarray) -> float:
    return 3e-2 if predictor.autocast is not None else TOLERANCE.get(outputs.dtype, 1e-3)


def _is_writable(tensor: torch.Tensor) -> bool:
    """Say whether each value of a tensor is one place in memory, of a kind that can be copied."""
    if is_lazy(tensor) or tensor.layout is not torch.strided or tensor.is_quantized:
        return False
    return not any(
        n > 1 and stride == 0 for n, stride in zip(tensor.shape, tensor.stride(), strict=True)
    )
