"""What a run of the comparison on tables measures of its fit."""

import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import BENCHMARKS

GREEDY = """
class Greedy:
    def fit(self, X, y):
        # Written to, as pages that are not are none.
        np.ones(8 * 2**20).sum()

    def predict(self, X):
        return np.zeros(len(X))


split = Split(np.zeros((9, 1)), np.ones(9), np.zeros((4, 1)), np.ones(4))
method = Method(lambda task, seed: Greedy(), "numbers")
"""
"""A model that takes 64 MB and some work to fit, and predicts zeros."""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_measures_the_seconds_of_its_own_fit(script, monkeypatch):
    runs, competitors = script("_table_runs"), script("_table_competitors")
    monkeypatch.setattr(runs, "process_time", iter([10, 10 + 3, 20, 20 + 4]).__next__)
    monkeypatch.setattr(runs, "perf_counter", iter([100, 100 + 5]).__next__)
    made = {"np": np, "Split": script("_tables").Split, "Method": competitors.Method}
    exec(GREEDY, made)
    found = runs.measure(made["method"], made["split"], "regression", 0)
    assert found["loss"] == 1
    assert [found[name] for name in ("fit s", "fit wall s", "predict s")] == [3, 5, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_a_run_is_that_of_its_own_fit():
    """In an interpreter of its own: the system may take memory from one that holds much."""
    code = f"""
import numpy as np
from _table_competitors import Method
from _table_runs import measure
from _tables import Split
{GREEDY}
print(measure(method, split, "regression", 0)["MB"])
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    # A few pages more or less for what the interpreter itself does.
    assert float(run.stdout) == pytest.approx(64, abs=8)
