"""What members answer, held against what they are to answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch.nn.parameter import is_lazy

from skensemble._checks import InvalidParameterError
from skensemble._warn import warn_user
from skensemble.data import forward_batches
from skensemble.members import (
    Predictor,
    as_columns,
    copy_modules,
    dtype_to_compute,
    filled,
    named_tensors,
    parts_of,
    parts_of_member,
    run_uncompiled,
    with_parts,
)
from skensemble.modules import FixedDropout
from skensemble.seeding import building_seeded

N_CHECKED = 8
"""Training rows on which the last member is held to its net."""

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


def check_last_member(
    predictor: Predictor,
    net: NeuralNet,
    arrays: Mapping[str, Any],
    rows: Any,
    *,
    is_at_end: bool = True,
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
    is_at_end : bool, default=True
        Whether the member was made after the last step. What a module holds beside tensors may
        have changed after an earlier one.

    Raises
    ------
    InvalidParameterError
        If they answer otherwise, or if the member still takes something from the net.
    """
    if predictor.are_modules and predictor.is_of_known_layers:
        # Known layers on the way of known nets: there is nothing that could differ.
        return
    undrawn = _without_draws(predictor)
    found = _answer_of_member(undrawn, rows)
    with _tensors_of(net) as tensors:
        for name, tensor in tensors:
            if np.shape(arrays.get(name)) == tuple(tensor.shape):
                tensor.copy_(torch.as_tensor(arrays[name]))
        expected = _answer_of(net, rows, predictor)
        if not is_at_end and differ(expected, found, _tolerance(predictor, found)):
            expected = _answer_of(_with_modules(net, undrawn.members[-1]), rows, predictor)
        if differ(expected, found, _tolerance(predictor, found)):
            again = _answer_of_member(undrawn, rows)
            _refuse_answer(net, again, found, f"answer as it does, got {_gap(expected, found)}")
            return
        for tensor in {id(t): t for _, t in tensors}.values():
            _ = tensor.logical_not_() if tensor.dtype == torch.bool else tensor.add_(1)
        moved = _answer_of_member(undrawn, rows)
    if differ(found, moved):
        what = f"no longer depend on it, got {_gap(found, moved)} after a change of its weights"
        _refuse_answer(net, _answer_of_member(undrawn, rows), found, what)


def answer_to_keep(predictor: Predictor, rows: Any) -> np.ndarray | None:
    """Return what the first member answers when it is taken; None where nothing could change."""
    if predictor.are_modules and predictor.is_of_known_layers:
        return None
    return seeded_outputs(predictor, rows, [0])[0]


def check_first_member(predictor: Predictor, rows: Any, answer: np.ndarray | None) -> None:
    """Hold the first member to what it answered when it was taken.

    Raises
    ------
    InvalidParameterError
        If it answers otherwise: it takes something from outside, which has changed since.
    """
    if answer is None:
        return
    found, again = (seeded_outputs(predictor, rows, [0])[0] for _ in range(2))
    if differ(answer, found) and not differ(found, again):
        raise InvalidParameterError(
            "estimator must be a net whose members stay as they are, got one whose first member "
            f"gives {_gap(answer, found)} from those that it gave when it was taken. What it "
            "computes from has to belong to the module or to the net: no class attributes, no "
            "globals and no outer state that change."
        )


@contextmanager
def _tensors_of(net: NeuralNet) -> Iterator[list[tuple[str, torch.Tensor]]]:
    """Give the tensors of a net by name to be written to, and put their values back."""
    named = [(name, t) for name, t in named_tensors(parts_of(net)) if _is_writable(t)]
    before = [tensor.detach().clone() for _, tensor in named]
    with torch.no_grad():
        try:
            yield named
        finally:
            for (_, tensor), value in zip(named, before, strict=True):
                tensor.copy_(value)


def _answer_of_member(predictor: Predictor, rows: Any) -> np.ndarray:
    return seeded_outputs(predictor, rows, [len(predictor) - 1])[0]


def _answer_of(net: NeuralNet, rows: Any, predictor: Predictor) -> np.ndarray:
    """Return what a net answers itself; one without a way of its own has a shorter one here."""
    with run_uncompiled(net), building_seeded(0, predictor.device):
        if not predictor.are_modules:
            return as_columns(net.predict_proba(rows))
        dtype = dtype_to_compute(rows, net.module_)
        batch = next(forward_batches(rows, rows.shape[0], dtype))
        output = net.evaluation_step((batch.clone(), None))
        output = output[0] if isinstance(output, tuple) else output
        return as_columns(predictor.transform(output)).cpu().numpy()


def _with_modules(net: NeuralNet, member: Any) -> NeuralNet:
    return filled(net, parts_of_member(member))


def _refuse_answer(net: NeuralNet, again: np.ndarray, found: np.ndarray, what: str) -> None:
    """Refuse a net for what its members do, unless they answer otherwise each time."""
    if differ(again, found):
        warn_user(
            f"{type(net).__name__} gives other outputs for the same rows each time: whether its "
            "members answer as it does could not be checked."
        )
        return
    raise InvalidParameterError(
        f"estimator must be a net whose members {what}, from {type(net).__name__} with "
        f"{type(net.module_).__name__}. What it computes from has to belong to the module or to "
        "the net: tensors and attributes, no globals and no outer state."
    )


def _gap(one: np.ndarray, other: np.ndarray) -> str:
    if one.shape != other.shape:
        return f"outputs of shape {other.shape} for {one.shape}"
    return f"outputs that differ by up to {np.abs(one - other).max():.3g}"


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
