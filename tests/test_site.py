"""What `make docs` builds, without building it."""

import ast
import importlib
import importlib.util
import inspect
import os
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
GALLERY = sorted((ROOT / "examples" / "gallery").glob("*/plot_*.py"))
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))


def load(name):
    """Import a module of the folder docs, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_links = load("check_links")


def stated_numbers(text):
    """Give, of each paragraph with a note of its sources, its numbers and these files."""
    for note in re.finditer(r"<!-- numbers of ([^>]*?) -->", text):
        before = text[: note.start()].rstrip()
        paragraph = before[max(before.rfind("\n\n"), before.rfind("-->"), 0) :]
        numbers = re.findall(r"\d{1,3}(?:,\d{3})+|\d+\.\d+", re.sub(r"`[^`]*`", "", paragraph))
        yield numbers, note[1].split(", ")


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.name)
def test_numbers_of_the_guide_are_those_of_the_raw_results(page):
    for numbers, files in stated_numbers(page.read_text()):
        assert numbers
        raw = "".join((RESULTS / name).read_text() for name in files)
        assert not [number for number in numbers if number not in raw], files


def test_a_number_that_no_file_has_is_found():
    text = "Before: 0.1.\n\nIt is 0.5 of 1,000.\n<!-- numbers of a.md, b.md -->\n- 0.7\n"
    text += "<!-- numbers of c.md -->\n\n| 0.9 |\n\n<!-- numbers of d.md -->\n\nAfter: 2.2.\n"
    assert list(stated_numbers(text)) == [
        (["0.5", "1,000"], ["a.md", "b.md"]),
        (["0.7"], ["c.md"]),
        (["0.9"], ["d.md"]),
    ]


def test_the_gain_on_the_front_page_is_that_of_the_raw_results():
    single, mean = load("figures").letter_scores()
    assert len(single) == len(mean) == 8
    ratios = [after / before for before, after in zip(single, mean, strict=True)]
    (shown,) = re.findall(r"(\d+)&nbsp;% lower log-loss", (ROOT / "docs" / "index.md").read_text())
    assert round(100 * (1 - sum(ratios) / 8)) == int(shown)


@pytest.mark.parametrize(
    "name",
    [
        "averaging",
        "datasets",
        "displays",
        "ensembles",
        "metrics",
        "model_selection",
        "modules",
        "nets",
    ]
    + ["preprocessing", "schedules", "weight_space", "weighting"],
)
def test_first_lines_of_the_api_stand_by_themselves(name):
    """A list shows them without their references, and ends them at a full stop and a space."""
    module = importlib.import_module(f"skensemble.{name}")
    shown = getattr(module, "__all__", [part for part in vars(module) if part[0] != "_"])
    docs = [inspect.getdoc(getattr(module, part)) or "" for part in shown]
    assert not [doc for doc in docs if "]_" in doc.split("\n\n")[0] or ". " in doc.split("\n")[0]]


def test_there_are_a_dozen_examples():
    assert len(GALLERY) >= 12


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_an_example_is_short_and_has_a_title_a_text_and_a_picture(path):
    text = path.read_text()
    title, line, empty, *words = ast.get_docstring(ast.parse(text)).splitlines()
    assert set(line) == {"="}
    assert len(line) == len(title)
    assert not empty
    assert 20 <= len(" ".join(words).split()) <= 120
    assert "plt.show()" in text or ".plot(" in text
    after = text.split('"""\n', 2)[2]
    code = [row for row in after.splitlines() if row.strip() and not row.startswith("#")]
    assert len(code) <= 60


