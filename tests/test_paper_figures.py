"""The study of the paper's figures, on few rows and for few epochs."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("SKENSEMBLE_DATA", ROOT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (DATA / "letter.csv.xz").is_file(), reason=f"needs letter.csv.xz in {DATA}"
    ),
]


RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Folder of a study that lacked the last setting, and what the run that went on printed."""
    folder = tmp_path_factory.mktemp("paper")
    lines = (RESULTS / "paper_figures.jsonl").read_text().splitlines(keepends=True)
    (folder / "paper_figures.jsonl").write_text("".join(lines[:-3]))
    short = "--data", DATA, "--rows", 300, "--output", folder
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "benchmarks/paper_figures.py", *map(str, short)]
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run(command, **options, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_who_trains_names_the_folder_of_the_data():
    command = [sys.executable, "benchmarks/paper_figures.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "required: --data" in done.stderr


def runs_in(folder):
    return [json.loads(line) for line in (folder / "paper_figures.jsonl").read_text().splitlines()]


def test_a_study_goes_on_where_it_stopped(study):
    folder, printed = study
    assert len(printed.splitlines()) == 1
    names = "way", "alpha_zero", "M", "epochs", "seed"
    keys, expected = ([[run[n] for n in names] for run in runs_in(f)] for f in (folder, RESULTS))
    assert keys == expected
    assert (folder / "paper_sizes.svg").read_bytes() == (RESULTS / "paper_sizes.svg").read_bytes()


def test_nets_are_trained_without_weight_decay(monkeypatch):
    # The script sets it for itself.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    problem = import_module("paper_figures").problem_of(DATA, 300)
    assert problem.net.optimizer__weight_decay == 0
    assert len(problem.train.y) == len(problem.test.y) == 300


def test_each_training_has_a_score_for_each_number_of_members(study):
    runs = runs_in(study[0])
    assert all(len(run["NLL"]) == len(run["alone, error %"]) == run["M"] for run in runs)
    # The mean of the last one is the last one.
    assert all(run["error %"][0] == run["alone, error %"][-1] for run in runs)


def test_the_ends_of_a_line_are_the_members(study):
    found = json.loads((study[0] / "paper_lines.json").read_text())
    start, end = (found["fractions"].index(fraction) for fraction in (0, 1))
    for ensemble in found["ensembles"]:
        # From each of six to the last one.
        assert [line["member"] for line in ensemble["lines"]] == [1, 2, 3, 4, 5]
        assert len({line["test NLL"][end] for line in ensemble["lines"]}) == 1
        assert len({line["test NLL"][start] for line in ensemble["lines"]}) > 1
        assert [row[k] for k, row in enumerate(ensemble["correlation"])] == [1] * 6
