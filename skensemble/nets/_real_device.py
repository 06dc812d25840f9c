"""Letting skorch see a device that torch knows where it reads `device` itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skensemble.nets._device import available_device


class RealDevice:
    """Mixin for a skorch net whose `device` may be "auto"; the one it has got is `device_`."""

    @contextmanager
    def _on_real_device(self) -> Iterator[None]:
        """Let skorch see a device that torch knows where it reads `device` itself."""
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

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load parameters from files, as in `skorch.NeuralNet.load_params`."""
        with self._on_real_device():
            super().load_params(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        requested, there = state["device"], available_device(state["device"])
        super().__setstate__({**state, "device": str(there)})
        self.device = requested
        if "device_" in state:
            self.device_ = there
