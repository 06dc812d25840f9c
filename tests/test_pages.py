import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page.relative_to(ROOT)
    for folder in (".", "docs", "docs/adr", "docs/guide", "benchmarks", "mutants")
    for page in (ROOT / folder).glob("*.md")
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_lines_fit_the_width_of_the_code(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    # Tables come from scripts, and a link cannot be broken.
    prose = [
        line for line in text.splitlines() if not line.lstrip().startswith("|") and "](" not in line
    ]
    copied = ("Settings: ", "Machine and versions: ", "- KFAC-Laplace, ", "Scores are held-out")
    assert not [line for line in prose if len(line) > 100 and not line.startswith(copied)]


TABLES = (
    "speed",
    "search",
    "defaults",
    "chosen",
    "methods",
    "methods_letter",
    "methods_letter_no_decay",
    "methods_digits",
    "methods_california",
    "cross_fitting",
    "tables",
    "table_sizes",
    "table_groups",
    "table_speed",
    "table_intervals",
    "weight_space",
    "cifar_wrn_10_2",
)


@pytest.mark.parametrize("name", TABLES)
def test_measured_tables_are_those_of_the_raw_results(name):
    pages = {
        "methods": "methods.md",
        "weight_space": "weight_space.md",
        "cifar_wrn_10_2": "images.md",
    }
    page = pages.get(name, "measured.md")
    text = (ROOT / "docs" / page).read_text()
    shown = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, flags=re.DOTALL)[1]
    _heading, written = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text().split("\n", 1)
    assert shown.strip() == written.strip()


def test_the_table_of_the_papers_figures_is_that_of_the_raw_results():
    text = (ROOT / "docs" / "paper_figures.md").read_text()
    shown = re.search(r"<!-- paper_figures -->\n(.*?)<!-- /paper_figures -->", text, re.DOTALL)[1]
    results = ROOT / "benchmarks" / "results" / "paper_figures.md"
    _heading, written = results.read_text().split("\n", 1)
    assert shown.strip() == written.strip()
