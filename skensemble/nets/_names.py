"""The names of a net's arguments: which there are, and what to write for those there are not."""

import inspect
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from skorch import NeuralNet
from torch import nn

from skensemble._arguments import (
    AnsweringConstructor,
    invalid_names,
    keywords_of,
    nearest,
    parameters_of,
    written,
)
from skensemble._checks import InvalidParameterError, reject
from skensemble.nets._one_line import ToldInOneLine

PARTS = ("module", "optimizer", "criterion")
"""Arguments that are built, from arguments with their name and two underscores before them."""

NOT_OF_THE_OPTIMIZER = {"params", "param_groups", "momentum", "nesterov", "weight_decay"}
"""What skorch adds to an optimizer's own keywords, and what our nets leave out for some."""

VERY_CLOSE = 0.9
"""Likeness of two keywords of a part, of 1, from which one is a misspelling of the other."""

STOPPING = "callbacks=[EarlyStopping()], train_split=ValidSplit(10)"

ALIASES = {
    "activation": "module__activation",
    "alpha": "optimizer__weight_decay",
    "betas": "optimizer=torch.optim.Adam, optimizer__betas=...",
    "dropout_rate": "module__dropout",
    "early_stopping": STOPPING,
    "epochs": "max_epochs",
    "gradient_clip_val": "max_grad_norm",
    "hidden_dim": "module__hidden_units",
    "hidden_dims": "module__hidden_units",
    "hidden_layer_sizes": "module__hidden_units",
    "hidden_layers": "module__hidden_units",
    "hidden_size": "module__hidden_units",
    "hidden_sizes": "module__hidden_units",
    "l2": "optimizer__weight_decay",
    "layers": "module__hidden_units",
    "learning_rate": "lr",
    "learning_rate_init": "lr",
    "loss": "criterion=...",
    "loss_fn": "criterion=...",
    "max_iter": "max_epochs",
    "max_norm": "max_grad_norm",
    "model": "module",
    "momentum": "optimizer__momentum",
    "n_epochs": "max_epochs",
    "n_hidden": "module__hidden_units",
    "n_iter": "max_epochs",
    "n_iter_no_change": STOPPING,
    "nesterovs_momentum": "optimizer__nesterov",
    "net": "module",
    "num_epochs": "max_epochs",
    "num_workers": "iterator_train=DataLoader, iterator_train__num_workers=...",
    "patience": STOPPING,
    "seed": "random_state",
    "shuffle": "iterator_train__shuffle",
    "solver": "optimizer=torch.optim.Adam",
    "validation_fraction": "train_split=ValidSplit(10)",
    "validation_split": "train_split=ValidSplit(10)",
    "wd": "optimizer__weight_decay",
    "weight_decay": "optimizer__weight_decay",
}
"""What people type who come from scikit-learn, Keras, Lightning or torch, and what to write."""


class NetNames(ToldInOneLine, AnsweringConstructor):
    """Mixin for a skorch net: names that it does not have are refused when they are given."""

    def check_names(self, names: Iterable[str]) -> None:
        """Refuse names that the net does not have.

        Parameters
        ----------
        names : iterable of str
            Keywords that the constructor got beside its own.

        Raises
        ------
        InvalidParameterError
            If there is no such argument; it says what to write instead.
        """
        parts = [_built_from(getattr(self, part)) for part in PARTS]
        try:
            # A function may hold data of the user's, which the cache would keep.
            may_keep = all(isinstance(part, type) for part in parts)
            is_known = may_keep and _knows_all(type(self), frozenset(names), *parts)
        except TypeError:
            # A part that cannot be a key of the cache.
            is_known = False
        if not is_known:
            refuse_unknown(self, {name: getattr(self, name) for name in names})

    def set_params(self, **params: Any) -> Any:
        """Set parameters of the net, as in `skorch.NeuralNet.set_params`; unknown ones are refused.

        Parameters
        ----------
        **params : dict
            New values by name.

        Returns
        -------
        self : Net

        Raises
        ------
        InvalidParameterError
            If the net or one of its parts has no parameter of a name.
        """
        refuse_unknown(self, params, "set_params")
        return super().set_params(**params)  # type: ignore[misc]

    def _check_settable_attr(self, name: str, attr: Any) -> None:
        # skorch would ask for another method to build what is no part of a net at all.
        if name in parameters_of(type(self)) and name not in PARTS:
            raise reject(name, "no torch module or optimizer", type(attr))
        super()._check_settable_attr(name, attr)  # type: ignore[misc]

    def _write_call(self, names: Mapping[str, Any], args: tuple[Any, ...]) -> str | None:
        return call_of(type(self), names, {"module": args[0]} if args else {})


def refuse_unknown(net: NeuralNet, params: Mapping[str, Any], function: str | None = None) -> None:
    """Refuse parameters that a net does not have, one of our own or a stock net of skorch.

    Parameters
    ----------
    net : NeuralNet
    params : mapping of str to object
        New values by name.
    function : str, optional
        What they are given to; the constructor without it.

    Raises
    ------
    InvalidParameterError
        If the net or one of its parts has no parameter of a name.
    """
    unknown = unknown_names(net, params)
    if unknown and function is None and (suggestions := _with_underscores(net, unknown)):
        raise InvalidParameterError(suggestions)
    if unknown:
        parts = parts_of(net) | params
        call = call_of(type(net), {name: params[name] for name in unknown}, parts, function)
        raise invalid_names(net, unknown, call, params)


