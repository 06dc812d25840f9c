"""Estimators in one line: the class, and the arguments that are set."""

import inspect
from functools import partial
from typing import Any

from sklearn import get_config
from sklearn.base import BaseEstimator
from skorch import NeuralNet
from torch import nn

from skensemble._arguments import default_of, parameters_of
from skensemble._checks import short_repr

LONGEST = 80
"""Characters of a value that is no estimator."""


class ToldInOneLine:
    """Mixin: a net whose `repr` is one line, also within what holds it."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        tell_defaults(cls)

    def __repr__(self) -> str:
        return one_line(self)  # type: ignore[arg-type]


def one_line(estimator: BaseEstimator) -> str:
    """Write an estimator in one line, without arguments that are at their defaults.

    scikit-learn's option `print_changed_only` counts: False writes all of them.
    """
    # skorch's nets have private ones as well.
    given = {k: v for k, v in estimator.get_params(deep=False).items() if k[0] != "_"}
    if get_config()["print_changed_only"]:
        kind = type(estimator)
        given = {k: v for k, v in given.items() if repr(v) != repr(default_of(kind, k))}
    arguments = ", ".join(f"{name}={told(value)}" for name, value in given.items())
    return f"{type(estimator).__name__}({arguments})"


def told(value: Any) -> str:
    """Write a value in one line: classes, functions and modules by their names.

    Examples
    --------
    >>> told(nn.ReLU), told([nn.Linear(2, 3), 1]), told(partial(max, 2, key=len))
    ('ReLU', '[Linear(...), 1]', 'partial(max, 2, key=len)')
    """
    if isinstance(value, type) or inspect.isroutine(value):
        return value.__name__
    if isinstance(value, partial):
        keywords = [f"{name}={told(one)}" for name, one in value.keywords.items()]
        return f"partial({', '.join([told(value.func), *map(told, value.args), *keywords])})"
    if isinstance(value, nn.Module):
        return f"{type(value).__name__}(...)"
    if type(value) is list and len(value) <= 5:
        return f"[{', '.join(map(told, value))}]"
    if isinstance(value, NeuralNet):
        # skorch writes a page, with all layers.
        return one_line(value)
    if isinstance(value, BaseEstimator):
        return " ".join(repr(value).split())
    text = short_repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def tell_defaults(cls: type) -> None:
    """Let the constructor of a class tell the defaults of keywords that it hands on to its bases.

    scikit-learn compares parameters with the signature of the constructor, in the repr of what
    holds an estimator and in its tables, and takes those that are not in it for changed. The
    signature of the class stays short.
    """
    own = vars(cls).get("__init__")
    if not inspect.isfunction(own):
        return
    signature = inspect.signature(own)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    rest = [p for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]
    cls.__signature__ = signature.replace(parameters=[*named[1:], *rest])  # type: ignore[attr-defined]
    if not rest:
        return
    handed_on = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default_of(cls, name))
        for name in sorted(parameters_of(cls) - signature.parameters.keys())
    ]
    own.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*named, *handed_on, *rest]
    )
