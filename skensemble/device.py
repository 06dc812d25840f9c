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
        As the tensors there name it: "cuda" is the current CUDA device, with its index.

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
            return _as_tensors_name_it(torch.device("cuda"))
        is_mps = torch.backends.mps.is_available()
        return _as_tensors_name_it(torch.device("mps" if is_mps else "cpu"))
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise reject("device", "'auto' or a device that torch knows", device) from error
    n_there = _n_devices(resolved.type)
    if (resolved.index or 0) >= n_there:
        rule = f"on this machine ({n_there} device(s) of type {resolved.type!r} found)"
        raise reject("device", rule, device)
    return _as_tensors_name_it(resolved)


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


def _as_tensors_name_it(device: torch.device) -> torch.device:
    """Return a device as `Tensor.device` of the tensors there: to compare them is to find them."""
    if device.type == "cpu":
        return torch.device("cpu")
    if device.index is not None or device.type not in ("cuda", "mps"):
        return device
    # To ask a CUDA that nobody has used would start it, and forked processes could not use it.
    is_cuda_used = device.type == "cuda" and torch.cuda.is_initialized()
    return torch.device(device.type, torch.cuda.current_device() if is_cuda_used else 0)


def _n_devices(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count()
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    # Other backends report it themselves, at the first tensor.
    return 1
