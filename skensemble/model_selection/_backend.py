"""A joblib backend whose tasks train their nets in lock-step."""

from collections.abc import Callable
from typing import Any

from joblib.parallel import ParallelBackendBase, SequentialBackend

from skensemble.lockstep import DEFAULT_MEMORY_BYTES, PausedFit, Report, run_together

N_TASKS = 4096
"""Tasks that joblib hands over at once; memory bounds how many of them are begun."""


class LockstepBackend(ParallelBackendBase):
    """Run the tasks of a `joblib.Parallel` in one process, and train their nets together.

    Whatever scikit-learn runs through joblib can use it: ``with
    joblib.parallel_config(backend=LockstepBackend()): cross_val_score(ensemble, X, y)``. Scores are
    those of separate fits, up to rounding. Tasks that train no ensemble run one by one.

    Parameters
    ----------
    nesting_level, inner_max_num_threads : int or None, default=None
        What joblib passes on; of no effect.
    memory_bytes : int, default=2**30
        Memory budget in bytes. New fits wait while the rows and weights of unfinished fits exceed
        it, and a group of nets trained together never uses more on its device.
    report : Report, optional
        Filled in: what was trained together, and why the rest was not.
    """

    uses_threads = True
    supports_sharedmem = True
    supports_retrieve_callback = False
    supports_return_generator = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        *,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        report: Report | None = None,
    ) -> None:
        super().__init__(nesting_level, inner_max_num_threads)
        self.memory_bytes = memory_bytes
        self.report = Report() if report is None else report
        self._queue: list[_Task] = []

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return the number of tasks that are wanted at once, whatever `n_jobs` says."""
        return N_TASKS

    def submit(self, func: Callable[[], Any], callback: Any = None) -> "_Task":
        """Put a task into the queue."""
        task = _Task(self, func, callback)
        self._queue.append(task)
        return task

    # joblib below 1.5 calls it so.
    apply_async = submit

    def retrieve_result(self, out: "_Task", timeout: float | None = None) -> Any:
        """Return what a task returned; the first that is asked for makes all run."""
        while out.fit is None:
            queue, self._queue = self._queue, []
            functions = [task.function for task in queue]
            ended = run_together(functions, memory_bytes=self.memory_bytes, report=self.report)
            for task, fit in zip(queue, ended, strict=True):
                task.fit = fit
            for task in queue:
                # joblib then submits the tasks that it has held back.
                if task.callback is not None:
                    task.callback(None)
        if out.fit.error is not None:
            raise out.fit.error
        return out.fit.result

    def get_nested_backend(self) -> tuple[SequentialBackend, None]:
        """Return the backend of a `joblib.Parallel` inside a task: its nets come one by one."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Forget the tasks that were not begun."""
        self._queue.clear()


class _Task:
    def __init__(
        self, backend: LockstepBackend, function: Callable[[], Any], callback: Any
    ) -> None:
        self.backend = backend
        self.function = function
        self.callback = callback
        self.fit: PausedFit | None = None

    def get(self, timeout: float | None = None) -> Any:
        """Return the result, as joblib below 1.5 asks for it."""
        return self.backend.retrieve_result(self, timeout)
