import re
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def code_blocks():
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", README.read_text(), flags=re.DOTALL | re.M)
    return [dedent(code) for _, code in blocks]


def test_the_first_use_runs_and_has_ten_lines(capsys):
    first = code_blocks()[0]
    lines = [line for line in first.splitlines() if line.strip()]
    assert len(lines) <= 10
    exec(compile(first, "README.md", "exec"), {})
    assert float(capsys.readouterr().out.split()[-1]) > 0.9


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_all_code_runs():
    names = {}
    for block in code_blocks():
        exec(compile(block, "README.md", "exec"), names)


def test_the_table_of_letters_is_that_of_its_raw_results():
    shown = re.search(r"<!-- letter -->\n(.*?)<!-- /letter -->", README.read_text(), re.DOTALL)[1]
    rows = [line.strip("| ").split(" | ") for line in shown.strip().splitlines()[2:]]
    raw = (ROOT / "benchmarks" / "results" / "letter.txt").read_text()
    written = [re.split(r"  +", line)[:3] for line in raw.splitlines()[3:6]]
    assert raw.startswith("seed 0\n")
    assert rows == written


def test_a_newcomer_reads_it_in_five_minutes():
    assert len(README.read_text().splitlines()) <= 200


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md"):
        named = set(
            re.findall(r"(?:`|\$ |^)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE)
        )
        assert named <= targets, page
