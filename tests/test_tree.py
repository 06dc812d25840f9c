"""`tests/` mirrors the package."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "skensemble"
WITHOUT_LOGIC = {"_typing.py", "_version.py"}
MODULES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.name not in {"__init__.py"} | WITHOUT_LOGIC
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_a_test_file_of_its_name(module):
    assert (TESTS / module.parent / f"test_{module.stem.removeprefix('_')}.py").is_file()


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.name)
def test_test_files_stay_under_300_lines(path):
    assert len(path.read_text().splitlines()) < 300
