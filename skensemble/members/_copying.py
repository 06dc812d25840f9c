"""Copies of modules with all that they hold, tensors and closures included.

deepcopy keeps functions as they are, so that what a closure or a hook knows of its module stays
that of the original, refuses tensors with a graph, and copies a weak reference as it is. Here the
objects go through pickle's protocol instead, within this process: it finds everything that a module
holds, and each kind that it cannot write is taken in hand.
"""

import io
import pickle
import threading
import types
import weakref
from collections.abc import Callable, Sequence
from functools import _lru_cache_wrapper
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from skensemble._checks import InvalidParameterError
from skensemble.modules import EncodingTables, copy_scripted, unwrap_compiled

Substitute = Callable[[Any], Any]
"""Returns what stands for an object in a copy, or the object itself to have it copied."""

CONSTANTS = (type(None), bool, int, float, complex, str, bytes, type)
"""Kinds of values that a function may hold and be the same in a copy."""

BY_REFERENCE = (
    type,
    types.ModuleType,
    types.CodeType,
    torch.jit.ScriptFunction,
    torch._ops.OpOverload,
    torch._ops.OpOverloadPacket,
    _lru_cache_wrapper,
    EncodingTables,
)
"""Kinds that hold nothing of a module, or nothing that could be copied, or never change."""


def copy_modules(
    modules: Any, substitute: Substitute, *, stand_ins: Sequence[tuple[Any, Any]] = ()
) -> Any:
    """Copy modules and all that they hold, each object once.

    Parameters
    ----------
    modules : object
        A module, or dicts and tuples of such.
    substitute : callable
        Asked about every tensor and every slot; what it returns stands in the copy.
    stand_ins : sequence of tuple
        Other objects, and what stands for each in the copy.

    Returns
    -------
    copies : object

    Raises
    ------
    InvalidParameterError
        If a module holds what cannot be copied; the message names it.
    """
    try:
        return _copy(modules, substitute, stand_ins)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        # What an object raises on being copied is its own matter.
        held = _culprit(modules, substitute, stand_ins)
        raise InvalidParameterError(
            f"estimator must have a module that can be copied, got {held}: "
            f"{type(error).__name__}: {error}. Make it in `forward`, or leave it out of the module "
            "by `__getstate__`."
        ) from error


def placed(modules: Any, device: torch.device) -> Any:
    """Return modules on a device with all that they hold; those that are there stay the same."""
    if device.type == "cpu":
        return modules

    def moved(obj: Any) -> Any:
        """Move a tensor; a parameter stays one, and what is shared stays shared."""
        if isinstance(obj, nn.Parameter):
            return nn.Parameter(obj.detach().to(device), requires_grad=obj.requires_grad)
        return obj.to(device) if isinstance(obj, Tensor) else obj

    return copy_modules(modules, moved)


class Slot:
    """The place of a named tensor in a copy without tensors.

    Parameters
    ----------
    name : str
    is_parameter : bool
    """

    def __init__(self, name: str, is_parameter: bool) -> None:
        self.name = name
        self.is_parameter = is_parameter


def _copy(obj: Any, substitute: Substitute, stand_ins: Sequence[tuple[Any, Any]]) -> Any:
    file = io.BytesIO()
    writer = _Writer(file, substitute)
    for original, other in stand_ins:
        writer.keep(original, other)
    writer.dump(obj)
    file.seek(0)
    return _Reader(file, writer.kept).load()


