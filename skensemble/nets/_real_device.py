"""Letting skorch see a device that torch knows where it reads `device` itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch.utils import to_tensor
from torch import Tensor

from skensemble.data import are_pixels
from skensemble.device import PRECISIONS, Precision, available_device, resolve_device


class RealDevice:
    """Mixin for a skorch net whose `device` may be "auto"; the one it has got is `device_`."""

    device: Any
    precision: str
    channels_last: bool = False
    _device_argument_: Any = ()
    """The argument that `device_` was found for; an empty tuple is none."""

    def find_device(self) -> torch.device:
        """Return the device that the argument `device` stands for.

        It is looked up once for each argument, however often a fit asks.

        Returns
        -------
        device : torch.device

        Raises
        ------
        InvalidParameterError
            If torch knows no such device or the machine lacks it.
        """
        if not hasattr(self, "device_") or self._device_argument_ != self.device:
            self.device_ = resolve_device(self.device)
            self._device_argument_ = self.device
        return self.device_

    @contextmanager
    def _on_real_device(self) -> Iterator[None]:
        """Let skorch see a device that torch knows where it reads `device` itself."""
        if not hasattr(self, "device_"):
            self.find_device()
        requested, self.device = self.device, str(self.device_)
        try:
            yield
        finally:
            self.device = requested

    def _initialize_module(self, *args: Any, **kwargs: Any) -> Any:
        with self._on_real_device():
            return super()._initialize_module(*args, **kwargs)

    def _initialize_criterion(self, *args: Any, **kwargs: Any) -> Any:
        with self._on_real_device():
            return super()._initialize_criterion(*args, **kwargs)

    def _precision(self) -> Precision:
        return PRECISIONS[self.precision]

    def _on_device(self, batch: Any) -> Any:
        parts = batch if isinstance(batch, tuple | list) else (batch,)
        if all(isinstance(part, Tensor) and part.device == self.device_ for part in parts):
            return batch
        return to_tensor(batch, device=self.device_)

    def _as_floats(self, batch: Any) -> Any:
        """Return images of bytes, as a loader of torch gives them, as floats."""
        return batch.to(self._precision().weights) if are_pixels(batch) else batch

    def _in_format(self, batch: Any) -> Any:
        """Return images in the format that the net's convolutions see; all else as it is."""
        if self.channels_last and isinstance(batch, Tensor) and batch.ndim == 4:
            return batch.contiguous(memory_format=torch.channels_last)
        return batch

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load parameters from files, as in `skorch.NeuralNet.load_params`."""
        with self._on_real_device():
            super().load_params(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        requested, there = state["device"], available_device(state["device"])
        # skorch says what becomes of a net that asked for no device.
        super().__setstate__({**state, "device": None if requested is None else str(there)})
        self.device = requested
        if "device_" in state:
            self.device_ = there