@pytest.mark.parametrize("is_there", [True, False])
def test_the_built_page_shows_letters_where_they_are(is_there, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("SKENSEMBLE_DATA", str(tmp_path))
    # What is set below is taken back at the end.
    monkeypatch.setenv("SKENSEMBLE_LETTERS", "")
    monkeypatch.delenv("SKENSEMBLE_LETTERS")
    if is_there:
        (tmp_path / "letter.csv.xz").touch()
    conf = load("conf")
    conf.show_letters(None, None)
    expected = str(tmp_path / "letter.csv.xz") if is_there else None
    assert os.environ.get("SKENSEMBLE_LETTERS") == expected


def test_what_the_example_says_of_letters_is_in_the_raw_result():
    text = (ROOT / "examples" / "gallery" / "start" / "plot_letters.py").read_text()
    raw = (RESULTS / "letter.txt").read_text().split("seed 1")[0]
    mean, last, single = re.findall(r"0\.\d{4}", text)
    for name, score in (("mean of 6", mean), ("last of 6", last), ("single net", single)):
        assert re.search(rf"^{name}.* {score}\b", raw, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["start/plot_blobs.py", "start/plot_schedules.py"])
def test_an_example_runs_without_a_warning(name, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    runpy.run_path(str(ROOT / "examples" / "gallery" / name), run_name="__main__")
    assert shown[0].axes
    plt.close("all")


@pytest.fixture
def site(tmp_path):
    """A site of two pages whose links are all good."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="sub/b.html#there">b</a>')
    (tmp_path / "sub" / "b.html").write_text(
        '<p id="there"><a href="../a.html#top">a</a><a href="https://example.org">out</a>'
        '<img src="../a.html" srcset="../a.html, b.html 2x"><a href="#there">here</a>'
    )
    return tmp_path


def test_a_site_without_faults_has_none(site):
    assert check_links.faults_of(site) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("../a.html#top", "../a.html#bottom", "no such place on the page: ../a.html#bottom"),
        ("#there", "#nowhere", "no such place on the page: #nowhere"),
        ("../a.html#top", "../c.html", "no such file: ../c.html"),
        ("b.html 2x", "c.html 2x", "no such file: c.html"),
        ("../a.html#top", "../sub", "no such file: ../sub"),
        ("<a ", '<link href="https://example.org/a.css"><a ', "loaded from the network: https"),
        ('src="../a.html"', 'src="//example.org/a.js"', "loaded from the network: //example.org"),
    ],
)
def test_a_fault_of_a_site_is_named(site, old, new, fault):
    page = site / "sub" / "b.html"
    page.write_text(page.read_text().replace(f'"{old}"', f'"{new}"').replace(old, new))
    faults = check_links.faults_of(site)
    assert faults
    assert all(line.startswith(f"sub/b.html: {fault}") for line in faults)


def test_a_sheet_that_loads_from_the_network_is_a_fault(site):
    (site / "x.css").write_text("@font-face {src: url('https://example.org/font.woff')}")
    (fault,) = check_links.faults_of(site)
    assert fault.startswith("x.css: loaded from the network")


def test_addresses_are_unquoted_and_data_and_named_places_are_there(site):
    (site / "c d.html").write_text(
        '<a name="é">c</a><img src="data:image/png;base64,AA"><a href="c%20d.html#%C3%A9">here</a>'
    )
    # What a theme brings is not ours to mend.
    (site / "_static").mkdir()
    (site / "_static" / "x.html").write_text('<a href="nowhere.html">x</a>')
    assert check_links.faults_of(site) == []


@pytest.mark.parametrize(("text", "status"), [("a", 0), ('<a href="c.html">c</a>', 1)])
def test_a_fault_fails_the_check(tmp_path, monkeypatch, capsys, text, status):
    (tmp_path / "a.html").write_text(text)
    monkeypatch.setattr(sys, "argv", ["check_links.py", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "docs" / "check_links.py"), run_name="__main__")
    assert ended.value.code == status
    assert ("no such file: c.html" if status else "1 pages: every link") in capsys.readouterr().out


def test_formulas_are_mathml_in_a_line_or_on_their_own():
    pytest.importorskip("sphinx")
    pytest.importorskip("latex2mathml")
    mathml = load("_ext/mathml")
    writer = SimpleNamespace(body=[])
    for visit, kind in ((mathml.visit_math, "math"), (mathml.visit_displaymath, "math_block")):
        node = getattr(mathml.nodes, kind)("", "x")
        with pytest.raises(mathml.nodes.SkipNode):
            visit(writer, node)
    line, block = writer.body
    assert 'display="inline"' in line
    assert 'display="block"' in block
    with pytest.raises(mathml.ExtensionError, match=r"cannot turn into MathML: \\nonsense"):
        mathml.to_mathml(r"\nonsense{x}", "inline")


def test_pictures_of_the_gallery_have_the_colours_of_displays():
    mpl = pytest.importorskip("matplotlib")
    from skensemble.displays._style import COLOURS

    with mpl.rc_context():
        load("_ext/gallery_style").apply({}, "an example")
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == COLOURS
