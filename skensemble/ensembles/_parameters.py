"""The names of an ensemble's parameters, and what to write for those that belong to its net."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from skorch import NeuralNet
from torch import nn

from skensemble._arguments import (
    AnsweringConstructor,
    invalid_names,
    nearest,
    parameters_of,
    written,
)
from skensemble._checks import InvalidParameterError, short_repr
from skensemble._typing import Moment, Schedule
from skensemble.data import keywords_of
from skensemble.ensembles._net import is_module_class, make_net
from skensemble.nets import Net, parts_of, spellings, unknown_names
from skensemble.schedules import cyclic_cosine, is_cycle_end

PREFIX = "estimator__"

ALIASES = {
    "base_estimator": "estimator",
    "learning_rate": "alpha_zero",
    "learning_rate_init": "alpha_zero",
    "lr": "alpha_zero",
    "model": "estimator",
    "n_cycles": "M",
    "n_estimators": "M",
    "n_members": "M",
    "n_models": "M",
    "n_snapshots": "M",
    "net": "estimator",
    "num_cycles": "M",
    "seed": "random_state",
    "warm_up": "warmup",
    "warmup_steps": "warmup",
}
"""What people type for the parameters of an ensemble."""

NOT_OF_USE = {"random_state", "verbose", "warm_start"}
"""What a net has, too, and no ensemble makes use of."""


class NamedParameters(AnsweringConstructor):
    """Mixin: the net that parameters speak of, and names that an ensemble does not have.

    Those are refused with the spelling that works.
    """

    _default_net: type[Net]
    _accepted_net: tuple[type[NeuralNet], ...]
    _default_parameters: ClassVar[dict[str, Any]] = {}
    """Arguments of the net that stands for ``estimator=None``."""

    _rate: Schedule = staticmethod(partial(cyclic_cosine, M=1))
    """Schedule of a training that has one course; it gets parameters by their names."""

    estimator: Any
    random_state: Any

    def _make_net(self) -> NeuralNet:
        """Return the net to train, of which `estimator` speaks."""
        return make_net(
            self.estimator, self._default_net, self._accepted_net, self._default_parameters
        )

    def _schedules(self) -> Any:
        """Return what sets the learning rates."""
        return self

    def _course_ahead(self) -> tuple[Schedule, Moment]:
        """Return the rate of each step of a fit, and after which steps weights are kept."""
        taken = keywords_of(self._rate) - set(getattr(self._rate, "keywords", ()))
        own = {name: getattr(self, name) for name in taken if hasattr(self, name)}
        return partial(self._rate, **own), partial(is_cycle_end, M=1)

    def _seed_source(self, net: NeuralNet) -> Any:
        own = self.random_state
        return getattr(net, "random_state", None) if own is None else own

    def set_params(self, **params: Any) -> Any:
        """Set parameters of the ensemble, or of its net with the prefix ``estimator__``.

        Parameters
        ----------
        **params : dict
            New values by name.

        Returns
        -------
        self : BaseEnsemble

        Raises
        ------
        InvalidParameterError
            If there is no parameter of a name, or one of the net is asked for and there is no net
            written out.
        """
        net = params.get("estimator", self.estimator)
        if params.keys() <= parameters_of(type(self)):
            return super().set_params(**params)  # type: ignore[misc]
        nested = {k.removeprefix(PREFIX): v for k, v in params.items() if k.startswith(PREFIX)}
        if nested and not hasattr(net, "set_params"):
            cls, keyword = type(self).__name__, next(iter(nested))
            there = net if _is_module(net) else None
            raise InvalidParameterError(
                f"{PREFIX}{keyword} must belong to a net that is written out, got "
                f"estimator={short_repr(net)}. Use {cls}(estimator="
                f"{self._write_net(there, [f'{keyword}=...'])})."
            )
        owned = parameters_of(type(self))
        unknown = [k for k in params if k not in owned and not k.startswith(PREFIX)]
        if isinstance(net, NeuralNet):
            unknown += [PREFIX + name for name in unknown_names(net, nested)]
        if unknown:
            call = self._write_set_params({name: params[name] for name in unknown}, net)
            raise invalid_names(self, unknown, call, params)
        return super().set_params(**params)  # type: ignore[misc]

    def _write_call(self, names: Mapping[str, Any], args: tuple[Any, ...]) -> str | None:
        estimator = args[0] if args else names.get("estimator")
        words = self._words(names, estimator)
        if words is None:
            return None
        own, nested = words
        if nested or estimator is not None:
            own = {self._write_net(estimator, nested): None, **own}
        return f"{type(self).__name__}({', '.join(own)})"

    def _write_set_params(self, names: Mapping[str, Any], estimator: Any) -> str | None:
        words = self._words(names, estimator)
        if words is None:
            return None
        own, nested = words
        return f"set_params({', '.join([*own, *(PREFIX + word for word in nested)])})"

    def _words(
        self, names: Mapping[str, Any], estimator: Any
    ) -> tuple[dict[str, None], list[str]] | None:
        """Write keywords as those of the ensemble and those of its net; None if one is unknown."""
        owned = parameters_of(type(self))
        aliases = {name: target for name, target in ALIASES.items() if target in owned}
        net_class = type(estimator) if isinstance(estimator, NeuralNet) else self._default_net
        parts = parts_of(estimator) if isinstance(estimator, NeuralNet) else {}
        if _is_module(estimator):
            parts = {"module": estimator}
        of_net = spellings(net_class, parts)
        for name in NOT_OF_USE - owned:
            of_net.pop(name, None)
        known = {name: f".{word}" for name, word in of_net.items()}
        known |= {name: name for name in owned} | aliases
        own: dict[str, None] = {}
        nested: list[str] = []
        for name, value in names.items():
            word = nearest(name.removeprefix(PREFIX), known)
            if word is None:
                return None
            if word.startswith("."):
                nested += written(word[1:], value)
            elif name != "estimator":
                own |= dict.fromkeys(written(word, value))
        return own, list(dict.fromkeys(nested))

    def _write_net(self, estimator: Any, keywords: list[str]) -> str:
        """Write the net of an ensemble, with further keywords."""
        if estimator is None or _is_module(estimator):
            name = self._default_net.__name__
            first = [] if estimator is None else [_name_of(estimator)]
        else:
            name, first = type(estimator).__name__, ["..."]
        return f"{name}({', '.join([*first, *keywords])})"


def _is_module(estimator: Any) -> bool:
    return isinstance(estimator, nn.Module) or is_module_class(estimator)


def _name_of(module: Any) -> str:
    return module.__name__ if inspect.isclass(module) else f"{type(module).__name__}(...)"
