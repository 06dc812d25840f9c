"""Targets that a net learns as codes, and shows to everybody else as the user gave them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from torch import Tensor, nn

from skensemble.data import as_numpy

KEY = "skensemble"
"""Where the coding stands in what `save_params` writes: a note beside torch's own version."""


class CodedTargets:
    """Mixin for a skorch net: classes become codes, and targets of a regression standardised ones.

    Only the batches that a net learns from carry codes. What callbacks see of a batch, and the
    `y` of datasets, are the labels and targets as the user gave them.
    """

    _sample_weight_: np.ndarray | None = None
    _shown_: tuple[Any, Any] | None = None
    _lost_coding_ = False
    _is_training_ = False
    _is_alone_ = False

    def take_coding(self, coding: Any) -> None:
        """Learn from targets that are coded so; an ensemble shares its own coding with its net.

        Parameters
        ----------
        coding : ndarray of shape (n_classes,) or TargetScaler
            Classes, or the scale of the targets.
        """
        raise NotImplementedError

    def _coding(self) -> Any:
        """Return the classes or the scale, or None before there are any."""
        raise NotImplementedError

    def _is_first(self, fresh: bool) -> bool:
        """Say whether a training is to learn sizes and coding.

        What the weights have learnt is coded as it was; a net may be initialised before any fit.
        """
        return fresh or self._coding() is None or not hasattr(self, "n_outputs_")

    def _coding_state(self) -> dict[str, Any]:
        """Return the coding in Python's own types, as `save_params` writes it; empty for none."""
        raise NotImplementedError

    def _forget_targets(self) -> None:
        """Forget the coding: batches or other weights may bring theirs along."""
        raise NotImplementedError

    def _load_coding_state(self, state: dict[str, Any]) -> None:
        """Take a coding that `_coding_state` gave."""
        raise NotImplementedError

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        """Turn targets into what torch learns from."""
        raise NotImplementedError

    def _decode_targets(self, codes: np.ndarray) -> np.ndarray:
        """Turn codes back into targets."""
        raise NotImplementedError

    def _is_plain(self) -> bool:
        """Say whether codes and targets are the same."""
        return self._coding() is None

    def _require_coding(self, name: str) -> None:
        """Refuse to answer in labels or units that went missing; untrained weights have none."""
        if self._coding() is not None:
            return
        self.check_is_fitted()
        if self._lost_coding_:
            net = type(self).__name__
            raise NotFittedError(
                f"This {net} has weights from a file and no `{name}`, which `predict` answers in. "
                "Call `fit`, or `load_params` with `f_params` that `save_params` of a fitted "
                f"{net} wrote."
            )

    def _encode_batch(self, batch: Any) -> Any:
        """Encode the targets of a batch; targets of a form that is not ours stay as they are."""
        return self._with_targets(batch, self._encode_values)

    def _show_batch(self, batch: Any) -> Any:
        """Return a batch as callbacks see it, with targets as given and without weights."""
        if self._shown_ is None or self._shown_[0] is not batch:
            self._shown_ = batch, self._with_targets(batch, self._decode_values, weighted=False)
        return self._shown_[1]

    def _with_targets(self, batch: Any, change: Any, *, weighted: bool = True) -> Any:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            return batch
        X, y = batch
        if self._sample_weight_ is not None and isinstance(y, tuple | list) and len(y) == 2:
            values = change(y[0])
            return X, (values, y[1]) if weighted else values
        return X, change(y)

    def _encode_values(self, y: Any) -> Any:
        values = _array_of(y)
        return y if values is None else torch.as_tensor(self._encode_targets(values))

    def _decode_values(self, y: Any) -> Any:
        values = _array_of(y)
        if values is None:
            return y
        values = self._decode_targets(values)
        # torch knows no strings.
        return torch.as_tensor(values) if values.dtype.kind in "biuf" else values

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call a method of all callbacks, as in `skorch.NeuralNet.notify`, with decoded batches."""
        if kwargs.get("batch") is not None and (
            not self._is_plain() or self._sample_weight_ is not None
        ):
            kwargs["batch"] = self._show_batch(kwargs["batch"])
        super().notify(method_name, **kwargs)

    def save_params(self, *args: Any, **kwargs: Any) -> None:
        """Save parameters to files, as in `skorch.NeuralNet.save_params`, and their coding.

        The classes or the scale of the targets go with `f_params`, in the place that torch keeps
        for notes about a state: skorch and torch read such a file as any other. safetensors keep
        tensors alone: there they are a tensor more, unless the labels are codes already.
        """
        state = self._coding_state()

        def note(module: nn.Module, values: Any, prefix: str, notes: dict[str, Any]) -> None:
            """Write the coding beside the version of a module, or beside its tensors."""
            notes[KEY] = state
            if kwargs.get("use_safetensors") and not self._is_plain():
                letters = json.dumps(state).encode()
                values[prefix + KEY] = torch.tensor([*letters], dtype=torch.uint8)

        with self._hooked("register_state_dict_post_hook", note if state else None):
            super().save_params(*args, **kwargs)

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load parameters from files, as in `skorch.NeuralNet.load_params`, and their coding."""
        are_alone = bool(kwargs.get("use_safetensors"))
        is_trained_now = self._is_training_ or self._is_alone_

        def read(module: nn.Module, values: Any, prefix: str, notes: Any, *others: Any) -> None:
            """Read the coding from beside the version of a module."""
            state = notes.get(KEY)
            if prefix + KEY in values:
                state = json.loads(bytes(values.pop(prefix + KEY).tolist()))
            if state:
                self._load_coding_state(state)
            elif are_alone and not is_trained_now and not self._is_plain():
                # Tensors alone were saved without a coding for labels that need none.
                self._forget_targets()
            self._lost_coding_ = not state and not are_alone

        if kwargs.get("checkpoint") is not None and not self.initialized_:
            self.initialize()
        with self._hooked("register_load_state_dict_pre_hook", read):
            super().load_params(*args, **kwargs)

    @contextmanager
    def _hooked(self, register: str, hook: Any) -> Iterator[None]:
        module = getattr(self, "module_", None)
        with ExitStack() as stack:
            if hook is not None and isinstance(module, nn.Module):
                stack.callback(getattr(module, register)(hook).remove)
            yield

    def __getstate__(self) -> dict[str, Any]:
        # A callback may pickle the net in mid-training; this is the batch that it was shown.
        return {name: v for name, v in super().__getstate__().items() if name != "_shown_"}


class CodedBatches:
    """Batches of any iterator, with the targets encoded as they come.

    Parameters
    ----------
    batches : iterable
        What a net's iterator gives; its attributes are to be had here too.
    encode : callable
        Encodes a batch.
    """

    def __init__(self, batches: Any, encode: Any) -> None:
        self.batches = batches
        self.encode = encode

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        return map(self.encode, self.batches)

    def __getattr__(self, name: str) -> Any:
        if name == "batches":
            raise AttributeError(name)
        return getattr(self.batches, name)


def _array_of(y: Any) -> np.ndarray | None:
    """Return the targets of a batch as an array, or None where they are several or none."""
    if isinstance(y, Tensor | np.ndarray):
        return as_numpy(y)
    # What torch's loader makes of strings.
    is_text = isinstance(y, tuple | list) and len(y) > 0 and all(isinstance(v, str) for v in y)
    return np.asarray(y) if is_text else None
