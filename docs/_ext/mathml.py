"""Formulas as MathML, which browsers draw by themselves: no script, no network, no TeX."""

from typing import TYPE_CHECKING

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

__all__ = ["setup"]


def to_mathml(latex: str, display: str) -> str:
    """Turn a formula into a ``math`` element.

    Parameters
    ----------
    latex : str
        The formula, without dollar signs.
    display : {"inline", "block"}
        Whether it stands in a line, or in a line of its own.

    Returns
    -------
    mathml : str

    Raises
    ------
    ExtensionError
        If a command is none that the converter knows: it would leave it in the page as text.
    """
    mathml = convert(latex, display=display)
    if "\\" in mathml:
        raise ExtensionError(f"cannot turn into MathML: {latex}")
    return mathml


def visit_math(writer: "HTML5Translator", node: nodes.math) -> None:
    """Write a formula that stands in a line."""
    writer.body.append(to_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_displaymath(writer: "HTML5Translator", node: nodes.math_block) -> None:
    """Write a formula that has a line of its own; a narrow screen scrolls it."""
    writer.body.append(f'<div class="formula">{to_mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: "Sphinx") -> dict[str, bool]:
    """Offer the renderer to ``html_math_renderer``."""
    inline, block = (visit_math, None), (visit_displaymath, None)
    app.add_html_math_renderer("mathml", inline_renderers=inline, block_renderers=block)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
