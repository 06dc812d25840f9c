"""The arguments of a net, held to their rules before any data is looked at."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from skensemble._arguments import keywords_of
from skensemble._checks import check_int, check_real, reject
from skensemble.augmentation import augmentations_of
from skensemble.device import PRECISIONS, resolve_device
from skensemble.nets._class_weight import check_class_weight
from skensemble.nets._real_device import RealDevice
from skensemble.nets._target_scale import SCALES

SWITCHES = ("fast", "warm_start", "compile", "channels_last")
BOOLS = (bool, np.bool_)

REDUCTIONS = ("mean", "sum", "none")


def check_net_parameters(net: Any, *, least_epochs: int = 1) -> None:
    """Refuse bad arguments of a net; a stock net has only some of them.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.
    """
    check_int("max_epochs", net.max_epochs, least_epochs)
    if not _is(net.batch_size, -1):
        check_int("batch_size", net.batch_size, 1)
    _check_number("lr", net.lr)
    _check_parts(net)
    _check_data_parts(net)
    _check_callbacks(net)
    for name in SWITCHES:
        if not isinstance(getattr(net, name, True), BOOLS):
            raise reject(name, "True or False", getattr(net, name))
    if not isinstance(net.verbose, (*BOOLS, Integral)):
        raise reject("verbose", "an int", net.verbose)
    if inspect.isclass(net.predict_nonlinearity):
        raise reject("predict_nonlinearity", "None, 'auto' or a function", net.predict_nonlinearity)
    classes = getattr(net, "classes", None)
    if classes is not None and not (np.iterable(classes) and np.ndim(classes) == 1):
        raise reject("classes", "None or a list of labels", classes)
    if not isinstance(net.torch_load_kwargs, Mapping | None):
        raise reject("torch_load_kwargs", "None or a dict", net.torch_load_kwargs)
    if not _is(getattr(net, "precision", "float32"), *PRECISIONS):
        raise reject("precision", f"one of {list(PRECISIONS)}", net.precision)
    if not _is(getattr(net, "cuda_graph", "auto"), "auto", True, False):
        raise reject("cuda_graph", "'auto', True or False", net.cuda_graph)
    augmentations_of(getattr(net, "augment", None))
    check_class_weight(getattr(net, "class_weight", None))
    scale = getattr(net, "target_scale", None)
    if scale is not None and scale not in SCALES:
        raise reject("target_scale", "'standard' or None", scale)
    if getattr(net, "max_grad_norm", None) is not None:
        check_real("max_grad_norm", net.max_grad_norm, 0, low_open=True)


def _check_parts(net: Any) -> None:
    """Hold module, criterion and optimizer to what can be built, and their arguments to types."""
    for name, example in (("module", "nn.Linear"), ("criterion", "nn.CrossEntropyLoss")):
        part = getattr(net, name)
        is_other_class = inspect.isclass(part) and not issubclass(part, nn.Module)
        if not callable(part) or (is_other_class and not (name == "criterion" and _is_loss(part))):
            rule = f"a torch.nn.Module class such as torch.{example}, an instance of one or a "
            raise reject(name, f"{rule}function that returns one", part)
    optimizer = net.optimizer
    is_other_class = inspect.isclass(optimizer) and not issubclass(optimizer, torch.optim.Optimizer)
    if not callable(optimizer) or is_other_class or isinstance(optimizer, nn.Module):
        raise reject("optimizer", "a class such as torch.optim.Adam", optimizer)
    _check_types(net, "optimizer", net.optimizer)
    groups = getattr(net, "optimizer__param_groups", ())
    are_pairs = isinstance(groups, Sequence) and all(
        isinstance(group, Sequence) and len(group) == 2 and isinstance(group[1], Mapping)
        for group in groups
    )
    if not are_pairs:
        raise reject("optimizer__param_groups", "a list of pairs (pattern, dict)", groups)
    if inspect.isclass(net.criterion):
        _check_types(net, "criterion", net.criterion)
        reduction = getattr(net, "criterion__reduction", "mean")
        if _is_of_torch(net.criterion) and not _is(reduction, *REDUCTIONS):
            raise reject("criterion__reduction", f"one of {list(REDUCTIONS)}", reduction)


def _is_loss(kind: type) -> bool:
    """Say whether a class of one's own gives what can be called with an output and targets."""
    return not _is_of_torch(kind) and any("__call__" in vars(base) for base in kind.__mro__[:-1])


