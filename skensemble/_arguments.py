"""Constructors that answer a wrong argument with the public class and the spelling that works."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache, wraps
from typing import Any

from skensemble._checks import InvalidParameterError, short_repr

CLOSE = 0.75
"""Likeness of two names, of 1, from which one may be a misspelling of the other."""

LONGEST_WRITTEN = 60
"""Characters of a value within a call that is written out."""


class AnsweringConstructor:
    """Mixin: a wrong argument of the constructor gets an answer that its user can copy.

    The signature of the constructor stays, and a right call costs one more call of a function.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        before = cls.__mro__[: cls.__mro__.index(AnsweringConstructor)]
        init = next((vars(base)["__init__"] for base in before if "__init__" in vars(base)), None)
        # What comes after this class is for `super` to find.
        if init is not None and not hasattr(init, "_is_answering"):
            cls.__init__ = _answering(init)  # type: ignore[method-assign]

    def _write_call(self, names: Mapping[str, Any], args: tuple[Any, ...]) -> str | None:
        """Write the call that does what unknown names ask for; None if nobody can tell.

        Parameters
        ----------
        names : mapping of str to object
            All keywords of the call.
        args : tuple
            What came without a name.
        """
        raise NotImplementedError


def _answering(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except TypeError as error:
            answer = None if isinstance(error, ValueError) else _answer(self, init, args, kwargs)
            if answer is None:
                raise
            raise answer from None

    # The same dict: who changes a default of the constructor changes that which counts.
    __init__.__kwdefaults__ = init.__kwdefaults__
    __init__._is_answering = True  # type: ignore[attr-defined]
    return __init__


def _answer(
    self: Any, init: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> InvalidParameterError | None:
    """Build the error for arguments that a constructor does not take; None if it takes them."""
    name, parameters = type(self).__name__, keywords_of(init) or {}
    by_place = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    has_any = {p.kind for p in parameters.values()}
    unknown = [keyword for keyword in kwargs if keyword not in parameters]
    if unknown and inspect.Parameter.VAR_KEYWORD not in has_any:
        return invalid_names(self, unknown, self._write_call(kwargs, args), kwargs)
    if len(args) > len(by_place) and inspect.Parameter.VAR_POSITIONAL not in has_any:
        places = " and ".join(p.name for p in by_place)
        return InvalidParameterError(
            f"{name} must get all arguments{places and f' but {places}'} by name, got "
            f"{short_repr(args[len(by_place)])} without one: write {name}(..., name=value)."
        )
    twice = [p.name for p in by_place[: len(args)] if p.name in kwargs]
    if twice:
        return InvalidParameterError(
            f"{twice[0]} must be given to {name} once, got "
            f"{short_repr(args[0])} and {short_repr(kwargs[twice[0]])}."
        )
    return None


def invalid_names(
    owner: Any, unknown: Iterable[str], call: str | None, given: Mapping[str, Any]
) -> InvalidParameterError:
    """Build the error for names that an estimator does not have.

    Parameters
    ----------
    owner : object
        An estimator.
    unknown : iterable of str
    call : str or None
        What to write instead.
    given : mapping of str to object
        The values, by name.
    """
    unknown = list(unknown)
    names = ", ".join(map(repr, unknown))
    values = ", ".join(f"{name}={short_repr(given[name])}" for name in unknown)
    plural = "s" if len(unknown) > 1 else ""
    hint = (
        f"Write {call}."
        if call
        else f"Valid parameters are: {', '.join(sorted(parameters_of(type(owner))))}."
    )
    return InvalidParameterError(
        f"Invalid parameter{plural} {names} for estimator {type(owner).__name__}, got {values}. "
        f"{hint}"
    )


def nearest(name: str, known: Mapping[str, str]) -> str | None:
    """Return what stands for a name: its own entry, or that of the likeliest one.

    Parameters
    ----------
    name : str
    known : mapping of str to str
        What to write, by all the names that people may type.

    Examples
    --------
    >>> nearest("max_epoch", {"max_epochs": "max_epochs", "lr": "lr"})
    'max_epochs'
    """
    if name in known:
        return known[name]
    close = get_close_matches(name.lower(), known, n=1, cutoff=CLOSE)
    return known[close[0]] if close else None


def written(name: str, value: Any) -> list[str]:
    """Write a keyword and its value; a hint is written out already, with commas between words.

    Examples
    --------
    >>> written("lr", 0.1)
    ['lr=0.1']
    >>> written("callbacks=[...], train_split=...", True)
    ['callbacks=[...]', 'train_split=...']
    """
    if "=" in name:
        return name.split(", ")
    text = value.__name__ if isinstance(value, type) else repr(value)
    return [f"{name}={text}" if len(text) <= LONGEST_WRITTEN else f"{name}=..."]


def keywords_of(function: Any) -> dict[str, inspect.Parameter] | None:
    """Return the parameters of a function or class by name; None if they cannot be known."""
    try:
        # A function, or a partial of one, may hold data of the user's, which a cache would keep.
        cached = isinstance(function, type)
        return _known_keywords_of(function) if cached else _keywords_of(function)
    except TypeError:
        # A class that cannot be a key of the cache, or nothing to call.
        return None


@lru_cache(maxsize=256)
def _known_keywords_of(cls: type) -> dict[str, inspect.Parameter] | None:
    return _keywords_of(cls)


def _keywords_of(function: Any) -> dict[str, inspect.Parameter] | None:
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def parameters_of(cls: type) -> frozenset[str]:
    """Return the names that the constructors of a class and of its bases take, one by one."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" in vars(base):
            named = (keywords_of(vars(base)["__init__"]) or {}).values()
            names |= {p.name for p in named if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            if all(p.kind is not p.VAR_KEYWORD for p in named):
                break
    return frozenset(names - {"self"})


@lru_cache(maxsize=256)
def default_of(cls: type, name: str) -> Any:
    """Return the default of a parameter, of the first constructor among the bases that has it.

    Examples
    --------
    >>> default_of(AnsweringConstructor, "lr") is inspect.Parameter.empty
    True
    """
    for base in cls.__mro__:
        parameters = keywords_of(vars(base).get("__init__")) or {}
        if name in parameters:
            return parameters[name].default
    return inspect.Parameter.empty
