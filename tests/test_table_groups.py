"""The choice of groups of nets on tables: what each choice would have given, and the report."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]

pytest.importorskip("lightgbm")
pytest.importorskip("catboost")


@pytest.fixture(scope="module")
def groups():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import table_groups

    yield table_groups
    sys.path.remove(str(ROOT / "benchmarks"))


def test_a_group_grows_while_its_last_cycle_gains(groups):
    losses = [1.0, 0.9, 0.8, 0.795, 0.7, 0.6]
    assert groups.cycles_of(losses, 3, 6, 0.01) == 4
    assert groups.cycles_of(losses, 3, 6, 0.005) == 6
    assert groups.cycles_of(losses, 5, 5, 0.0) == 5


def test_the_loss_is_that_of_the_weighted_mean_of_the_chosen_parts(groups):
    good, bad = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.1, 0.9], [0.9, 0.1]])
    y = np.array([0, 1])
    stacked = np.stack([bad, good])
    parts = groups.Parts(stacked, stacked, y, y, np.array([0, 1]), np.array([0, 0]), True)
    # All weight goes to the part that is right.
    both = np.array([True, True])
    assert parts.loss(both, on_test=True) == pytest.approx(-np.log(0.9), rel=1e-4)
    assert parts.loss(np.array([True, False]), on_test=True) == pytest.approx(-np.log(0.1))
    assert groups.log_loss_at(1.0, good, y) == pytest.approx(-np.log(0.9))
    # Half the logarithms: odds of 3 to 1 instead of 9 to 1.
    assert groups.log_loss_at(2.0, good, y) == pytest.approx(-np.log(0.75))


def test_all_groups_are_trained_at_once_and_told_apart(groups, monkeypatch, tmp_path):
    import pandas as pd

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=90), "b": rng.choice(["x", "y", "z"], 90)})
    y = (X["a"] + (X["b"] == "x") > 0).to_numpy()

    class Split:
        """Rows to train on and to test on."""

    Split.X, Split.y, Split.X_test, Split.y_test = X[:60], y[:60], X[60:], y[60:]
    monkeypatch.setattr(groups, "N_CYCLES", 1)
    monkeypatch.setattr(groups, "RULES", {"5": (1, 1, 0.0)})
    parts, widths = groups.parts_of(Split, "classification", 0)
    # Value, rank and three levels; 16 or 8 bins; 24, 12 or 6 cosines.
    assert widths == [5 + n for n in (16, 8, 24, 12, 6, 0)]
    assert parts.groups.tolist() == [0, 1, 2, 3, 4, 5]
    assert parts.test.shape == (6, 30, 2)
    assert parts.out_of_fold.shape == (6, 60, 2)
    found = groups.losses_of((parts, widths))
    assert found["ratios"]["bins 16 + cosines 24 | 5"] == [1.0, 1.0]
    # 6 alone, 15 pairs, 20 of three, 15 of four.
    assert len(found["ratios"]) == 56
    monkeypatch.setattr(groups, "RULES", {"5": (1, 1, 0.0)})
    text = groups.report(pd.DataFrame([found]))
    assert "# Groups of nets on tables" in text
