"""What a notebook shows: one block with a line for the net, a table of members and a curve."""

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    TabularSnapshotClassifier,
)
from skensemble.ensembles._html import HEIGHT, RADIUS, WIDTH, sparkline, summary_html
from skensemble.weight_space import with_members
from tests.ensembles.conftest import halves

NET = NetClassifier(max_epochs=20)


@pytest.mark.parametrize(
    ("ensemble", "text"),
    [
        (SnapshotEnsembleClassifier(), "SnapshotEnsembleClassifier()"),
        (
            SnapshotEnsembleClassifier(NET, M=2),
            "SnapshotEnsembleClassifier(M=2, estimator=NetClassifier(max_epochs=20))",
        ),
        (
            CrossFittedEnsembleClassifier(SnapshotEnsembleClassifier(nn.Linear)),
            "CrossFittedEnsembleClassifier(estimator=SnapshotEnsembleClassifier(estimator=Linear))",
        ),
        (TabularSnapshotClassifier(n_nets=2), "TabularSnapshotClassifier(n_nets=2)"),
    ],
)
def test_an_ensemble_is_one_line_of_what_is_set(ensemble, text):
    assert repr(ensemble) == str(ensemble) == text


def test_an_ensemble_is_one_line_in_what_holds_it_and_after_a_fit(make_classifier, iris):
    ensemble = SnapshotEnsembleClassifier(NET, M=2).fit(*iris)
    line = "SnapshotEnsembleClassifier(M=2, estimator=NetClassifier(max_epochs=20))"
    assert repr(ensemble) == line
    assert line in repr(make_pipeline(StandardScaler(), ensemble))
    assert line in repr(GridSearchCV(ensemble, {"M": [2]}))


def block_of(estimator):
    """Give the HTML of an estimator, without styles and scripts of scikit-learn."""
    text = estimator_html_repr(estimator)
    return re.sub(r"<style>.*?</style>|<script>.*?</script>", "", text, flags=re.DOTALL)


def test_the_net_is_a_line_and_no_box_of_its_own():
    block = block_of(SnapshotEnsembleClassifier(NET, M=2))
    assert '<div class="caption">NetClassifier(max_epochs=20)</div>' in block
    # scikit-learn has one such label for each box.
    assert block.count("<label") == 1
    assert "estimator__lr" not in block
    assert "<svg" not in block
    assert '<div class="caption">NetClassifier()</div>' in block_of(SnapshotEnsembleClassifier())
    assert "caption" not in block_of(TabularSnapshotClassifier())


def test_without_its_private_class_scikit_learn_shows_a_block_of_its_own(monkeypatch):
    ensemble = SnapshotEnsembleClassifier(NET, M=2)
    assert "caption" in block_of(ensemble)
    monkeypatch.setitem(sys.modules, "sklearn.utils._repr_html.estimator", None)
    block = block_of(ensemble)
    assert "SnapshotEnsembleClassifier" in block
    assert "caption" not in block


