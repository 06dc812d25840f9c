"""The studies of tables that grow, of intervals, and of speed, at small sizes."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]

pytest.importorskip("lightgbm")
pytest.importorskip("catboost")


@pytest.fixture(scope="module", autouse=True)
def benchmarks():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield
    sys.path.remove(str(ROOT / "benchmarks"))


def test_rows_of_a_seed_are_the_same_and_test_rows_are_others(monkeypatch):
    import table_sizes

    monkeypatch.setattr(table_sizes, "N_TEST", 50)
    one, again = table_sizes.draw(60, 0), table_sizes.draw(60, 0)
    pd.testing.assert_frame_equal(one.X, again.X)
    assert (one.y == again.y).all()
    assert one.X.shape == (60, 50)
    assert one.X_test.shape == (50, 50)
    assert not (one.X.to_numpy()[:50] == one.X_test.to_numpy()).all()
    # Ten columns are rounded.
    assert (one.X.iloc[:, 10:20] % 1 == 0).all(axis=None)


def test_intervals_are_counted_by_the_targets_inside(monkeypatch):
    import table_intervals

    class Model:
        """Intervals of all rows as wide as their level, about 0; wide ones for rows above 0."""

        def __init__(self, random_state):
            self.random_state = random_state

        def fit(self, X, y):
            return self

        def predict_quantiles(self, X, ends):
            return np.tile(2 * np.array(ends) - 1, (len(X), 1))

        def predict(self, X, return_std):
            return np.zeros(len(X)), np.where(X > 0, 2.0, 1.0)

    class Split:
        """Targets that lie evenly between -1 and 1."""

    y = np.linspace(-1, 1, 4001)
    Split.X = Split.y = None
    Split.X_test, Split.y_test = np.arange(4001) % 2 - 0.5, y
    monkeypatch.setattr(table_intervals, "TabularSnapshotRegressor", Model)
    found = table_intervals.coverage(Split, 0)
    for level in table_intervals.LEVELS:
        assert found[str(level)] == pytest.approx(level, abs=1e-3)
    assert found["narrow"] == pytest.approx(1, abs=1e-2)
    text = table_intervals.report(pd.DataFrame([{"table": "one", "seed": 0, **found}]))
    assert "| mean | 50.0 | 80.0 | 90.0 | 95.0 | 1.00 |" in text


def test_both_are_timed_and_written(tmp_path):
    import table_speed

    table_speed.main(["--rows", "200", "--repeats", "1", "--output", str(tmp_path)])
    found = json.loads((tmp_path / "table_speed.json").read_text())
    assert len(found["ours"]) == len(found["CatBoost"]) == 1
    assert len(found["row of an array"]) == table_speed.N_PREDICTIONS
    assert "of the time of\nCatBoost" in (tmp_path / "table_speed.md").read_text()


@pytest.mark.filterwarnings("ignore:A cycle of .* steps is too short")
@pytest.mark.filterwarnings("ignore:The steps after pretraining")
def test_ends_and_midpoints_are_those_of_the_members(monkeypatch):
    import _comparison_data
    import weight_space

    problem = _comparison_data.digits(ROOT)
    run = {"net": "MLP", "way": "independent nets", "seed": 0}
    found = weight_space.measured(problem, 300, 5, **run)
    # Nets that are trained apart are better than what lies between them.
    assert found["midpoint error"] > found["ends error"]
    assert found["mean of weights nll"] > found["midpoint nll"] > found["ends nll"]
    assert found["mean of probabilities nll"] < found["ends nll"]
    # Of five points that are all alike far from each other, triples have equal sides.
    assert found["angle"] == pytest.approx(60, abs=3)
    text = weight_space.report(pd.DataFrame([{**run, **found}]))
    assert f"| independent nets | {found['distance']:.1f} | {found['angle']:.0f}° |" in text
    assert "means over 1 seed." in text
