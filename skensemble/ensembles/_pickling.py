"""What pickle cannot write, said by name; worker processes, which use cloudpickle, may have it."""

import copyreg
import pickle
from typing import Any

from joblib import wrap_non_picklable_objects

from skensemble._checks import InvalidParameterError


class Refusal(type):
    """Classes of this kind pickle refuses with their message; cloudpickle writes any class."""

    message: str


def refuse(refusal: Refusal) -> Any:
    """Raise the error that a refusal stands for."""
    raise InvalidParameterError(refusal.message)


copyreg.pickle(Refusal, refuse)  # type: ignore[arg-type]


def refusal_of(obj: Any, name: str) -> Refusal | None:
    """Return what makes pickle refuse an object that it cannot write, or None if it can.

    Parameters
    ----------
    obj : object
    name : str
        What messages call it.

    Returns
    -------
    refusal : Refusal or None
        To be pickled before the object.

    Raises
    ------
    InvalidParameterError
        If cloudpickle, in which worker processes answer, cannot write it either.
    """
    error = _error_of(obj)
    if error is None:
        return None
    message = (
        f"{name} must be made of what can be pickled, got {type(error).__name__}: {error}. Put "
        "functions and classes at the top level of a file that can be imported."
    )
    if not can_travel(obj):
        raise InvalidParameterError(message) from error
    return Refusal("Refused", (), {"message": message})


def can_be_pickled(obj: Any) -> bool:
    """Say whether pickle can write an object."""
    return _error_of(obj) is None


def can_travel(obj: Any) -> bool:
    """Say whether cloudpickle, in which worker processes answer, can write an object."""
    return _error_of(wrap_non_picklable_objects(obj)) is None


def _error_of(obj: Any) -> Exception | None:
    try:
        pickle.dumps(obj)
    except Exception as error:
        # Whatever the object raises on being written.
        return error
    return None
