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


METHODS = ["methods_letter", "methods_digits", "methods_california"]
TABLES = ["speed", "search", "defaults", *METHODS]


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_the_raw_results(name):
    text = README.read_text()
    shown = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, flags=re.DOTALL)[1]
    _heading, written = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text().split("\n", 1)
    assert shown.strip() == written.strip()


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md"):
        named = set(
            re.findall(r"(?:`|\$ |^)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE)
        )
        assert named <= targets, page
