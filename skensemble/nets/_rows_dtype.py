"""The type of the rows that a net reads: whole numbers where its module takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import nn

from skensemble.data import holds_whole_numbers
from skensemble.device import numpy_dtype
from skensemble.modules import MLP, unwrap_compiled
from skensemble.seeding import building_seeded


def float_dtype(net: NeuralNet) -> Any:
    """Return the floats that a net reads rows in: its precision, or the type of its weights.

    Parameters
    ----------
    net : NeuralNet
        Our own, or a stock net of skorch, which is asked for its weights once it has them.

    Returns
    -------
    dtype : type
        `numpy.float32` or `numpy.float64`.
    """
    precision = getattr(net, "precision", None)
    if precision is None:
        module = getattr(net, "module_", None)
        weights = (
            [] if module is None else [p for p in module.parameters() if p.is_floating_point()]
        )
        is_double = bool(weights) and weights[0].dtype == torch.float64
        precision = "float64" if is_double else "float32"
    return numpy_dtype(precision)


def may_take_whole_numbers(net: NeuralNet, X: Any) -> bool:
    """Say whether it is worth trying if a net takes rows as whole numbers."""
    return net.module is not MLP and not isinstance(net.module, MLP) and holds_whole_numbers(X)


def rows_dtype(net: NeuralNet, X: Any) -> Any:
    """Return the type that a net reads rows in.

    Whole numbers, as the ids of an embedding are, stay so where the module takes them: that is
    tried once, on a copy of the module, in evaluation mode and under a fixed seed. The copy takes
    all that the trial may do; a lazy module is still lazy after it.

    Parameters
    ----------
    net : NeuralNet
        Initialised.
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)
        Rows.

    Returns
    -------
    dtype : type
        `numpy.int64`, or the net's floats.
    """
    if not may_take_whole_numbers(net, X):
        return float_dtype(net)
    rows = X[:2] if hasattr(X, "dtype") else np.asarray(X)[:2]
    rows = torch.as_tensor(np.asarray(rows)).to(torch.int64)
    return np.int64 if _takes(net, rows) else float_dtype(net)


def _takes(net: NeuralNet, rows: torch.Tensor) -> bool:
    device = next((p.device for p in net.module_.parameters()), torch.device("cpu"))
    try:
        with _copied_modules(net), building_seeded(0, device), torch.no_grad():
            output = net.infer(rows)
    except IndexError:
        # An id that is out of range for an embedding, which takes nothing but whole numbers.
        return True
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        # Whatever the module, or a copy of it, has against them.
        return False
    output = output[0] if isinstance(output, tuple) else output
    # Whole numbers that come out again can be no loss.
    return isinstance(output, torch.Tensor) and output.is_floating_point()


@contextmanager
def _copied_modules(net: NeuralNet) -> Iterator[None]:
    """Let a net run copies of its modules, in evaluation mode."""
    originals = {f"{name}_": vars(net)[f"{name}_"] for name in net._modules}
    copies = {
        name: deepcopy(unwrap_compiled(module)).eval()
        for name, module in originals.items()
        if isinstance(module, nn.Module)
    }
    vars(net).update(copies)
    try:
        yield
    finally:
        vars(net).update(originals)
