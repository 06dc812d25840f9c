"""Checks of arguments; each message names the argument, the rule and the value."""

import math
import reprlib
from numbers import Integral, Real
from typing import Any


class InvalidParameterError(ValueError, TypeError):
    """An argument breaks its rule.

    Both a `ValueError` and a `TypeError`, as scikit-learn's own: callers catch either.
    """


LONGEST_VALUE = 200
"""Characters of a value in a message."""


def short_repr(value: Any) -> str:
    """Return the repr of a value, cut in the middle where it is long, in one line.

    Examples
    --------
    >>> short_repr([1, 2])
    '[1, 2]'
    >>> len(short_repr("long" * 100))
    200
    """
    if isinstance(value, list | tuple | dict | set | frozenset | str) and len(value) > 1000:
        # To write it all out may take minutes.
        return f"{reprlib.repr(value)} ({type(value).__name__} of length {len(value)})"
    try:
        text = " ".join(repr(value).split()) if not isinstance(value, str) else repr(value)
    except Exception:
        # The value is at fault already; its repr is not to hide that.
        return f"an object of {type(value).__name__}"
    half = LONGEST_VALUE // 2
    return text if len(text) <= LONGEST_VALUE else f"{text[: half - 2]}...{text[-half + 1 :]}"


def reject(name: str, rule: str, value: Any) -> InvalidParameterError:
    """Build the error for an argument that breaks its rule.

    Examples
    --------
    >>> print(reject("M", "an int >= 1", 0))
    M must be an int >= 1, got 0.
    """
    return InvalidParameterError(f"{name} must be {rule}, got {short_repr(value)}.")


def check_int(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value` as an int within ``low..high``.

    Raises
    ------
    InvalidParameterError
        If `value` is no integer or lies outside.
    """
    is_int = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_int or int(value) < low or (high is not None and int(value) > high):
        rule = f"an int >= {low}" if high is None else f"an int in {low}..{high}"
        raise reject(name, rule, value)
    return int(value)


def check_real(
    name: str,
    value: Any,
    low: float,
    *,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Return `value` as a finite float within ``[low, high]``, or without an end that is open.

    Raises
    ------
    InvalidParameterError
        If `value` is no finite number or lies outside.
    """
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    number = float(value) if is_real else math.nan
    is_low = number <= low if low_open else number < low
    is_high = number >= high if high_open else number > high
    if not math.isfinite(number) or is_low or is_high:
        rule = f"a finite number {'>' if low_open else '>='} {low:g}"
        if high < math.inf:
            rule += f" and {'<' if high_open else '<='} {high:g}"
        raise reject(name, rule, value)
    return number