def test_the_import_needs_no_private_class_of_scikit_learn():
    code = """
import skorch, sklearn.compose, sklearn.ensemble, sklearn.preprocessing, sys
sys.modules["sklearn.utils._repr_html.estimator"] = None
import skensemble
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_escaped():
    class Odd(nn.Module):
        """A module of an odd name."""

    Odd.__name__ = "<b>&"
    block = block_of(SnapshotEnsembleClassifier(Odd))
    assert '<div class="caption">&lt;b&gt;&amp;</div>' in block
    assert "<b>&<" not in block


def cells_of(block):
    """Give the cells of the table of members, row by row."""
    table = re.search(r'<table class="parameters-table">.*?</table>', block, flags=re.DOTALL)[0]
    rows = ET.fromstring(table).iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_the_table_has_a_row_for_each_member(make_classifier, iris):
    training, held_out = halves(*iris)
    ensemble = make_classifier(weights="validation").fit(*training, **held_out)
    text = summary_html(ensemble)
    head, *rows = cells_of(text)
    assert head == ["member", "weight", "after step", "score of the mean so far"]
    weights, scores = ensemble.weights_, ensemble.validation_scores_
    for k, row in enumerate(rows):
        step = str(ensemble.member_steps_[k])
        assert row == [str(k + 1), f"{weights[k]:.3g}", step, f"{scores[k]:.4g}"]
    assert len(rows) == 3
    assert f"3 members, {ensemble.n_steps_:,} steps" in text
    assert text in block_of(ensemble)


def test_a_pipeline_shows_it_too(make_classifier, iris):
    pipeline = make_pipeline(StandardScaler(), make_classifier()).fit(*iris)
    assert summary_html(pipeline[-1]) in block_of(pipeline)


def test_of_many_members_the_first_and_the_last_are_shown(make_classifier, iris):
    ensemble = make_classifier(M=13).set_params(estimator__max_epochs=30).fit(*iris)
    _, *rows = cells_of(summary_html(ensemble))
    shown = [row[0] for row in rows]
    assert shown == [*map(str, range(1, 7)), "…", *map(str, range(8, 14))]
    assert {len(row) for row in rows} == {3}
    other = with_members(ensemble, ensemble.members_[:12])
    assert [row[0] for row in cells_of(summary_html(other))[1:]] == [*map(str, range(1, 13))]


def test_what_is_not_known_is_left_out(make_classifier, iris):
    ensemble = make_classifier().fit(*iris)
    other = with_members(ensemble, ensemble.members_[:1])
    text = summary_html(other)
    assert cells_of(text) == [["member", "weight"], ["1", "1"]]
    assert text.count("<circle") == 0
    assert "1 member," in text
    # `m` that there cannot be is an error of `predict`, not of the display.
    assert cells_of(summary_html(ensemble.set_params(m=-1)))[0] == ["member", "after step"]


def test_the_curve_is_that_of_the_learning_rate(make_classifier, iris):
    ensemble = make_classifier(M=2).fit(*iris)
    svg = ET.fromstring(sparkline(ensemble))
    line = next(svg.iter("polyline")).get("points").split()
    points = np.array([point.split(",") for point in line], float)
    rates = ensemble.learning_rates_
    assert points.shape == (len(rates), 2)
    heights = (HEIGHT - RADIUS - points[:, 1]) / (HEIGHT - 2 * RADIUS)
    np.testing.assert_allclose(heights, rates / rates.max(), atol=0.002)
    assert points[[0, -1], 0].tolist() == [RADIUS, WIDTH - RADIUS]
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in svg.iter("circle")]
    assert dots == [tuple(points[step - 1]) for step in ensemble.member_steps_]
    colours = {e.get(key) for e in svg.iter() for key in ("fill", "stroke")}
    assert colours == {None, "none", "currentColor"}


def test_the_curve_of_a_long_training_has_a_point_for_a_pixel(make_classifier, iris):
    ensemble = make_classifier(M=2).fit(*iris)
    ensemble.learning_rates_ = np.linspace(1, 0, 100_000) ** 3
    ensemble.member_steps_ = np.array([50_001, 100_000])
    svg = ET.fromstring(sparkline(ensemble))
    points = next(svg.iter("polyline")).get("points").split()
    assert WIDTH <= len(points) <= WIDTH + 2
    # Members lie on the curve, wherever the pixels are.
    assert {f"{dot.get('cx')},{dot.get('cy')}" for dot in svg.iter("circle")} <= set(points)
    # The highest rate, wherever it is, has the height of the picture.
    ensemble.learning_rates_ = np.array([0.1, 0.4, 0.2])
    svg = ET.fromstring(sparkline(ensemble))
    downs = [point.split(",")[1] for point in next(svg.iter("polyline")).get("points").split()]
    high = HEIGHT - 2 * RADIUS
    assert [float(y) - RADIUS for y in downs] == [3 / 4 * high, 0, high / 2]
    # Members put in from elsewhere have steps that it has not.
    assert not list(svg.iter("circle"))
    ensemble.learning_rates_ = np.zeros(1)
    assert "nan" not in sparkline(ensemble)


def test_no_script_is_ours_and_text_is_shown_where_diagrams_are_not(make_classifier, iris):
    ensemble = make_classifier().fit(*iris)
    assert "<script" not in summary_html(ensemble)
    with config_context(display="text"):
        assert "text/html" not in ensemble._repr_mimebundle_()
    assert ensemble._repr_mimebundle_()["text/plain"] == repr(ensemble)