def _with_underscores(net: NeuralNet, names: Iterable[str]) -> str | None:
    """Suggest names with two underscores, in the words of skorch; None if others are wrong, too."""
    lines = []
    for name in names:
        prefixes = [p for p in (*PARTS, *net.prefixes_) if name.startswith(p) and name != p]
        if not prefixes or name.startswith(f"{max(prefixes, key=len)}__"):
            return None
        prefix = max(prefixes, key=len)
        rest = name.removeprefix(prefix).lstrip("_")
        keywords = _keywords_of_part(getattr(net, prefix, None)) or {}
        close = get_close_matches(rest, keywords, n=1, cutoff=VERY_CLOSE)
        meant = f"{prefix}__{close[0] if close else rest}"
        lines.append(f"Got an unexpected argument {name}, did you mean {meant}?")
    return "\n".join(lines)


def unknown_names(net: NeuralNet, params: Mapping[str, Any]) -> list[str]:
    """Return the names among parameters that a net is known not to have, sorted."""
    parts = {part: params.get(part, value) for part, value in parts_of(net).items()}
    return [name for name in sorted(params) if not _is_known(type(net), net.prefixes_, name, parts)]


def parts_of(net: NeuralNet) -> dict[str, Any]:
    """Return the arguments of a net that are built."""
    return {part: getattr(net, part, None) for part in PARTS}


def call_of(
    net_class: type[NeuralNet],
    names: Mapping[str, Any],
    parts: Mapping[str, Any],
    function: str | None = None,
) -> str | None:
    """Write the call that does what names ask for that a net does not have.

    Returns
    -------
    call : str or None
        None if there is nothing like one of the names.
    """
    known = spellings(net_class, parts)
    words = [(nearest(name, known), value) for name, value in names.items()]
    if not words or any(word is None for word, _ in words):
        return None
    given = dict.fromkeys(w for word, value in words for w in written(str(word), value))
    return f"{function or net_class.__name__}({', '.join(given)})"


def spellings(net_class: type[NeuralNet], parts: Mapping[str, Any]) -> dict[str, str]:
    """Return what to write for a name that people may type, by these names.

    Parameters
    ----------
    net_class : type
    parts : mapping of str to object
        Module, optimizer and criterion, where they are not the class's defaults.
    """
    known = {name: name for name in parameters_of(net_class)}
    defaults = keywords_of(net_class.__init__) or {}
    nested = {}
    for part in PARTS:
        function = parts[part] if part in parts else getattr(defaults.get(part), "default", None)
        for keyword in _keywords_of_part(function) or {}:
            nested[f"{part}__{keyword}"] = nested[keyword] = f"{part}__{keyword}"
            nested[f"{part}_{keyword}"] = f"{part}__{keyword}"
    aliases = {
        name: target
        for name, target in ALIASES.items()
        if not target.startswith(PARTS) or target in nested or "=" in target or target in known
    }
    return nested | aliases | known


@lru_cache(maxsize=256)
def _knows_all(net_class: type[NeuralNet], names: frozenset[str], *parts: Any) -> bool:
    """Say whether nets that are not initialised have these parameters; nets are cloned often."""
    built = dict(zip(PARTS, parts, strict=True))
    return all(_is_known(net_class, net_class.prefixes_, name, built) for name in names)


def _is_known(
    net: type[NeuralNet], prefixes: Collection[str], name: str, parts: Mapping[str, Any]
) -> bool:
    """Say whether a net has a parameter, or may have it for all that is known before it runs."""
    if name in parameters_of(net) or name.endswith("_"):
        return True
    head, _, rest = name.partition("__")
    if not rest or head not in parts:
        return head in prefixes or _builds_its_own(net, "initialize")
    if head == "optimizer" and (rest in NOT_OF_THE_OPTIMIZER or rest.startswith("param_groups")):
        return True
    keywords = _keywords_of_part(parts[head])
    return keywords is None or rest in keywords or _builds_its_own(net, f"initialize_{head}")


def _keywords_of_part(part: Any) -> set[str] | None:
    """Return the keywords that a module, a criterion or an optimizer is built from, if known."""
    parameters = keywords_of(_built_from(part))
    if parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name for p in parameters.values() if p.kind in kinds} - {"params"}


def _built_from(part: Any) -> Any:
    """Return what a part is built from: an instance with new arguments is built from its class."""
    return type(part) if isinstance(part, nn.Module) else part


def _builds_its_own(net: type[NeuralNet], prefix: str) -> bool:
    """Say whether a subclass has a method that may read other names; `prefix` begins its name."""
    return any(
        name.startswith((prefix, f"_{prefix}", "get_params_for", "initialized_instance"))
        for cls in net.__mro__
        if not cls.__module__.startswith(("skensemble.", "skorch."))
        for name in vars(cls)
    )
