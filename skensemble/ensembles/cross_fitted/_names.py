"""What to write for names that belong to the method of a cross-fitted ensemble, or to its net."""

from collections.abc import Mapping
from typing import Any

from skensemble._arguments import invalid_names, nearest, parameters_of, written
from skensemble.ensembles._base import BaseEnsemble
from skensemble.ensembles._parameters import ALIASES as OF_METHODS
from skensemble.ensembles._parameters import PREFIX
from skensemble.nets import Net, spellings

ALIASES = {
    "K": "n_nets",
    "n_estimators": "n_nets",
    "n_members": "n_nets",
    "n_models": "n_nets",
    "folds": "cv",
    "n_folds": "cv",
    "n_splits": "cv",
}
"""What people type for the parameters of a cross-fitted ensemble."""


class NamesOfMethod:
    """Mixin: unknown names are answered with the estimator, of three, that has them."""

    _default_method: type[BaseEnsemble]
    _default_net: type[Net]
    estimator: Any

    def set_params(self, **params: Any) -> Any:
        """Set parameters; those of the method with ``estimator__``, of its net with two of them.

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
            If there is no parameter of a name.
        """
        method = params.get("estimator", self.estimator)
        if isinstance(method, BaseEnsemble):
            known = parameters_of(type(method))
            nested = {k: k.removeprefix(PREFIX) for k in params if k.startswith(PREFIX)}
            unknown = [k for k, bare in nested.items() if bare.split("__")[0] not in known]
            if unknown:
                call = self._write_set_params({k: params[k] for k in unknown}, method)
                raise invalid_names(self, unknown, call, params)
        return super().set_params(**params)  # type: ignore[misc]

    def _write_call(self, names: Mapping[str, Any], args: tuple[Any, ...]) -> str | None:
        given = args[0] if args else names.get("estimator")
        own, rest = self._split({k: v for k, v in names.items() if k != "estimator"})
        method, net = (given, ()) if isinstance(given, BaseEnsemble) else (None, (given,))
        writer = self._default_method() if method is None else method
        call = writer._write_call(rest, net if given is not None else ()) if rest else None
        if rest and call is None:
            return None
        if call is None and given is not None:
            call = f"{type(given).__name__}(...)"
        return f"{type(self).__name__}({', '.join([*([call] if call else []), *own])})"

    def _write_set_params(self, names: Mapping[str, Any], estimator: Any) -> str | None:
        method = estimator if isinstance(estimator, BaseEnsemble) else self._default_method()
        own, rest = self._split(names)
        words = method._words(rest, method.estimator)
        if words is None:
            return None
        of_method, of_net = words
        nested = [*(PREFIX + w for w in of_method), *(2 * PREFIX + w for w in of_net)]
        return f"set_params({', '.join([*own, *nested])})"

    def _write_net(self, estimator: Any, keywords: list[str]) -> str:
        """Write the method for keywords that are its own, and else with its net inside."""
        method = self._default_method()
        if all(word.split("=")[0] in parameters_of(type(method)) for word in keywords):
            return f"{type(method).__name__}({', '.join(keywords)})"
        return f"{type(method).__name__}({method._write_net(estimator, keywords)})"

    def _split(self, names: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Write names of its own, and return those that belong elsewhere without their prefix."""
        own: list[str] = []
        rest: dict[str, Any] = {}
        # What is known elsewhere as it stands is no misspelling of a name of its own.
        elsewhere = parameters_of(self._default_method) | spellings(self._default_net, {}).keys()
        elsewhere |= OF_METHODS.keys() - ALIASES.keys()
        for name, value in names.items():
            known = {} if name.removeprefix(PREFIX) in elsewhere else self._known()
            word = self._known().get(name) or nearest(name, known)
            if word is None:
                rest[name.removeprefix(PREFIX)] = value
            else:
                own += written(word, value)
        return own, rest

    def _known(self) -> dict[str, str]:
        return {name: name for name in parameters_of(type(self))} | ALIASES
