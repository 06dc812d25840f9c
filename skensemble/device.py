"""Where a net computes, and in which floats."""

from typing import Any, NamedTuple

import numpy as np
import torch

from skensemble._checks import reject
from skensemble._warn import warn_user


class Precision(NamedTuple):
    """Floats that a net computes in.

    Attributes
    ----------
    weights : torch.dtype
        Dtype of weights and rows.
    autocast : torch.dtype or None
        Lower precision that products are computed in.
    """

    weights: torch.dtype
    autocast: torch.dtype | None = None


PRECISIONS = {
    "float32": Precision(torch.float32),
    "float64": Precision(torch.float64),
    "bf16": Precision(torch.float32, autocast=torch.bfloat16),
}
"""What the argument `precision` of a net stands for."""


def resolve_device(device: Any) -> torch.device:
    """Turn a `device` argument into a device that is there.

    Parameters
    ----------
    device : str, torch.device or None
        "auto" takes CUDA, else MPS, else the CPU; None, as in skorch, is the CPU.

    Returns
    -------
    device : torch.device

    Raises
    ------
    InvalidParameterError
        If torch knows no such device or the machine lacks it.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device is None:
        return torch.device("cpu")
    if isinstance(device, str) and device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise reject("device", "'auto' or a device that torch knows", device) from error
    n_there = _n_devices(resolved.type)
    if (resolved.index or 0) >= n_there:
        rule = f"on this machine ({n_there} device(s) of type {resolved.type!r} found)"
        raise reject("device", rule, device)
    return resolved


def available_device(device: Any) -> torch.device:
    """Turn a `device` argument into a device that is there; the CPU, with a warning, if it is not.

    For a fitted model that was moved to another machine.
    """
    try:
        return resolve_device(device)
    except ValueError as error:
        warn_user(f"{error} The model is put on the CPU.")
        return torch.device("cpu")


def numpy_dtype(precision: str) -> type[np.floating[Any]]:
    """Return the dtype of the rows that a net of this precision reads."""
    return np.float64 if precision == "float64" else np.float32


def _n_devices(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count()
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    # Other backends report it themselves, at the first tensor.
    return 1
