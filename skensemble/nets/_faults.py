"""What does not fit together in a net: named as an argument, not left to torch to trip over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from skorch import NeuralNet
from torch import nn

from skensemble._checks import InvalidParameterError, reject, short_repr
from skensemble.modules import unwrap_compiled
from skensemble.nets._one_output import ONE_OUTPUT

NOT_OF_LABELS = (
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.PoissonNLLLoss,
    nn.GaussianNLLLoss,
    nn.KLDivLoss,
    nn.SoftMarginLoss,
    nn.MultiLabelMarginLoss,
    nn.MultiLabelSoftMarginLoss,
)
"""Criteria of values, or of several labels a row."""

OF_LABELS = (nn.NLLLoss, nn.MultiMarginLoss, nn.MultiLabelMarginLoss)
"""Criteria that read a target as the index of a class."""

OF_VALIDATION_ROWS = {f"valid_{what}{best}" for what in ("loss", "acc") for best in ("", "_best")}
"""Entries of the history that only a net with a `train_split` has."""

SIZE_FAULTS = (
    "shapes cannot be multiplied",
    "size mismatch",
    "must match the size of tensor",
    "channels",
    "normalized_shape",
    "running_mean should contain",
    "Expected more than 1 spatial element",
    "Expected 3D",
    "Expected 4D",
    "expected input",
)
"""What torch says of rows that a layer is not made for."""

CRITERION_FAULTS = (
    "Target size",
    "Using a target size",
    "weight tensor should be defined",
    "Expected floating point type for target",
    "expected scalar type",
    "0D or 1D target tensor expected",
    "label_smoothing",
    "is out of bounds",
    "is invalid for input of size",
)
"""What torch says of targets, or of an output, that a criterion is not made for."""


def naming_batch_faults(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of a net name the part that a batch is not made for, while it trains.

    What callbacks of the user's own raise beside it stays as it is.
    """

    @wraps(function)
    def run(net: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the method, and name what its batch does not fit."""
        try:
            return function(net, *args, **kwargs)
        except InvalidParameterError:
            raise
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            again = named(net, error, net.n_values_per_row_) if net._is_training_ else error
            if again is error:
                raise
            raise again from error

    return run


class NamedFaults:
    """Mixin for a skorch net: faults of its parts are errors that name the argument."""

    n_outputs_: int
    n_values_per_row_: int | None = None

    def initialized_instance(self, instance_or_cls: Any, kwargs: dict[str, Any]) -> Any:
        """Build a module or criterion; what cannot be built is named."""
        name = "module" if instance_or_cls is getattr(self, "module", None) else "criterion"
        with naming_faults(name, _written(instance_or_cls, kwargs), _kinds_of(instance_or_cls)):
            instance = super().initialized_instance(instance_or_cls, kwargs)  # type: ignore[misc]
        if name == "module" and not isinstance(instance, nn.Module):
            raise reject("module", "something that gives a torch.nn.Module", instance)
        return instance

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """Build the optimizer; what cannot be built is named."""
        prefix = "optimizer__"
        given = {k.removeprefix(prefix): v for k, v in vars(self).items() if k.startswith(prefix)}
        optimizer = self.optimizer  # type: ignore[attr-defined]
        with naming_faults("optimizer", _written(optimizer, given), _kinds_of(optimizer)):
            return super().initialize_optimizer(*args, **kwargs)  # type: ignore[misc]

    def _get_predict_nonlinearity(self) -> Any:
        with _as_ours(TypeError):
            return super()._get_predict_nonlinearity()  # type: ignore[misc]

    def _validate_params(self) -> None:
        with _as_ours(ValueError):
            super()._validate_params()  # type: ignore[misc]

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Hold rows and targets; a `dataset` that does not take them is named."""
        dataset = self.dataset  # type: ignore[attr-defined]
        # Of a dataset that is there already skorch says itself what is wrong.
        kinds = _kinds_of(dataset) if callable(dataset) else ()
        with naming_faults("dataset", _name_of(dataset), kinds):
            return super().get_dataset(X, y)  # type: ignore[misc]

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Cut rows into batches; an iterator that does not take its arguments is named."""
        name = "iterator_train" if training else "iterator_valid"
        batches = getattr(self, name)
        with naming_faults(name, _name_of(batches), _kinds_of(batches)):
            return super().get_iterator(dataset, training)  # type: ignore[misc]

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Refuse parts that do not fit the task, before the first epoch."""
        super().on_train_begin(net, X=X, y=y, **kwargs)  # type: ignore[misc]
        self._get_predict_nonlinearity()
        check_trainable(net, getattr(self, "n_outputs_", None))

    @naming_batch_faults
    def make_step(self, X: Any, y: Any) -> Any:
        """Make a training step, as in `LeanEpochs`, which need not ask for an output or a loss."""
        return super().make_step(X, y)  # type: ignore[misc]


def named(net: Any, error: Exception, n_features: int | None) -> Exception:
    """Return an error that names the module or the criterion, or the error itself.

    Parameters
    ----------
    net : NeuralNet
        Initialised.
    error : Exception
        Of a pass over a batch.
    n_features : int or None
        Values of a row, where they are known.
    """
    if not hasattr(net, "module_") or not hasattr(net, "criterion_"):
        return error
    text, module = str(error), unwrap_compiled(net.module_)
    criterion = _name_of(unwrap_compiled(net.criterion_))
    faults = (*CRITERION_FAULTS, f"{criterion}.forward()")
    if any(fault in text for fault in faults):
        return InvalidParameterError(
            f"criterion must fit the module's output and the targets, got {criterion}: "
            f"{_one_line(text)}"
        )
    if any(fault in text for fault in SIZE_FAULTS):
        rows = "the rows" if n_features is None else f"rows of {n_features} features"
        return InvalidParameterError(
            f"module must take {rows}, got {_name_of(module)}"
            f"{_first_size(module)}: {_one_line(text)}"
        )
    return error


def check_trainable(net: Any, n_outputs: int | None) -> None:
    """Refuse callbacks that wait for rows that there are none of, and losses of another task.

    Parameters
    ----------
    net : NeuralNet
        Initialised, one of our own or a stock net of skorch.
    n_outputs : int or None
        Classes, or targets; None if they are not known.

    Raises
    ------
    InvalidParameterError
        If it cannot be trained so.
    """
    if str(getattr(net, "device_", net.device)) == "meta":
        raise reject("device", "one that computes", net.device)
    _check_monitors(net)
    if n_outputs is None or not hasattr(net, "criterion_"):
        return
    # A subclass may call its criteria by other names.
    criterion = unwrap_compiled(getattr(net, "criterion_", None))
    if is_classifier(net):
        is_unfit = isinstance(criterion, NOT_OF_LABELS)
        if is_unfit or (type(criterion) in ONE_OUTPUT and n_outputs > 2):
            rule = f"a loss of {n_outputs} classes such as torch.nn.CrossEntropyLoss"
            raise reject("criterion", rule, type(criterion))
    elif isinstance(criterion, OF_LABELS) or (
        type(criterion) is nn.CrossEntropyLoss and n_outputs == 1
    ):
        raise reject("criterion", "a loss of values such as torch.nn.MSELoss", type(criterion))


def _check_monitors(net: Any) -> None:
    if net.train_split:
        return
    provided = {
        getattr(callback, "name_", None)
        for _, callback in net.callbacks_
        if getattr(callback, "on_train", False)
    }
    for name, callback in net.callbacks_:
        monitor = getattr(callback, "monitor", None)
        monitor = monitor if isinstance(monitor, str) else None
        if monitor in OF_VALIDATION_ROWS - provided:
            raise InvalidParameterError(
                f"train_split must hold rows out for the callback {name!r}, which monitors "
                f"{monitor!r}, got {net.train_split}. Set train_split=ValidSplit(10) of "
                "skorch.dataset, or monitor='train_loss' on the callback."
            )


@contextmanager
def naming_faults(
    name: str, value: str, kinds: tuple[type[Exception], ...] = (Exception,)
) -> Iterator[None]:
    """Turn errors inside the block into those of an argument.

    Parameters
    ----------
    name : str
        Of the argument.
    value : str
        What it is, as users write it.
    kinds : tuple of type, default=(Exception,)
        Errors that are turned; others pass.
    """
    try:
        yield
    except InvalidParameterError:
        raise
    except kinds as error:
        if "empty parameter list" in str(error):
            raise InvalidParameterError(
                "module must have parameters to train, got one without any."
            ) from error
        raise InvalidParameterError(
            f"{name} must be something that can be built, got {value}: "
            f"{type(error).__name__}: {_one_line(str(error))}"
        ) from error


@contextmanager
def _as_ours(kind: type[Exception]) -> Iterator[None]:
    """Let what skorch refuses inside the block be refused in its words, as an error of ours."""
    try:
        yield
    except InvalidParameterError:
        raise
    except kind as error:
        raise InvalidParameterError(str(error)) from error


def _kinds_of(part: Any) -> tuple[type[Exception], ...]:
    """Return the errors of building a part that tell of its arguments.

    Those of a user's own code, but for a call that does not fit, are the user's.
    """
    owner = str(getattr(part, "__module__", ""))
    known = (TypeError, ValueError, RuntimeError, AttributeError)
    return known if owner.startswith(("torch.", "skensemble.")) else (TypeError,)


def _written(part: Any, kwargs: dict[str, Any]) -> str:
    arguments = ", ".join(f"{name}={short_repr(value)}" for name, value in kwargs.items())
    return f"{_name_of(part)}({arguments})"


def _name_of(part: Any) -> str:
    return str(getattr(part, "__name__", type(part).__name__))


def _first_size(module: nn.Module) -> str:
    """Say what the first layer with a size takes, for a message."""
    for layer in module.modules():
        for name in ("in_features", "in_channels", "num_features"):
            if isinstance(getattr(layer, name, None), int | np.integer):
                return f", whose first {type(layer).__name__} has {name}={getattr(layer, name)}"
    return ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:197] + "..."
