"""What runs the cells of the GPU benchmark: a cell that hangs or breaks off costs only itself."""

import json
import os
import sys
from time import perf_counter, sleep

import pytest

WORKER = """
import json, os, subprocess, sys, time
answers = open(sys.argv[1], "a", buffering=1)
answer = lambda **values: answers.write(json.dumps(values) + "\\n")
answer(machine={"card": "none", "torch": "0"})
for line in sys.stdin:
    task = json.loads(line)
    if task["function"] == "hang":
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        answer(so_far={"round": 1})
        answer(so_far={"round": 2, "child": child.pid})
        print("in", "/some/folder/file.py", flush=True)
        time.sleep(60)
    if task["function"] == "crash":
        os._exit(7)
    if task["function"] == "half a line":
        answers.write('{"ended": {"found": {"a"')
        answers.flush()
        time.sleep(0.1)
        answers.write(': 3}}}\\n')
        answers.flush()
        continue
    answer(ended={"found": {"pid": os.getpid()}, "seconds": 0.5})
    if task["function"] == "last":
        break
"""


@pytest.fixture
def worker(script, tmp_path):
    worker = script("_gpu_watch").Worker([sys.executable, "-S", "-c", WORKER], tmp_path)
    yield worker
    worker.stop()


def task(function):
    return {"module": "", "function": function, "arguments": {}}


def test_cells_run_in_one_process_that_says_where_it_is(worker):
    assert worker.start(20) == {"card": "none", "torch": "0"}
    first, second = (worker.ask(task("work"), 20) for _ in range(2))
    assert first["found"] == second["found"] != {"pid": os.getpid()}
    assert first["seconds"] == 0.5
    assert worker.n_starts == 1


def test_a_cell_that_hangs_is_ended_with_its_children_and_keeps_what_it_has_found(worker):
    worker.start(20)
    begun = perf_counter()
    record = worker.ask(task("hang"), 0.6)
    # Far from the minute that it would take; the machine may be busy.
    assert perf_counter() - begun < 20
    assert record["failed"] == "did not end within 1 s"
    assert record["so_far"]["round"] == 2
    assert record["log"] == "in file.py\n"
    assert not is_running(record["so_far"]["child"])
    # The next one has a process of its own.
    assert worker.ask(task("work"), 20)["found"]
    assert worker.n_starts == 2


def is_running(pid):
    """Say whether a process runs, where it may take a moment to be gone."""
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        # A zombie has ended, and waits for whoever inherits it.
        if state == "Z":
            return False
        sleep(0.02)
    return True


@pytest.mark.parametrize("leaves", ["crash", "last"])
def test_a_process_that_has_ended_is_started_anew(worker, leaves):
    worker.start(20)
    record = worker.ask(task(leaves), 20)
    if leaves == "crash":
        assert record["failed"] == "the process has ended with 7"
    else:
        assert record["found"]
        worker.process.wait(20)
    assert worker.ask(task("work"), 20)["found"]
    assert worker.n_starts == 2


def test_an_answer_is_read_when_its_line_is_whole(worker):
    worker.start(20)
    assert worker.ask(task("half a line"), 20)["found"] == {"a": 3}


def test_a_process_that_cannot_begin_says_why(script, tmp_path):
    command = [sys.executable, "-S", "-c", "print('no such device'); raise SystemExit(3)"]
    worker = script("_gpu_watch").Worker(command, tmp_path)
    machine = worker.start(20)
    assert machine == {"failed": "the process has ended with 3", "log": "no such device\n"}
    assert worker.ask(task("work"), 20)["failed"].startswith("no process for it: the process has")


def results_in(script, folder, **machine):
    machine = {"card": "one", "torch": "2", **machine}
    return script("_gpu_results").Results(folder, machine, quick=True)


def cell(script, name, function="work", **settings):
    return script("_gpu_table").Cell(name, "", function, **settings)


def measured(script, worker, cells, results, seconds=20):
    script("gpu").measure(worker, None, cells, results, perf_counter() + seconds)
    return results.cells


def test_a_cell_that_fails_is_named_and_the_next_one_runs(script, worker, tmp_path):
    cells = [cell(script, "breaks", "crash"), cell(script, "works")]
    measured(script, worker, cells, results_in(script, tmp_path))
    raw = json.loads((tmp_path / "gpu.json").read_text())
    assert raw["cells"]["breaks"]["failed"] == "the process has ended with 7"
    assert raw["cells"]["works"]["found"]
    missing = (tmp_path / "gpu.md").read_text().split("## Not measured")[1]
    assert "- breaks: the process has ended with 7" in missing
    assert "works" not in missing


def test_the_budget_is_held_and_what_does_not_fit_is_named(script, worker, tmp_path):
    cells = [
        cell(script, "long", takes=100),
        cell(script, "hangs", "hang", takes=0.1, at_most=60),
        cell(script, "short", takes=0),
    ]
    worker.start(20)
    begun = perf_counter()
    found = measured(script, worker, cells, results_in(script, tmp_path), seconds=1)
    # Half a minute less than the cell's own bound; the machine may be busy.
    assert perf_counter() - begun < 30
    assert found["hangs"]["failed"].startswith("did not end within")
    assert found["long"]["failed"].startswith("no time left")
    # A bound of its own ends a cell before the budget does.
    cells = [cell(script, "hangs again", "hang", takes=0.1, at_most=0.5)]
    found = measured(script, worker, cells, results_in(script, tmp_path), seconds=60)
    assert perf_counter() - begun < 60
    assert found["hangs again"]["failed"].startswith("did not end within")


def test_images_are_asked_for_where_a_cell_needs_them(script, worker, tmp_path):
    cells = [cell(script, "training", needs_images=True)]
    found = measured(script, worker, cells, results_in(script, tmp_path))
    assert found["training"]["failed"] == "no --data"


@pytest.mark.parametrize("other", [None, "card", "torch", "code"])
def test_what_is_there_of_the_same_code_and_card_is_not_measured_again(
    script, worker, tmp_path, capsys, other
):
    cells = [cell(script, "works"), cell(script, "breaks", "crash")]
    first = measured(script, worker, cells, results_in(script, tmp_path))
    if other == "code":
        path = tmp_path / "gpu.json"
        path.write_text(path.read_text().replace(results_in(script, tmp_path).stamp["code"], "0"))
    again = results_in(script, tmp_path, **({other: "two"} if other in ("card", "torch") else {}))
    again.take(tmp_path)
    capsys.readouterr()
    second = measured(script, worker, cells, again)
    # What has failed is tried again in any case.
    assert "breaks: FAILED" in capsys.readouterr().out
    assert (second["works"] == first["works"]) == (other is None)


def test_results_of_another_form_are_left_alone(script, tmp_path):
    (tmp_path / "gpu.json").write_text('{"device": "NVIDIA H200", "cells": {"a": 1.5}}')
    results = results_in(script, tmp_path)
    results.take(tmp_path)
    results.take(tmp_path / "nowhere")
    assert results.cells == {}


def test_the_digest_is_that_of_names_and_texts(script, tmp_path):
    digest = script("_gpu_results").digest
    (tmp_path / "inner").mkdir()
    digests = set()
    for name, text in (("a.py", "x"), ("inner/b.py", ""), ("inner/b.py", "x"), ("c.txt", "x")):
        (tmp_path / name).write_text(text)
        digests.add(digest(tmp_path))
    assert len(digests) == 3
    (tmp_path / "inner" / "b.py").rename(tmp_path / "b.py")
    assert digest(tmp_path) not in digests
