"""Who may import whom: the order of the packages, their doors, and the libraries they may use."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import skensemble

ROOT = Path(skensemble.__file__).parent

ORDER = [
    {"_checks", "_interrupts", "_typing", "_version", "_warn"},
    {"_arguments", "_arrays"},
    {"augmentation", "averaging", "device", "modules", "schedules", "weight_space", "weighting"},
    {"data", "seeding"},
    {"metrics", "nets", "preprocessing"},
    {"members"},
    {"training"},
    {"lockstep", "posteriors"},
    {"ensembles"},
    {"datasets", "displays", "model_selection"},
    {"__init__"},
]
"""From the bottom up. A part imports from the rows above its own here, and not from its own row."""

FOR_ALL = ORDER[0] | ORDER[1]
"""Parts that all others may use; the page on architecture leaves them out."""

MAY_IMPORT = {
    "PIL": {"datasets"},
    "joblib": {"ensembles", "model_selection"},
    "matplotlib": {"displays"},
    "numpy": {"_arrays", "_typing", "averaging", "data", "datasets", "device", "displays"}
    | {
        "ensembles",
        "lockstep",
        "members",
        "metrics",
        "model_selection",
        "modules",
        "nets",
        "posteriors",
    }
    | {"preprocessing", "seeding", "training", "weight_space", "weighting"},
    "scipy": {"data", "datasets", "ensembles", "lockstep", "metrics", "preprocessing"},
    "sklearn": {"data", "displays", "ensembles", "lockstep", "metrics", "model_selection", "nets"}
    | {"preprocessing", "seeding"},
    "skorch": {"data", "ensembles", "lockstep", "members", "nets", "posteriors", "seeding"}
    | {"training"},
    "torch": {
        "augmentation",
        "data",
        "device",
        "ensembles",
        "lockstep",
        "members",
        "modules",
        "nets",
    }
    | {"posteriors", "seeding", "training"},
}
"""Which parts import a library; what is not named here is imported by none."""

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (resolved(node.module, alias.name) for alias in node.names)


def resolved(module: str, name: str) -> str:
    """Return the module that ``from module import name`` imports: the name may be one itself."""
    path = ROOT.parent / Path(*module.split("."), name)
    is_module = path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
    return f"{module}.{name}" if module.startswith("skensemble") and is_module else module


def module_of(path: Path) -> str:
    parts = [part for part in path.with_suffix("").parts if part != "__init__"]
    return ".".join(["skensemble", *parts])


def part_of(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]


def row_of(part: str) -> int:
    return next(row for row, parts in enumerate(ORDER) if part in parts)


def own_imports(path: Path) -> set[str]:
    return {name for name in imported_modules(path) if name.split(".")[0] == "skensemble"}


def test_the_order_names_the_parts_that_there_are_and_no_others():
    there = {part_of(module_of(path)) for path in FILES}
    assert set().union(*ORDER) == there
    assert sum(map(len, ORDER)) == len(there)
    assert set().union(*MAY_IMPORT.values()) <= there


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_part_imports_from_rows_above_its_own_only(path):
    part = part_of(module_of(path))
    for name in own_imports(path):
        other = part_of(name)
        assert other == part or row_of(other) < row_of(part), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_packages_are_entered_by_their_doors(path):
    """No module imports an underscore module of another package."""
    for name in own_imports(path):
        _, other, *inside = [*name.split("."), "__init__"]
        is_private = any(step.startswith("_") and step != "__init__" for step in inside)
        assert other == part_of(module_of(path)) or not is_private, f"{path} imports {name}"


def test_no_module_imports_itself_by_way_of_others():
    graph = {module_of(path): own_imports(path) for path in FILES}
    done: set[str] = set()

    def visit(module, way):
        assert module not in way, " -> ".join([*way, module])
        if module not in done:
            for other in graph[module]:
                visit(other, [*way, module])
            done.add(module)

    for module in graph:
        visit(module, [])


@pytest.mark.parametrize("path", FILES, ids=str)
def test_each_library_stays_in_its_parts(path):
    for name in imported_modules(path):
        library = name.split(".")[0]
        if library != "skensemble" and library not in sys.stdlib_module_names:
            allowed = MAY_IMPORT.get(library, set())
            assert part_of(module_of(path)) in allowed, f"{path} imports {name}"


def test_each_part_that_may_import_a_library_does():
    for library, parts in MAY_IMPORT.items():
        users = {
            part_of(module_of(path))
            for path in FILES
            if library in {name.split(".")[0] for name in imported_modules(path)}
        }
        assert users == parts, library


def test_the_page_on_architecture_lists_who_imports_whom():
    page = (ROOT.parent / "docs" / "architecture.md").read_text()
    listed = re.search(r"<!-- imports -->\n```text\n(.*?)```", page, flags=re.DOTALL)[1]
    shown: dict[str, set[str]] = {}
    for line in listed.splitlines():
        parts, _, others = line.partition("<-")
        shown |= {
            part.strip(): set(others.replace(" ", "").split(",")) for part in parts.split(",")
        }
    graph: dict[str, set[str]] = {part: set() for part in set().union(*ORDER) - FOR_ALL}
    for path in FILES:
        if (part := part_of(module_of(path))) in graph:
            graph[part] |= {part_of(name) for name in own_imports(path)} - FOR_ALL - {part}
    assert {part: others - {""} for part, others in shown.items()} == graph


METHODS = [path for path in FILES if path.parts[:2] == ("ensembles", "methods")]
BUILT_OF_ENSEMBLES = [
    path
    for path in FILES
    if path.parts[0] == "ensembles" and path.parts[1] in ("cross_fitted", "tabular")
]


def test_methods_do_not_import_each_other():
    methods = {module_of(path) for path in METHODS if path.name != "__init__.py"}
    assert "skensemble.ensembles.methods._snapshot" in methods
    for path in METHODS:
        if path.name != "__init__.py":
            assert not methods & own_imports(path), f"{path} imports a sibling"


def test_the_life_cycle_knows_no_method():
    for path in FILES:
        is_above = path in METHODS + BUILT_OF_ENSEMBLES
        is_life_cycle = path.parts[0] == "ensembles" and not is_above
        if is_life_cycle and path.name != "__init__.py":
            assert not any("methods" in name for name in own_imports(path)), path


def test_methods_know_nothing_of_what_is_built_of_them():
    for path in METHODS:
        names = own_imports(path)
        assert not any("cross_fitted" in name or "tabular" in name for name in names), path


def test_training_and_posteriors_know_nothing_of_lock_step():
    for path in FILES:
        if path.parts[0] in ("training", "posteriors"):
            assert "lockstep" not in {part_of(name) for name in own_imports(path)}


def test_import_loads_no_matplotlib_and_no_pillow():
    code = (
        "import sys, skensemble.displays, skensemble.datasets; "
        "sys.exit(bool({'matplotlib', 'PIL'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_public_module_is_an_attribute_of_the_package():
    """Also those that are not imported with it: the first to ask gets them."""
    code = """
import sys, skensemble
assert "skensemble.displays" not in sys.modules
for name in sys.argv[1:]:
    assert name in dir(skensemble), name
    assert getattr(skensemble, name) is sys.modules[f"skensemble.{name}"]
assert not hasattr(skensemble, "display")
"""
    names = {part for part in set().union(*ORDER) if not part.startswith("_")}
    command = [sys.executable, "-c", code, *sorted(names)]
    assert subprocess.run(command).returncode == 0


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_stay_under_300_lines(path):
    assert len((ROOT / path).read_text().splitlines()) < 300
