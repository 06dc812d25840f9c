"""The comparison on tables: its rows, methods and runs, and its reports as arithmetic."""

import json
import os
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with a table of classes and one of targets, under names that are studied."""
    path = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=200), "b": np.tile([1.0, 2, 2, np.nan], 50)})
    rows.loc[rows.index % 7 == 3, "a"] = np.nan
    # Each value of c is in one row, so that test rows have values that no training row has.
    rows["c"] = [f"row {k}" for k in range(200)]
    is_up = rows["a"].fillna(0) + 0.5 * rng.normal(size=200) > 0
    classes = rows.assign(target=np.where(is_up, "up", "down"))
    targets = rows.assign(target=is_up + rng.normal(size=200))
    (path / "tables").mkdir()
    classes.to_csv(path / "tables" / "german.csv.xz", index=False)
    targets.to_csv(path / "tables" / "wine.csv.xz", index=False)
    tasks = {"german": "classification", "wine": "regression"}
    about = {name: {"task": task, "categorical": ["b", "c"]} for name, task in tasks.items()}
    (path / "tables" / "tables.json").write_text(json.dumps(about))
    return path


def test_missing_categories_are_left_missing_where_they_are_asked_for(script, folder):
    read_table = script("_tables").read_table
    filled, kept = (read_table(folder, "german", keep_missing=keep) for keep in (False, True))
    assert list(filled.X["b"][:4]) == ["1.0", "2.0", "2.0", "missing"]
    assert kept.X["b"].isna().sum() == 200 / 4
    left = kept.X.fillna({"b": "missing"})
    pd.testing.assert_frame_equal(left.astype(object), filled.X.astype(object))


def test_frames_are_the_rows_of_prepared_numbers_with_categories_of_the_training_rows(
    script, folder
):
    splits = script("_table_runs").splits_of(folder, "german", 100, seed=1)
    frame, strings, numbers = (splits[name] for name in ("frame", "strings", "numbers"))
    assert (frame.y == numbers.y).all()
    assert (frame.y_test == numbers.y_test).all()
    assert list(frame.X.dtypes.astype(str)) == ["float64", "category", "category"]
    a = frame.X_test["a"].fillna(frame.X["a"].median())
    filled = frame.X["a"].fillna(frame.X["a"].median())
    expected = (a - filled.mean()) / filled.std(ddof=0)
    np.testing.assert_allclose(numbers.X_test[:, 0], expected)
    assert list(frame.X["b"].cat.categories) == ["1.0", "2.0"]
    assert 0 < frame.X["b"].isna().sum() < 100
    # No row of the test has a value of c that a training row has.
    assert len(frame.X["c"].cat.categories) == 100
    assert frame.X_test["c"].isna().all()
    median = frame.X["a"].median()
    for part, filled in ((frame.X, splits["filled"].X), (frame.X_test, splits["filled"].X_test)):
        assert part["a"].isna().any()
        assert (filled["a"] == part["a"].fillna(median)).all()
        assert filled["b"].isna().sum() == part["b"].isna().sum() > 0
    assert set(strings.X["b"]) == {"1.0", "2.0", "missing"}
    assert set(strings.X_test["c"]) == {"missing"}


def test_a_tenth_is_held_out_by_class_and_single_rows_are_not(script):
    hold_out = script("_table_competitors").hold_out
    y = np.array([*["a"] * 70, *["b"] * 30, "single"])
    rows, held_out = hold_out(y, 0, is_classes=True)
    assert sorted([*rows, *held_out]) == list(range(101))
    assert list(np.unique(y[held_out], return_counts=True)[1]) == [7, 3]
    assert 100 in rows
    assert len(hold_out(np.arange(50.0), 0, is_classes=False)[1]) == 50 / 10
    assert list(hold_out(y, 1, is_classes=True)[1]) != list(held_out)


@pytest.mark.parametrize("name", ["HistGradientBoosting", "LightGBM"])
@pytest.mark.parametrize("table", ["german", "wine"])
def test_trees_stop_where_rows_held_out_lose(script, folder, name, table):
    competitors = script("_table_competitors")
    method = competitors.METHODS[f"{name} stopped early"]
    pytest.importorskip(method.package)
    split = script("_table_runs").splits_of(folder, table, 150, 0)[method.rows]
    task = {"german": "classification", "wine": "regression"}[table]
    model = method.build(task, 7)
    method.fit(model, split.X, split.y, 7)
    n_trees = model.n_iter_ if name.startswith("Hist") else model.best_iteration_ + 50
    # At most 2,000 are allowed.
    assert 50 < n_trees < 2000
    assert (model.learning_rate, model.random_state) == (0.05, 7)
    assert method.build(task, 7).get_params() == model.get_params()


class Recorder:
    """Takes down what it is fitted on."""

    def fit(self, X, y, **more):
        self.rows, self.y, self.more = X.index, y, more

    def predict_proba(self, X):
        raise NotImplementedError


@pytest.mark.parametrize("name", ["HistGradientBoosting", "LightGBM"])
def test_trees_are_not_trained_on_the_rows_held_out(script, name):
    method = script("_table_competitors").METHODS[f"{name} stopped early"]
    pytest.importorskip(method.package)
    X, y = pd.DataFrame({"a": np.arange(100)}), np.arange(100) % 2
    recorder = Recorder()
    method.fit(recorder, X, y, 0)
    is_lightgbm = "eval_set" in recorder.more
    ((X_val, y_val),) = (
        recorder.more["eval_set"] if is_lightgbm else [map(recorder.more.get, ("X_val", "y_val"))]
    )
    assert len(X_val) == 100 / 10
    assert sorted([*recorder.rows, *X_val.index]) == list(range(100))
    assert (recorder.y == recorder.rows % 2).all()
    assert (y_val == X_val.index % 2).all()


def test_every_method_is_built_with_the_seed_on_one_thread(script):
    for name, method in script("_table_competitors").METHODS.items():
        if not method.is_installed:
            continue
        for task in ("classification", "regression"):
            parameters = method.build(task, 7).get_params()
            seeds = [value for key, value in parameters.items() if key.endswith("random_state")]
            assert 7 in seeds, name
            # What is not named here has no threads, but for those of OpenMP, of which there is one.
            threads = {"ours": "n_jobs", "LightGBM": "n_jobs", "CatBoost": "thread_count"}
            argument = threads.get(name.removesuffix(" stopped early"))
            assert argument is None or parameters[argument] == 1, name


def test_probabilities_are_scored_by_their_labels(script):
    proba = np.array([[0.75, 0.25], [0.5, 0.25], [0.25, 0.75]], dtype=np.float32)
    labels = np.array(["down", "up"])
    found = script("_table_runs").score(proba, np.array(["down", "up", "up"]), labels)
    # The second row sums to 3/4.
    assert found["loss"] == pytest.approx(-np.log([3 / 4, 1 / 3, 3 / 4]).mean())
    assert found["right"] == pytest.approx(2 / 3)
    # Two rows are sure to 3/4 and right, one to 2/3 and wrong; the bins are fifteenths.
    assert found["ece"] == pytest.approx((2 * (1 - 3 / 4) + 2 / 3) / 3)


def test_targets_are_scored_by_root_mean_square_and_r2(script):
    found = script("_table_runs").score(np.array([1.0, 2, 3]), np.array([1.0, 2, 6]), None)
    assert found["loss"] == pytest.approx(np.sqrt(3**2 / 3))
    assert found["right"] == pytest.approx(1 - 3**2 / (2**2 + 1 + 3**2))


def test_work_in_a_fork_answers_or_says_why_not(script):
    in_fork = script("_table_runs").in_fork
    assert in_fork(lambda: os.getppid()) == os.getpid()
    with pytest.raises(RuntimeError, match=r"A run failed: Traceback(.|\n)*ZeroDivision"):
        in_fork(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="A run failed: it ended without a word"):
        in_fork(lambda: os._exit(1))


def run_main(script, folder, output, *more):
    """Make the runs of the untouched trees on the two tables, one split each."""
    command = ["--data", str(folder), "--output", str(output), "--seeds", "0"]
    command += ["--tables", "german", "wine", "--methods", "HistGradientBoosting", *more]
    script("tables").main(command)
    lines = (output / "tables.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_comparison_goes_on_where_it_was_broken_off(script, folder, tmp_path):
    first = run_main(script, folder, tmp_path, "--shard", "2/2")
    assert [run["table"] for run in first] == ["wine"]
    second = run_main(script, folder, tmp_path)
    assert second[0] == first[0]
    assert [run["table"] for run in second] == ["wine", "german"]
    assert [run["n_train"] for run in second] == [150, 150]
    assert run_main(script, folder, tmp_path, "--shard", "1/2") == second
    more = run_main(script, folder, tmp_path, "--size", "100")
    assert [run["n_train"] for run in more[2:]] == [100, 100]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_quick_run_compares_all_methods_that_are_installed(script, folder, tmp_path, capsys):
    script("tables").main(["--data", str(folder), "--output", str(tmp_path), "--quick"])
    printed = capsys.readouterr().out
    lines = (tmp_path / "tables.jsonl").read_text().splitlines()
    runs = pd.DataFrame(map(json.loads, lines))
    methods = script("_table_competitors").BY_DEFAULT
    installed = [
        name for name in methods if script("_table_competitors").METHODS[name].is_installed
    ]
    assert list(runs.groupby("table", sort=False)["method"].agg(list)["wine"]) == installed
    assert np.isfinite(runs[["loss", "right", "fit s", "predict s", "MB"]].to_numpy()).all()
    for name in set(methods) - set(installed):
        assert f"{name} is left out: " in printed
    report = (tmp_path / "tables.md").read_text()
    assert report in printed
    assert all(f"\n| {name} | " in report for name in installed)
    assert "<svg" in (tmp_path / "tables.svg").read_text()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_choices_run_beside_the_trees_at_each_size(script, folder, tmp_path, monkeypatch):
    pytest.importorskip("lightgbm")
    choices = script("table_choices")
    monkeypatch.setattr(choices, "SETTINGS", {"short": {"M": 1, "n_nets": 4, "max_steps": 20}})
    command = ["--data", str(folder), "--output", str(tmp_path), "--tables", "german"]
    choices.main([*command, "--seeds", "0", "--sizes", "100", "0"])
    lines = (tmp_path / "table_choices.jsonl").read_text().splitlines()
    found = [(run["n_train"], run["setting"]) for run in map(json.loads, lines)]
    names = [*choices.TREES, "short"]
    assert found == [(n_train, name) for n_train in (100, 150) for name in names]
    assert (
        "\n| short | `M=1, n_nets=4, max_steps=20` | "
        in (tmp_path / "table_choices.md").read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "3/2"], "--shard must be i/n with 1 <= i <= n, got 3/2."),
        (["--shard", "2"], "--shard must be i/n with 1 <= i <= n, got 2."),
        (["--methods", "trees"], "--methods must be among ['ours', "),
        (["--size", "0"], "--size must be an int >= 1, got 0."),
        (["--quick"], "--quick must have an --output of its own."),
        ([], "--data must be the folder of the tables, got None."),
        (["--data", "nowhere"], "--data must be the folder of the tables, got nowhere."),
    ],
)
def test_bad_arguments_of_tables_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("tables").main(arguments)
    assert message in capsys.readouterr().err


def test_what_is_not_installed_is_known(script):
    METHODS = script("_table_competitors").METHODS
    for name, package in {"LightGBM": "lightgbm", "CatBoost": "catboost"}.items():
        assert METHODS[name].is_installed == (find_spec(package) is not None)
    assert METHODS["MLP"].is_installed