class _Writer(pickle.Pickler):
    """Writes what is to be copied, and keeps what is to be taken as it is."""

    def __init__(self, file: io.BytesIO, substitute: Substitute) -> None:
        super().__init__(file, protocol=5)
        self.substitute = substitute
        self.kept: list[Any] = []
        self._places: dict[int, int] = {}
        self._originals: list[Any] = []

    def persistent_id(self, obj: Any) -> int | None:
        """Return the place of an object that is not written."""
        place = self._places.get(id(obj))
        if place is not None:
            return place
        if isinstance(obj, Tensor | Slot):
            other = self.substitute(obj)
            return None if other is obj and isinstance(obj, Slot) else self.keep(obj, other)
        if isinstance(obj, BY_REFERENCE):
            return self.keep(obj, obj)
        if isinstance(obj, types.FunctionType) and not _holds_objects(obj):
            return self.keep(obj, obj)
        if isinstance(obj, types.BuiltinFunctionType):
            is_free = obj.__self__ is None or isinstance(obj.__self__, types.ModuleType)
            return self.keep(obj, obj) if is_free else None
        if isinstance(obj, torch.jit.ScriptModule):
            return self.keep(obj, copy_scripted(obj))
        if isinstance(obj, torch.Generator):
            return self.keep(obj, obj.clone_state())
        return None

    def reducer_override(self, obj: Any) -> Any:
        """Say how the kinds are made anew that pickle cannot write, or writes without a part."""
        if isinstance(obj, types.FunctionType):
            return self._reduce_function(obj)
        if isinstance(obj, types.CellType):
            contents = (obj.cell_contents,) if _is_filled(obj) else ()
            return types.CellType, (), contents, None, None, _fill_cell
        if isinstance(obj, types.MethodType):
            return types.MethodType, (obj.__func__, obj.__self__)
        if isinstance(obj, weakref.ref):
            return weakref.ref, (obj(),) if obj() is not None else (_Gone(),)
        if isinstance(obj, _LOCKS):
            return type(obj) if isinstance(obj, type(threading.RLock())) else threading.Lock, ()
        if isinstance(obj, nn.Module):
            if unwrap_compiled(obj) is not obj:
                return _itself, (unwrap_compiled(obj),)
            if _is_plain(obj):
                return _new, (type(obj),), vars(obj), None, None, _set_attributes
        return NotImplemented

    def _reduce_function(self, function: Any) -> Any:
        original = getattr(function, "_torchdynamo_orig_callable", None)
        if original is not None:
            return _itself, (original,)
        self.keep(function.__globals__, function.__globals__)
        arguments = (
            function.__code__,
            function.__globals__,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        rest = {
            "__kwdefaults__": function.__kwdefaults__,
            "__qualname__": function.__qualname__,
            "__dict__": vars(function),
        }
        return types.FunctionType, arguments, rest, None, None, _set_each

    def keep(self, obj: Any, other: Any) -> int:
        """Have an object taken as it is, or replaced by another; return its place."""
        # The original is held too: its id must stay its own.
        self._originals.append(obj)
        self._places[id(obj)] = len(self.kept)
        self.kept.append(other)
        return len(self.kept) - 1


class _Reader(pickle.Unpickler):
    """Reads copies, and puts what was kept in its places."""

    def __init__(self, file: io.BytesIO, kept: list[Any]) -> None:
        super().__init__(file)
        self.kept = kept

    def persistent_load(self, pid: Any) -> Any:
        """Return what stands at a place."""
        return self.kept[pid]


class _Gone:
    """What a weak reference whose object is gone refers to; it goes too."""


_LOCKS = (type(threading.Lock()), type(threading.RLock()))


def _holds_objects(function: types.FunctionType) -> bool:
    """Say whether a function holds more than code and constants."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    held = (*cells, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return bool(vars(function)) or not all(isinstance(value, CONSTANTS) for value in held)


def _is_plain(module: nn.Module) -> bool:
    """Say whether a module is its attributes, and does not say itself how it is copied."""
    kind = type(module)
    if is_parametrized(module):
        # torch forbids to pickle it, as the file would need its class.
        return True
    return (
        getattr(kind, "__getstate__", None) is getattr(object, "__getstate__", None)
        and kind.__reduce__ is object.__reduce__
        and kind.__reduce_ex__ is object.__reduce_ex__
    )


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _fill_cell(cell: types.CellType, contents: tuple[Any, ...]) -> None:
    if contents:
        cell.cell_contents = contents[0]


def _itself(obj: Any) -> Any:
    return obj


def _new(kind: type) -> Any:
    return kind.__new__(kind)


def _set_attributes(module: nn.Module, attributes: dict[str, Any]) -> None:
    vars(module).update(attributes)


def _set_each(obj: Any, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        setattr(obj, name, value)


def _culprit(obj: Any, substitute: Substitute, stand_ins: Sequence[tuple[Any, Any]]) -> str:
    """Name the attribute that cannot be copied."""
    roots = _modules_in(obj)
    # Attributes that lead to other modules are not to be blamed for what these hold.
    others = [(part, part) for module in roots for part in module.modules()]
    for module in roots:
        for path, part in module.named_modules():
            for name, value in vars(part).items():
                if name in ("_modules", "_parameters", "_buffers"):
                    continue
                try:
                    _copy(value, substitute, [*stand_ins, *others])
                except Exception:
                    return f"{'.'.join(filter(None, (path, name)))} of {type(part).__name__}"
    return ", ".join(type(module).__name__ for module in roots)


def _modules_in(obj: Any) -> list[nn.Module]:
    if isinstance(obj, nn.Module):
        return [obj]
    inside = obj.values() if isinstance(obj, dict) else obj if isinstance(obj, tuple) else ()
    return [module for part in inside for module in _modules_in(part)]
