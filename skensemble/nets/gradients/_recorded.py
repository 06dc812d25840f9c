"""Functions of tensors on a GPU that are recorded and replayed, as CUDA graphs."""

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

N_BEFORE = 8
"""Calls of a kind that are made as ever before one is recorded; a recording takes as long."""

MOST_KINDS = 3
"""Kinds of calls that are recorded: as many as an epoch has sizes of batches, and one to spare."""

Results = Sequence[Any]
"""Tensors, or None where there are none."""

Function = Callable[..., Results]


class Recorder(Protocol):
    """What records functions, and how calls before a recording are made."""

    def call(self, function: Callable[[], Results]) -> Results:
        """Call a function that is to be recorded later."""

    def record(self, function: Callable[[], Results]) -> Callable[[], Results]:
        """Record a function, and return what replays it: each time into the same results."""


class CudaRecorder:
    """Records functions as CUDA graphs; all graphs of one recorder share their memory.

    Parameters
    ----------
    device : torch.device
        Of type "cuda".
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        # torch wants what comes before a recording on the stream of the recording.
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def call(self, function: Callable[[], Results]) -> Results:
        """Call a function on the stream of recordings."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            results = function()
        current.wait_stream(self.stream)
        return results

    def record(self, function: Callable[[], Results]) -> Callable[[], Results]:
        """Record a function as a graph, without making what it asks for."""
        graph = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self.device)
        try:
            # The outer one puts the stream back where torch's own context does not.
            with (
                torch.cuda.stream(current),
                torch.cuda.graph(
                    graph,
                    pool=self.pool,
                    stream=self.stream,
                    capture_error_mode="thread_local",
                ),
            ):
                results = function()
        except Exception:
            # torch leaves its generator in the state of a recording.
            generator = torch.cuda.default_generators[current.device_index]
            generator.graphsafe_set_state(generator.clone_state())
            raise

        def replay() -> Results:
            """Make what was recorded."""
            graph.replay()
            return results

        return replay


def recorder_for(device: torch.device) -> Recorder | None:
    """Return what records functions on a device, or None where nothing can be recorded."""
    return CudaRecorder(device) if device.type == "cuda" else None


class RecordedCalls:
    """A function of tensors on a GPU, which is recorded once it was seen to be the same each time.

    A recording repeats what the GPU did, and nothing of what Python did. So calls are watched
    before: a function that waits for the device, or that draws from a generator of the CPU, is
    called each time.

    Parameters
    ----------
    function : callable
        Of tensors; it returns a list of tensors or None.
    recorder : Recorder
    is_channels_last : bool, default=False
        Whether tensors of four axes are handed over in torch's format of that name.

    Attributes
    ----------
    obstacle : str or None
        Why the function is called each time.
    has_failed : bool
        Whether a recording has raised.
    """

    def __init__(
        self, function: Function, recorder: Recorder, *, is_channels_last: bool = False
    ) -> None:
        self.function, self.recorder = function, recorder
        self.is_channels_last = is_channels_last
        self.obstacle: str | None = None
        self.has_failed = False
        self.n_seen: dict[Any, int] = {}
        self.recordings: dict[Any, _Recording] = {}

    def __call__(self, *inputs: Any) -> tuple[Results, bool]:
        """Call the function, or replay it.

        Parameters
        ----------
        *inputs : Tensor

        Returns
        -------
        results : list of Tensor or None
            Those of a replay are overwritten by the next one.
        is_replayed : bool
        """
        kind = None if self.obstacle is not None else _kind_of(inputs)
        if kind is None:
            return self.function(*inputs), False
        recording = self.recordings.get(kind)
        if recording is None:
            n_seen = self.n_seen[kind] = self.n_seen.get(kind, 0) + 1
            if n_seen <= N_BEFORE or len(self.recordings) == MOST_KINDS:
                return self._call(inputs, is_watched=n_seen == N_BEFORE), False
            recording = self._record(inputs)
            if recording is None:
                return self.function(*inputs), False
            self.recordings[kind] = recording
        return recording(inputs), True

    def forget(self) -> None:
        """Drop the recordings: what they have read or written is elsewhere now."""
        self.n_seen.clear()
        self.recordings.clear()

    def _call(self, inputs: Sequence[Tensor], *, is_watched: bool) -> Results:
        if not is_watched:
            return self.recorder.call(lambda: self.function(*inputs))
        waits: list[str] = []
        drawn = _drawn_on_the_cpu()
        is_cuda = inputs[0].is_cuda
        with noting_waits(waits) if is_cuda else nullcontext():
            results = self.recorder.call(lambda: self.function(*inputs))
        if waits:
            self.obstacle = f"a step waits for the device, at {', '.join(dict.fromkeys(waits))}"
        elif drawn != _drawn_on_the_cpu():
            self.obstacle = "a step draws from a generator of the CPU"
        return results

    def _record(self, inputs: Sequence[Tensor]) -> "_Recording | None":
        own = [self._buffer_like(x) for x in inputs]
        for buffer, x in zip(own, inputs, strict=True):
            buffer.copy_(x)
        try:
            return _Recording(own, self.recorder.record(lambda: self.function(*own)))
        except Exception as error:
            # Whatever the function does that no graph can hold. The error itself is not kept: its
            # frames hold the graph of autograd, which belongs to the stream of the recording.
            self.has_failed = True
            self.obstacle = f"a step cannot be recorded: {_first_line(error)}"
            return None

    def _buffer_like(self, x: Tensor) -> Tensor:
        if self.is_channels_last and x.ndim == 4:
            return torch.empty_like(x, memory_format=torch.channels_last)
        return torch.empty_like(x, memory_format=torch.contiguous_format)


class _Recording:
    """A recorded function, and the memory that it reads its inputs from."""

    def __init__(self, inputs: Sequence[Tensor], replay: Callable[[], Results]) -> None:
        self.inputs, self.replay = inputs, replay

    def __call__(self, inputs: Sequence[Tensor]) -> Results:
        for own, x in zip(self.inputs, inputs, strict=True):
            own.copy_(x)
        return self.replay()


def _first_line(error: BaseException) -> str:
    """Say what a recording has raised: torch's end of one raises again, and says less."""
    cause = error.__context__ or error
    return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"


def _kind_of(inputs: Sequence[Any]) -> Any:
    """Return what has to be the same for two calls to be one recording; None if none can be."""
    if not all(isinstance(x, Tensor) and not x.requires_grad for x in inputs):
        return None
    return tuple((tuple(x.shape), x.dtype, x.device) for x in inputs)


def _drawn_on_the_cpu() -> tuple[Any, ...]:
    """Return the states of the generators that a function may draw from on the CPU."""
    # The global one is what a module may draw from, whatever NumPy advises.
    _, keys, place, *rest = np.random.get_state()  # noqa: NPY002
    torch_state = torch.get_rng_state().numpy().tobytes()
    return random.getstate(), keys.tobytes(), place, *rest, torch_state


@contextmanager
def noting_waits(waits: list[str]) -> Iterator[None]:
    """Note the lines of Python that wait for a CUDA device inside the block, as ``file.py:line``.

    Parameters
    ----------
    waits : list of str
        Is added to. Other warnings are passed on.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)
    for warning in caught:
        text = str(warning.message)
        if "called a synchronizing CUDA operation" in text:
            waits.append(f"{Path(warning.filename).name}:{warning.lineno}")
        elif "Synchronization debug mode" not in text:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
