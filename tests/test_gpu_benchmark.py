"""The cells of the GPU benchmark, which run on the CPU too."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.slow
def test_every_cell_is_measured(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    n_threads = torch.get_num_threads()
    import_module("gpu").main(["--device", "cpu", "--quick", "--output", str(tmp_path)])
    torch.set_num_threads(n_threads)
    cells = json.loads((tmp_path / "gpu.json").read_text())["cells"]
    assert cells.pop("lines that wait in an epoch") == "not on a GPU"
    ours = [cells.pop(f"WRN-10-1 bf16 NHWC, ours, {way}") for way in ("no graph", "graph")]
    # On the CPU nothing is recorded, and that is no obstacle.
    assert all(cell["images/s"] > 0 and cell["left"] is None for cell in ours)
    # Two ways of ours and by hand, a graph by hand, two numbers of nets in two ways, and the MLP.
    assert len(cells) == 2 * 2 + 1 + 2 * 2 + 1
    assert all(value > 0 for value in cells.values())
