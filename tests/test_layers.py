import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skensemble

ROOT = Path(skensemble.__file__).parent

LAYERS = [
    {"_typing", "_checks", "_version"},
    {"schedules", "averaging", "modules"},
    {"metrics", "nets"},
    {"weighting", "members", "training", "posteriors"},
    {"ensembles"},
    {"model_selection", "displays", "persistence", "datasets"},
    {"__init__"},
]

ALLOWED_OUTSIDE = {
    "torch": {"modules", "nets", "members", "training", "posteriors", "ensembles", "persistence"},
    "skorch": {"nets", "members", "training", "posteriors", "ensembles"},
    "matplotlib": {"displays"},
}

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def imported_modules(path):
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module


def part_of(path):
    return Path(path).with_suffix("").parts[0]


def layer_of(part):
    return next(depth for depth, parts in enumerate(LAYERS) if part in parts)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_go_down_only(path):
    part = part_of(path)
    for name in imported_modules(path):
        if name.startswith("skensemble"):
            other = (name.split(".") + ["__init__"])[1]
            is_inside = other == part
            assert is_inside or layer_of(other) <= layer_of(part), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_each_library_stays_in_its_parts(path):
    for name in imported_modules(path):
        allowed = ALLOWED_OUTSIDE.get(name.split(".")[0])
        assert allowed is None or part_of(path) in allowed, f"{path} imports {name}"


def test_sibling_methods_do_not_import_each_other():
    # The package's front door imports the methods and nothing else.
    methods = set(imported_modules("ensembles/__init__.py"))
    assert "skensemble.ensembles._snapshot" in methods
    for method in methods:
        path = Path(*method.split(".")[1:]).with_suffix(".py")
        assert not methods & set(imported_modules(path)), f"{path} imports a sibling"


def test_import_loads_no_matplotlib():
    code = "import sys, skensemble; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_stay_under_300_lines(path):
    assert len((ROOT / path).read_text().splitlines()) < 300
