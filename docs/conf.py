"""How Sphinx builds these pages; the figures are drawn at the start of each build."""

import os
import sys
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from typing import TYPE_CHECKING

import skensemble
from skensemble.nets import Net

if TYPE_CHECKING:
    # pytest imports this file too, where Sphinx need not be installed.
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
GENERATED = HERE / "api" / "generated"
NET_METHODS = ["fit", "partial_fit", "predict", "predict_proba"]
GALLERY = ["start", "trust", "choose", "inside"]
"""Folders of `examples/gallery`, in the order of the page *Examples*."""
LISTED = {
    "ensembles": "skensemble",
    "schedules": "skensemble.schedules",
    "metrics": "skensemble.metrics",
    "weighting": "skensemble.weighting",
    "displays": "skensemble.displays",
    "weight_space": "skensemble.weight_space",
    "datasets": "skensemble.datasets",
}
"""Modules whose `__all__` is a list of the page *API*, and where users import it from."""

project = "skensemble"
author = "The skensemble developers"
copyright = author
version = release = skensemble.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "mathml",
]
exclude_patterns = ["_build", "_ext", "examples/*.ipynb", "examples/*.py"]
templates_path = ["_templates"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
html_math_renderer = "mathml"
myst_heading_anchors = 3
default_role = "py:obj"
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = f"skensemble {version}"
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    # So many entries fit the header of a laptop; narrower screens have them behind a button.
    "header_links_before_dropdown": 6,
    # A class is the second level of its page, and its methods are the third.
    "show_toc_level": 3,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "tables", "measured", "search", "genindex")}

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "examples",
    "subsection_order": [f"../examples/gallery/{name}" for name in GALLERY],
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    # What an example prints is shown; what its last line returns, mostly artists, is not.
    "capture_repr": (),
    "image_srcset": ["2x"],
    "reset_modules": ("matplotlib", "gallery_style.apply"),
}

autodoc_typehints = "none"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
# Sections and parameters as numpydoc has them: what a page would show wrongly is an error.
numpydoc_validation_checks = {
    *("GL03", "GL05", "GL06", "GL07", "SS02", "SS03"),
    *("PR01", "PR02", "PR05", "PR06", "PR08", "PR09", "PR10", "RT01", "YD01"),
}
# What a named tuple holds are attributes, although its constructor takes them.
numpydoc_validation_exclude = {
    *(r"\.UncertaintyParts$", r"\.NoiseAndSpread$", r"\.CalibrationBins$", r"\.ImageData$"),
}


def public_methods(cls: type) -> list[str]:
    """Names of the methods that a page shows: our own, of a net those that users call.

    A net inherits dozens of methods from skorch; they stand in skorch's own documentation.
    """
    if issubclass(cls, Net):
        return NET_METHODS
    own = [base for base in cls.__mro__ if base.__module__.startswith("skensemble.")]
    methods = {
        name
        for base in own
        for name, value in vars(base).items()
        if isfunction(value) or isinstance(value, classmethod)
    }
    return sorted(name for name in methods if not name.startswith("_"))


autosummary_context = {
    "public_methods": {
        f"{home}.{name}": public_methods(cls)
        for home in {"skensemble", "skensemble.preprocessing", *LISTED.values()}
        for name, cls in vars(import_module(home)).items()
        if isinstance(cls, type)
    }
}


def draw_figures(app: "Sphinx") -> None:
    """Draw the figures that the pages show."""
    sys.path.insert(0, str(HERE))
    import figures

    figures.draw_all(HERE / "figures")


def show_letters(app: "Sphinx", config: object) -> None:
    """Let the example of letters find them where the data of the benchmarks is there."""
    data = Path(os.environ.get("SKENSEMBLE_DATA", HERE.parents[1] / "shared" / "data"))
    letters = data / "letter.csv.xz"
    if letters.is_file():
        os.environ.setdefault("SKENSEMBLE_LETTERS", str(letters.resolve()))


def list_names(app: "Sphinx") -> None:
    """Write the lists that `api.rst` includes, and the pages that they link to.

    autosummary looks for its lists in sources alone, not in what they include.
    """
    from sphinx.ext.autosummary.generate import generate_autosummary_docs

    GENERATED.mkdir(parents=True, exist_ok=True)
    for part, home in LISTED.items():
        names = import_module(f"skensemble.{part}").__all__
        options = "   :toctree: api/generated\n   :nosignatures:\n"
        entries = "".join(f"   {name}\n" for name in names)
        text = f".. currentmodule:: {home}\n\n.. autosummary::\n{options}\n{entries}"
        file = GENERATED / f"{part}.txt"
        file.write_text(text)
        generate_autosummary_docs([str(file)], output_dir=str(GENERATED), app=app)


def close_fences(app: "Sphinx", page: str, source: list[str]) -> None:
    """Take out the empty line before a closing fence, which is there for doctest's sake."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


def setup(app: "Sphinx") -> None:
    """Hook what is done at the start of a build and on reading a page."""
    app.connect("config-inited", show_letters)
    app.connect("builder-inited", draw_figures)
    app.connect("builder-inited", list_names)
    app.connect("source-read", close_fences)
