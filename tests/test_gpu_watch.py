"""What runs the cells of the GPU benchmark: a cell that hangs or breaks off costs only itself."""

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
        answers.write('{"ended": {"found"')
        answers.flush()
        time.sleep(0.1)
        answers.write(': 3}}\\n')
        answers.flush()
        continue
    answer(ended={"found": os.getpid(), "seconds": 0.5})
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
    assert first["found"] == second["found"] != os.getpid()
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
    assert worker.ask(task("half a line"), 20)["found"] == 3


def test_a_process_that_cannot_begin_says_why(script, tmp_path):
    command = [sys.executable, "-S", "-c", "print('no such device'); raise SystemExit(3)"]
    worker = script("_gpu_watch").Worker(command, tmp_path)
    machine = worker.start(20)
    assert machine == {"failed": "the process has ended with 3", "log": "no such device\n"}
    assert worker.ask(task("work"), 20)["failed"].startswith("no process for it: the process has")
