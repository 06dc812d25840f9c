"""A copy of the tree, and processes that run its tests.

Importing torch, scikit-learn and skorch takes longer than most test files. It is done once here,
and each run of a test file is a fork that has them, but not the package.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "SCIPY_ARRAY_API": "1"}

import accelerate  # noqa: F401  the settings above have to stand first
import pandas as pd  # noqa: F401
import pytest
import skorch.callbacks  # noqa: F401
import torch.func
from sklearn.utils import estimator_checks  # noqa: F401

torch.set_num_threads(1)


class Worker:
    """A copy of the tree, in which one mutant at a time lives.

    Parameters
    ----------
    root : Path
        Of the tree.
    folder : Path
        Where the copy goes.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        for part in ("skensemble", "tests"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / part, folder / part, ignore=ignored)
        for file in ("pyproject.toml", "conftest.py", "CONTRIBUTING.md"):
            shutil.copy(root / file, folder / file)

    def usual_seconds(self, test: str) -> float:
        """Run a test file on the package as it is, and return how long it takes."""
        begun = time.perf_counter()
        if self.run_tests(test, timeout=600) != 0:
            raise RuntimeError(f"{test} fails without a mutant.")
        return time.perf_counter() - begun

    @contextmanager
    def changed(self, module: str, source: str) -> Iterator[None]:
        """Let a module have another text inside the block."""
        path = self.folder / "skensemble" / module
        before = path.read_text()
        path.write_text(source)
        try:
            yield
        finally:
            path.write_text(before)

    def run_tests(self, test: str, timeout: float) -> int | None:
        """Run a test file until its first failure; return its status, None if it has no end."""
        child = os.fork()
        if child == 0:
            self._in_child(test)
        deadline = time.perf_counter() + timeout
        while time.perf_counter() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _in_child(self, test: str) -> None:
        os.setsid()
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        sys.dont_write_bytecode = True
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        # The process ends here, whatever threads the tests leave behind.
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", test]))