def _check_types(net: Any, prefix: str, part: Any) -> None:
    """Hold arguments of a class of torch to the types of its defaults."""
    if not _is_of_torch(part):
        return
    parameters = keywords_of(part) or {}
    for name, value in _arguments_of(net, prefix):
        keyword = name.removeprefix(f"{prefix}__")
        if keyword not in parameters:
            continue
        default = parameters[keyword].default
        if isinstance(default, bool):
            if not isinstance(value, BOOLS):
                raise reject(name, "True or False", value)
        elif isinstance(default, float):
            _check_number(name, value)
        elif isinstance(default, int):
            if prefix == "optimizer":
                _check_number(name, value)
            elif not isinstance(value, Integral):
                raise reject(name, "an int", value)
        elif default is None and not _is(value, None) and keyword in ("foreach", "fused"):
            if not isinstance(value, BOOLS):
                raise reject(name, "None, True or False", value)
        elif isinstance(default, tuple):
            is_alike = isinstance(value, tuple | list) and len(value) == len(default)
            if not is_alike:
                raise reject(name, f"a tuple of {len(default)} numbers", value)
            for number in value:
                _check_number(name, number)


def _check_data_parts(net: Any) -> None:
    """Hold what makes datasets, splits and batches to what skorch can call."""
    split = net.train_split
    is_none = split is None or split is False
    if not is_none and (
        not callable(split) or inspect.isclass(split) or isinstance(split, nn.Module)
    ):
        raise reject("train_split", "None, False or a split such as skorch's ValidSplit(5)", split)
    dataset = net.dataset
    is_class = inspect.isclass(dataset)
    makes_rows = hasattr(dataset, "__len__") if is_class else callable(dataset)
    if isinstance(dataset, nn.Module) or not (makes_rows or isinstance(dataset, Dataset)):
        raise reject("dataset", "a class such as skorch's Dataset", dataset)
    for name in ("iterator_train", "iterator_valid"):
        batches = getattr(net, name)
        if not callable(batches) or isinstance(batches, nn.Module):
            raise reject(name, "a class such as torch.utils.data.DataLoader", batches)
        size = getattr(net, f"{name}__batch_size", 1)
        if not _is(size, -1):
            check_int(f"{name}__batch_size", size, 1)
        shuffle = getattr(net, f"{name}__shuffle", None)
        if not isinstance(shuffle, (*BOOLS, type(None))):
            raise reject(f"{name}__shuffle", "True or False", shuffle)
        generator = getattr(net, f"{name}__generator", None)
        if not isinstance(generator, torch.Generator | None):
            raise reject(f"{name}__generator", "None or a torch.Generator", generator)
    length = getattr(net, "dataset__length", None)
    if length is not None:
        check_int("dataset__length", length, 1)


def _check_callbacks(net: Any) -> None:
    """Hold callbacks to a list of what skorch can notify, with or without names."""
    callbacks = net.callbacks
    if _is(callbacks, None, "disable") or (isinstance(callbacks, tuple) and not callbacks):
        callbacks = []
    if not isinstance(callbacks, list):
        raise reject("callbacks", "None, 'disable' or a list of skorch callbacks", net.callbacks)
    pairs = [item if isinstance(item, tuple | list) else ("", item) for item in callbacks]
    for item, pair in zip(callbacks, pairs, strict=True):
        if len(pair) != 2 or not isinstance(pair[0], str) or not _is_callback(pair[1]):
            rule = "a list of skorch callbacks, or of pairs (name, callback)"
            raise reject("callbacks", rule, [item])
    for name, value in _arguments_of(net, "callbacks"):
        if name.count("__") == 1 and not _is_callback(value):
            raise reject(name, "None or a skorch callback", value)


def _is_callback(value: Any) -> bool:
    return value is None or all(hasattr(value, name) for name in ("initialize", "on_train_begin"))


def _arguments_of(net: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the arguments of a net whose names begin with that of a part."""
    for name, value in vars(net).items():
        if name.startswith(f"{prefix}__") and not name.endswith("_"):
            yield name, value


def _check_number(name: str, value: Any) -> None:
    """Refuse what is no finite number >= 0; torch takes tensors of one, too."""
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        value = value.item()
    check_real(name, value, 0)


def _is(value: Any, *allowed: Any) -> bool:
    """Say whether a value is one of a few; arrays and lists are none, whatever they hold."""
    if not isinstance(value, str | Integral | np.bool_ | None):
        return False
    kind = isinstance(value, BOOLS)
    return any(isinstance(one, BOOLS) == kind and value == one for one in allowed)


def _is_of_torch(part: Any) -> bool:
    return str(getattr(part, "__module__", "")).startswith("torch.")


def device_of(net: Any) -> torch.device:
    """Return the device that a net is to compute on, one of our own or a stock net of skorch.

    Raises
    ------
    InvalidParameterError
        If torch knows no such device or the machine lacks it.
    """
    return net.find_device() if isinstance(net, RealDevice) else resolve_device(net.device)
