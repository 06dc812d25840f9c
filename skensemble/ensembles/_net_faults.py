"""Faults of the net of an ensemble: named as those of `estimator`, before anything is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skorch import NeuralNet

from skensemble._checks import InvalidParameterError
from skensemble.data import n_values_per_row
from skensemble.nets import named


@contextmanager
def naming_net_faults(net: NeuralNet, X: Any) -> Iterator[None]:
    """Turn errors of building or running a net inside the block into errors of its ensemble.

    Parameters
    ----------
    net : NeuralNet
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Training rows.

    Raises
    ------
    InvalidParameterError
        If the net cannot be built, or does not take such rows.
    """
    try:
        yield
    except InvalidParameterError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        again = named(net, error, n_values_per_row(X))
        if again is not error:
            raise again from error
        shape = ("n_samples", *X.shape[1:])
        raise InvalidParameterError(
            f"estimator must be a net that can be built and takes rows of shape "
            f"({', '.join(map(str, shape))}), got {type(net).__name__}: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
