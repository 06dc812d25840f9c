"""What a notebook shows of an ensemble, within scikit-learn's own display."""

import html
from typing import Any

import numpy as np

from skensemble.nets import one_line, told

MOST_ROWS = 12
"""Members in the table: of more of them, the first and the last ones."""

WIDTH, HEIGHT, RADIUS = 320, 48, 3
"""Of the sparkline, and of the dots in it, in pixels."""


class ShowsItself:
    """Mixin: one line for `repr`, and a block of HTML with the net, the members and the rates."""

    def __repr__(self, N_CHAR_MAX: int | None = None) -> str:
        # The argument is scikit-learn's, for its tests.
        return one_line(self)  # type: ignore[arg-type]

    def _sk_visual_block_(self) -> Any:
        """Return one block, with the net as a line in it and not as a box of its own.

        Raises
        ------
        ImportError
            If scikit-learn has its private class elsewhere; it then shows a block of its own.
        """
        from sklearn.utils._repr_html.estimator import _VisualBlock

        name = type(self).__name__
        caption = self._net_in_one_line()
        return _VisualBlock("single", self, names=name, name_details="", name_caption=caption)

    def _net_in_one_line(self) -> str | None:
        if "estimator" not in self.get_params(deep=False):  # type: ignore[attr-defined]
            return None
        net = self.estimator  # type: ignore[attr-defined]
        return f"{self._default_net.__name__}()" if net is None else told(net)  # type: ignore[attr-defined]

    def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
        """Return the table of the ensemble's own parameters, without those of its net."""
        return super()._get_params_html(False, doc_link)  # type: ignore[misc]

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """Return the fitted attributes, with the members and the learning rate before them."""
        attributes = super()._get_fitted_attr_html(doc_link)  # type: ignore[misc]
        return Below(summary_html(self), attributes)


class Below:
    """A table of scikit-learn's with HTML above it.

    Parameters
    ----------
    above : str
        HTML.
    table : object
        What `_get_fitted_attr_html` of an estimator returns.
    """

    def __init__(self, above: str, table: Any) -> None:
        self.above = above
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def _repr_html_inner(self) -> str:
        return self.above + self.table._repr_html_inner()


def summary_html(ensemble: Any) -> str:
    """Write the members and the learning rate of a fitted ensemble as HTML without scripts.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Fitted.

    Returns
    -------
    text : str
    """
    n_members = len(ensemble.members_)
    columns = {"weight": [f"{weight:.3g}" for weight in getattr(ensemble, "weights_", ())]}
    columns["after step"] = [f"{step:,}" for step in getattr(ensemble, "member_steps_", ())]
    scores = getattr(ensemble, "validation_scores_", ())
    columns["score of the mean so far"] = [f"{score:.4g}" for score in scores]
    columns = {name: cells for name, cells in columns.items() if len(cells) == n_members}
    plural = "" if n_members == 1 else "s"
    title = f"{n_members} member{plural}, {ensemble.n_steps_:,} steps"
    return (
        '<div class="estimator-table"><details open>'
        f"<summary>{title}</summary>{sparkline(ensemble)}"
        f'<table class="parameters-table"><tbody>{_rows(columns, n_members)}</tbody></table>'
        "</details></div>"
    )


def _rows(columns: dict[str, list[str]], n_members: int) -> str:
    """Write a row for each member, or for the first and the last ones of many."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("member", *columns))
    rows = [f"<tr>{head}</tr>"]
    shown: list[int | None] = list(range(n_members))
    if n_members > MOST_ROWS:
        half = MOST_ROWS // 2
        shown = [*range(half), None, *range(n_members - half, n_members)]
    for k in shown:
        cells = [str(k + 1), *(cells[k] for cells in columns.values())] if k is not None else ["…"]
        cells += [""] * (1 + len(columns) - len(cells))
        row = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr class="default">{row}</tr>')
    return "".join(rows)


def sparkline(ensemble: Any) -> str:
    """Draw the learning rate over the steps, with a dot for each member, as inline SVG.

    It has the colour of the text, and so suits a light page and a dark one.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Fitted.

    Returns
    -------
    text : str
    """
    rates = np.asarray(ensemble.learning_rates_, dtype=np.float64)
    steps = np.unique(getattr(ensemble, "member_steps_", np.array([], int)))
    steps = steps[(steps >= 1) & (steps <= len(rates))]
    at = np.unique(np.r_[np.linspace(0, len(rates) - 1, WIDTH).astype(int), steps - 1])
    # A dot is not to be cut in half.
    across = RADIUS + (WIDTH - 2 * RADIUS) * np.arange(len(rates)) / max(len(rates) - 1, 1)
    down = HEIGHT - RADIUS - (HEIGHT - 2 * RADIUS) * rates / (rates.max() or 1.0)
    line = " ".join(f"{across[k]:.1f},{down[k]:.1f}" for k in at)
    dots = "".join(
        f'<circle cx="{across[k]:.1f}" cy="{down[k]:.1f}" r="{RADIUS}" fill="currentColor"/>'
        for k in steps - 1
    )
    told_of = f"Learning rate, {rates.max():.3g} at most, over {len(rates):,} steps"
    return (
        f'<svg role="img" aria-label="{told_of}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" style="display: block; margin: 0.5em 0">'
        f"<title>{told_of}</title>"
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f"{dots}</svg>"
    )
