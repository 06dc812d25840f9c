"""How Sphinx builds these pages; the figures are drawn at the start of each build."""

import sys
from inspect import isfunction
from pathlib import Path

from sphinx.application import Sphinx

import skensemble
from skensemble.nets import Net

HERE = Path(__file__).parent
NET_METHODS = ["fit", "partial_fit", "predict", "predict_proba"]

project = "skensemble"
author = "The skensemble developers"
copyright = author
version = release = skensemble.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
default_role = "py:obj"

html_theme = "pydata_sphinx_theme"
html_title = f"skensemble {version}"
html_theme_options = {"navbar_end": ["theme-switcher"], "footer_end": []}
html_show_sourcelink = False
html_sidebars = {"**": []}

autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_validation_checks = {"GL03", "GL05", "GL06", "GL07", "PR02", "PR05", "PR06", "PR10"}


def public_methods(cls: type) -> list[str]:
    """Names of the methods that a page shows: our own, of a net those that users call.

    A net inherits dozens of methods from skorch; they stand in skorch's own documentation.
    """
    if issubclass(cls, Net):
        return NET_METHODS
    own = [base for base in cls.__mro__ if base.__module__.startswith("skensemble.")]
    methods = {
        name for base in own for name, value in vars(base).items() if isfunction(value)
    }
    return sorted(name for name in methods if not name.startswith("_"))


autosummary_context = {
    "public_methods": {
        f"skensemble.{name}": public_methods(cls)
        for name, cls in vars(skensemble).items()
        if isinstance(cls, type)
    }
}


def draw_figures(app: Sphinx) -> None:
    """Draw the figures that the pages show."""
    sys.path.insert(0, str(HERE))
    import figures

    figures.draw_all(HERE / "figures")


def setup(app: Sphinx) -> None:
    """Hook the drawing of figures to the start of a build."""
    app.connect("builder-inited", draw_figures)
