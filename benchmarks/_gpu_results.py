"""The raw numbers of gpu.py: of which code and card they are, and which need not be found again."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _gpu_report import goals, markdown

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "cudnn.benchmark": True,
    "TF32": "torch's defaults: convolutions may, products of matrices may not",
    "threads": 1,
    "times": "medians of three rounds or epochs, after some that warm up, the device at rest",
    "images": "random uint8 of 32 x 32; padded by 4, cut and flipped in each batch",
}


def digest(package: Path = ROOT / "skensemble") -> str:
    """Give a digest of the sources of the package: which code the numbers are of."""
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        found.update(path.relative_to(package).as_posix().encode() + b"\0")
        found.update(path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def commit() -> str | None:
    """Give the name that git has for the checkout, where it is one and git is there."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        said = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None


class Results:
    """Cells and what they have found, written after each.

    Parameters
    ----------
    folder : Path or None
        Where gpu.json and gpu.md go; None is nowhere.
    machine : dict
        With "card" and "torch".
    quick : bool
    """

    def __init__(self, folder: Path | None, machine: dict[str, Any], *, quick: bool) -> None:
        self.folder = folder
        self.stamp = {"code": digest(), "quick": quick}
        self.machine = machine
        self.cells: dict[str, dict[str, Any]] = {}
        self.commit = commit()

    def take(self, folder: Path) -> None:
        """Take what an earlier run has found for the same code, card and torch."""
        path = folder / "gpu.json"
        if not path.is_file():
            return
        earlier = json.loads(path.read_text())
        same = all(earlier.get(name) == value for name, value in self.stamp.items())
        machine = earlier.get("machine", {})
        same = same and all(machine.get(k) == self.machine.get(k) for k in ("card", "torch"))
        if same:
            found = {name: cell for name, cell in earlier["cells"].items() if "found" in cell}
            self.cells = found | self.cells

    def has(self, name: str) -> bool:
        """Say whether a cell was measured."""
        return name in self.cells

    def note(self, name: str, record: dict[str, Any]) -> None:
        """Keep what came of a cell, and write everything."""
        self.cells[name] = {"date": datetime.now(UTC).isoformat(timespec="minutes"), **record}
        self.write()

    def write(self) -> None:
        """Write the raw numbers and their table."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        raw = {
            **self.stamp,
            "commit": self.commit,
            "machine": self.machine,
            "settings": SETTINGS,
            "goals": goals(self.cells, quick=self.stamp["quick"]),
            "cells": self.cells,
        }
        # A call that is ended in the middle of this leaves the file as it was.
        draft = self.folder / "gpu.json.draft"
        draft.write_text(json.dumps(raw, indent=1) + "\n")
        draft.replace(self.folder / "gpu.json")
        (self.folder / "gpu.md").write_text(self.table())

    def table(self) -> str:
        """Write the numbers for readers."""
        return markdown(self.machine, self.stamp, self.cells)
