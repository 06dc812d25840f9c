"""What can only be measured in an interpreter of its own: memory, import time, parallel search.

The functions `measure_*` start this file anew; each `_child_*` runs there and prints JSON.
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

M = 10
WIDTH = 2048

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def measure_memory(repeats: int, *, quick: bool = False) -> dict[str, Any]:
    """Measure the peak memory of a fit beyond the imports and the data, in bytes.

    Returns
    -------
    memory : dict
        Lists "net" and "ensemble" of `repeats` peaks each, and the bytes of one copy of the
        "weights" with the number of "copies" that the ensemble keeps.
    """
    width = str(WIDTH // 8 if quick else WIDTH)
    peaks: dict[str, Any] = {"net": [], "ensemble": []}
    for _ in range(repeats):
        for what in ("net", "ensemble"):
            child = _run("memory", what, width)
            peaks[what].append(child["peak"])
    return {**peaks, "weights": child["weights"], "copies": M}


def measure_imports(repeats: int) -> dict[str, Any]:
    """Measure the seconds of the imports, without skensemble and with it in turn.

    Returns
    -------
    imports : dict
        Lists "without" and "with" of seconds; the list "more", the part of "with" that is
        skensemble's; and whether "matplotlib" is then imported.
    """
    _run("imports", "with")
    seconds: dict[str, Any] = {"without": [], "with": [], "more": []}
    for _ in range(repeats):
        seconds["without"].append(_run("imports", "without")["seconds"])
        child = _run("imports", "with")
        seconds["with"].append(child["seconds"])
        seconds["more"].append(child["more"])
    return {**seconds, "matplotlib": child["matplotlib"]}


def measure_search(repeats: int, *, quick: bool = False) -> dict[str, Any]:
    """Measure the seconds of a grid search with one job and with two, in turn.

    Returns
    -------
    search : dict
        Lists "n_jobs=1" and "n_jobs=2" of seconds.
    """
    return _run("search", str(repeats), "2" if quick else "10")


def _run(*arguments: str) -> dict[str, Any]:
    """Run a child with the threads that users get, whatever this process was started with."""
    environment = {k: v for k, v in os.environ.items() if k not in THREAD_VARIABLES}
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _child_memory(what: str, width: str) -> dict[str, Any]:
    import numpy as np
    import torch

    from skensemble import NetClassifier, SnapshotEnsembleClassifier

    def make(width: int) -> Any:
        net = NetClassifier(
            module__hidden_units=(width, width), max_epochs=M, batch_size=128, device="cpu"
        )
        return net if what == "net" else SnapshotEnsembleClassifier(net, M=M, alpha_zero=0.01)

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1280, 54), dtype=np.float32)
    y = np.arange(1280) % 7
    # What torch and skorch load and set up at their first step is no part of a fit.
    make(8).fit(X, y)
    before = reset_peak()
    fitted = make(int(width)).fit(X, y)
    peak = peak_bytes() - before
    module = fitted.module_ if what == "net" else fitted._predictor_.members[0]
    return {"peak": peak, "weights": sum(p.nbytes for p in module.parameters())}


def reset_peak() -> int:
    """Set the peak of this process back to what it holds now, and give that in bytes."""
    # getrusage's ru_maxrss would not do: it is never reset, and on Linux a child even inherits
    # that of the process which started it.
    Path("/proc/self/clear_refs").write_text("5")
    return _status_bytes("VmRSS")


def peak_bytes() -> int:
    return _status_bytes("VmHWM")


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])


def _child_imports(what: str) -> dict[str, Any]:
    begun = perf_counter()
    for name in ("torch", "sklearn", "skorch"):
        import_module(name)
    seconds = perf_counter() - begun
    if what == "with":
        import_module("skensemble")
    more = perf_counter() - begun - seconds
    has_plots = "matplotlib" in sys.modules
    return {"seconds": seconds + more, "more": more, "matplotlib": has_plots}


def _child_search(repeats: str, max_epochs: str) -> dict[str, Any]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV

    from skensemble import NetClassifier, SnapshotEnsembleClassifier

    X, y = load_digits(return_X_y=True)
    net = NetClassifier(module__hidden_units=(64,), max_epochs=int(max_epochs), device="cpu")
    ensemble = SnapshotEnsembleClassifier(net, M=4, random_state=0)
    grid = {"alpha_zero": [0.02, 0.05, 0.1, 0.2]}

    def search(n_jobs: int) -> float:
        begun = perf_counter()
        GridSearchCV(ensemble, grid, cv=3, n_jobs=n_jobs, refit=False).fit(X / 16, y)
        return perf_counter() - begun

    seconds: dict[str, list[float]] = {"n_jobs=1": [], "n_jobs=2": []}
    # The first search starts the workers; joblib keeps them for the next.
    for n_jobs in (1, 2):
        search(n_jobs)
    for _ in range(int(repeats)):
        for n_jobs in (1, 2):
            seconds[f"n_jobs={n_jobs}"].append(search(n_jobs))
    return seconds


CHILDREN = {"memory": _child_memory, "imports": _child_imports, "search": _child_search}

if __name__ == "__main__":
    print(json.dumps(CHILDREN[sys.argv[1]](*sys.argv[2:])))
