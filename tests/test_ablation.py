"""The study of the defaults: how its settings are read and its tables reckoned."""

import json
import sys

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def folder(tmp_path):
    """Give a folder with one table of 200 rows: two numbers, one missing, and a category."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=200), "b": np.tile([1, 2], 100)})
    rows["target"] = np.where(rows["a"] > 0, "up", "down")
    rows.loc[3, "a"] = np.nan
    (tmp_path / "tables").mkdir()
    rows.to_csv(tmp_path / "tables" / "small.csv.xz", index=False)
    about = {"small": {"task": "classification", "categorical": ["b"]}}
    (tmp_path / "tables" / "tables.json").write_text(json.dumps(about))
    return tmp_path


def test_a_setting_is_its_differences_from_the_base(script):
    ablation = script("ablation")
    setting = ablation.read_setting("decay=1e-4;hidden=(8,);optimizer=adamw", "classification")
    changed = {"decay": 1e-4, "hidden": (8,), "optimizer": "adamw"}
    assert setting == ablation.BASE | changed
    assert ablation.read_setting("base", "regression") == ablation.BASE
    old = ablation.read_setting("old;M=1", "regression")
    assert old == ablation.BASE | {"epochs": 50, "M": 1}
    with pytest.raises(SystemExit, match=r"A setting has .*'decay'.*, got 'deccay'\."):
        ablation.read_setting("deccay=1", "regression")


def test_a_batch_that_grows_is_a_power_of_two_near_a_64th_of_the_rows(script):
    batch_of = script("ablation").batch_of
    assert [batch_of("auto", n) for n in (100, 64 * 64, 64 * 100, 10**6)] == [32, 64, 128, 256]
    assert batch_of(50, 10**6) == 50


def test_a_quarter_is_held_out_and_sizes_near_all_rows_take_all(script, folder):
    tables = script("_tables")
    table = tables.read_table(folder, "small")
    # 150 rows are left to train on.
    assert tables.training_rows(table, [100, 140, 1000, 0]) == [100, 150]
    split = tables.split_rows(table, 100, seed=0)
    assert (len(split.y), len(split.y_test)) == (100, 50)
    # A number and two categories; the missing number is the median.
    assert split.X.shape == (100, 3)
    assert split.X[:, 0].mean() == pytest.approx(0)
    whole = tables.split_rows(table, 150, seed=0)
    assert (whole.y[:100] == split.y).all()
    assert (whole.y_test == split.y_test).all()


def test_a_study_goes_on_where_it_was_broken_off(script, folder, monkeypatch, capsys):
    ablation = script("ablation")
    output = folder / "runs.jsonl"
    command = ["ablation.py", "--data", str(folder), "--tables", "small", "--sizes", "0"]
    command += ["--seeds", "0", "--output", str(output), "--settings", "mlp"]
    monkeypatch.setattr(sys, "argv", [*command, "epochs=5;M=2"])
    ablation.main()
    before = output.read_text()
    monkeypatch.setattr(sys, "argv", [*command, "epochs=5;M=2", "epochs=5;M=1"])
    ablation.main()
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert output.read_text().startswith(before)
    assert [line["setting"] for line in lines] == ["mlp", "epochs=5;M=2", "epochs=5;M=1"]
    assert [len(line["score"]) for line in lines] == [1, 2, 1]
    assert capsys.readouterr().out.count("small") == 3


def run_of(table, setting, seed, score, **more):
    """Give a run with a score of its last member, which is not that of the ensemble, before it."""
    where = {"table": table, "n_train": 100, "seed": seed, "setting": setting}
    scores = {"score": [9.0, score], "right": [0.0, 0.5], "ece": [0.0, 0.25]}
    return where | {"task": "classification", "seconds": 1.0} | scores | more


def test_ratios_are_those_of_means_over_the_seeds(script, tmp_path):
    report = script("_ablation_report")
    lines = [
        run_of("one", "mlp", 0, 1.0, seconds=2.0),
        run_of("one", "mlp", 1, 3.0, seconds=2.0),
        run_of("one", "s", 0, 1.0),
        run_of("one", "s", 1, 1.0),
        run_of("two", "mlp", 0, 1.0, ece=[0.75]),
        run_of("two", "s", 0, 2.0),
        # Without a partner, and broken off by an error.
        run_of("two", "s", 1, 100.0),
        {"table": "one", "n_train": 100, "seed": 0, "setting": "t", "error": "diverged"},
    ]
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    runs = report.read_runs(path)
    table = report.set_against(runs, "s", "mlp")
    assert table["ratio"].tolist() == [(1 + 1) / (1 + 3), 2 / 1]
    assert table["time"].tolist() == [1 / 2, 1 / 1]
    # The differences 0 and -2 have a standard deviation of sqrt(2).
    assert table["error"].iloc[0] == pytest.approx(np.sqrt(2) / np.sqrt(2) / 2)
    row = report.summary(runs, ["s", "t"]).loc["s"]
    assert row["log-loss"] == pytest.approx(np.sqrt(0.5 * 2))
    assert row["worst"] == "2.000 (two, 100)"
    assert row["ECE less MLP's"] == pytest.approx((0 + (0.25 - 0.75)) / 2)
