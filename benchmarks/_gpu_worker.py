"""The process that the cells of gpu.py run in: `_gpu_watch.py` starts it, and ends it if it hangs.

Tasks come in on standard input, a line of JSON each; answers go to a file in the same form.
"""

import argparse
import faulthandler
import gc
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

SECONDS_TO_DUMP = 1.0
"""Before a cell's time is up, to write where its threads are."""


def main() -> None:
    """Say what the machine is, then run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("answers", type=Path)
    parser.add_argument("--device", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.answers.open("a", buffering=1) as file:

        def answer(**values: Any) -> None:
            file.write(json.dumps(values, default=str) + "\n")

        machine = describe(arguments.device)
        answer(machine=machine)
        if "failed" not in machine:
            work(arguments, answer)


def describe(device: str) -> dict[str, Any]:
    """Give the card, its driver and the versions; "failed" says why nothing can run there."""
    import torch
    from _report import environment

    from skensemble import __version__

    # It need not be installed.
    found = environment(more=("torchvision", "triton")) | {"skensemble": __version__}
    if torch.device(device).type != "cuda":
        return {"card": "none: the CPU"} | found
    if not torch.cuda.is_available():
        return {"failed": "torch sees no CUDA device"}
    about = torch.cuda.get_device_properties(device)
    return {
        "card": about.name,
        "memory GB": round(about.total_memory / 1e9, 1),
        "driver": driver(),
        "CUDA": torch.version.cuda,
        "cuDNN": torch.backends.cudnn.version(),
        **found,
    }


def driver() -> str | None:
    """Give the version of the driver, where nvidia-smi is there to say it."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None


def work(arguments: argparse.Namespace, answer: Callable[..., None]) -> None:
    """Run one task after the other, until there are no more or the device may be out of order."""
    import torch
    from _gpu_place import Place

    torch.set_num_threads(1)
    # All cells have the same settings: the fastest convolutions, found by trying.
    torch.backends.cudnn.benchmark = True
    parent = os.getppid()
    for line in sys.stdin:
        task = json.loads(line)
        place = Place(
            torch.device(arguments.device),
            arguments.quick,
            arguments.data,
            arguments.cache,
            lambda found: answer(so_far=found),
        )
        faulthandler.dump_traceback_later(max(0.2, task["seconds"] - SECONDS_TO_DUMP))
        begun = perf_counter()
        found, is_sound = run(place, task)
        faulthandler.cancel_dump_traceback_later()
        tidy(place)
        answer(ended={"seconds": round(perf_counter() - begun, 2), **found})
        if not is_sound or os.getppid() != parent:
            break


def run(place: Any, task: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Give what a cell has found or why it failed, and whether the process is as good as new.

    After a fault of CUDA nothing works in the same process. Its errors are RuntimeErrors.
    """
    try:
        function = getattr(import_module(task["module"]), task["function"])
        return {"found": function(place, **task["arguments"])}, True
    except Exception as error:
        traceback.print_exc()
        failed = f"{type(error).__name__}: {str(error)[:500]}"
        return {"failed": failed}, not (place.is_cuda and isinstance(error, RuntimeError))


def tidy(place: Any) -> None:
    """Leave nothing behind that would change the next cell."""
    import torch

    gc.collect()
    if "torch._dynamo" in sys.modules:
        # It stops to compile a module's code that was compiled eight times.
        torch._dynamo.reset()
    if place.is_cuda:
        try:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        except RuntimeError:
            traceback.print_exc()


if __name__ == "__main__":
    main()
