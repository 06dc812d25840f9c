"""Runs cells in a process of its own, which is ended where a cell takes too long."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

LOOK_SECONDS = 0.02
STOP_SECONDS = 2.0
LOG_CHARACTERS = 1500


class Worker:
    """A process that answers tasks; it is started anew after it was ended or has broken off.

    Parameters
    ----------
    command : list of str
        What to run; the path of the file for its answers is added.
    folder : Path
        For that file and for what the process prints.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.command, self.folder = command, folder
        self.process: subprocess.Popen[bytes] | None = None
        self.n_starts = 0
        self.machine: dict[str, Any] = {}

    def start(self, seconds: float) -> dict[str, Any]:
        """Start the process, and give what it says of its machine.

        Parameters
        ----------
        seconds : float
            How long to wait for that.

        Returns
        -------
        machine : dict
            With "failed" if there is nothing to work on.
        """
        self.stop()
        self.n_starts += 1
        self.answers = self.folder / f"answers{self.n_starts}.jsonl"
        self.log = self.folder / f"log{self.n_starts}.txt"
        self.answers.touch()
        self.n_read = 0
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.command, str(self.answers)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own children end with it.
                start_new_session=True,
            )
        answer = self._wait_for("machine", seconds)
        self.machine = answer.get("machine", answer)
        if "failed" in self.machine:
            self.stop()
        return self.machine

    def ask(self, task: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Have a cell measured.

        Parameters
        ----------
        task : dict
            `module`, `function` and `arguments`.
        seconds : float
            After these the process is ended, a start included.

        Returns
        -------
        record : dict
            "found", or "failed" and the last lines that were printed; "seconds".
        """
        begun = perf_counter()
        if self.process is None or self.process.poll() is not None:
            machine = self.start(seconds)
            if "failed" in machine:
                return {"failed": f"no process for it: {machine['failed']}"}
        left = max(0.1, seconds - (perf_counter() - begun))
        try:
            line = json.dumps(task | {"seconds": left}) + "\n"
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.stop()
            return {"failed": "the process has ended before it", "log": self._printed()}
        answer = self._wait_for("ended", left)
        record = answer.get("ended") or answer
        if "failed" in record:
            record.setdefault("log", self._printed())
        return {"seconds": round(perf_counter() - begun, 2)} | record

    def stop(self) -> None:
        """End the process and all that it has started."""
        if self.process is None:
            return
        # The number of a process that has ended may be another one's by now.
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        # A process that hangs in a driver may not end; it is not waited for.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self.process = None

    def _wait_for(self, kind: str, seconds: float) -> dict[str, Any]:
        """Read answers until one of a kind, or say why there is none."""
        until = perf_counter() + seconds
        so_far: dict[str, Any] = {}
        while True:
            has_ended = self.process.poll() is not None
            for answer in self._read():
                if kind in answer:
                    return answer
                so_far |= answer
            if has_ended:
                failed = f"the process has ended with {self.process.returncode}"
                break
            if perf_counter() > until:
                failed = f"did not end within {seconds:.0f} s"
                break
            sleep(LOOK_SECONDS)
        self.stop()
        return {"failed": failed, "log": self._printed(), **so_far}

    def _read(self) -> list[dict[str, Any]]:
        """Give the answers that have come since the last look; a line is whole at its end."""
        with self.answers.open("rb") as file:
            file.seek(self.n_read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.n_read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _printed(self) -> str:
        """Give the end of what was printed, without the folders of files."""
        text = self.log.read_text(errors="replace")
        return re.sub(r"(?:/[\w.+-]+)+/(?=[\w.-]+)", "", text)[-LOG_CHARACTERS:]
