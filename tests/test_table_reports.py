"""What the reports on tables make of runs, as arithmetic."""

import json

import numpy as np
import pandas as pd
import pytest

OURS, CATBOOST, MLP = "ours", "CatBoost", "MLP"
HISTOGRAM, LIGHTGBM = "HistGradientBoosting stopped early", "LightGBM stopped early"


def run_of(table, seed, method, loss, right=0.5, **more):
    """Give a run; tables but pol have classes."""
    task = "regression" if table == "pol" else "classification"
    scores = {"loss": loss, "right": right}
    scores |= {"ece": 0.25} if task == "classification" else {}
    costs = {"fit s": 1.0, "predict s": 0.5, "fit wall s": 2.0, "MB": 8.0}
    known = {"table": table, "seed": seed, "method": method, "size": 10_000, "n_train": 100}
    return known | {"task": task} | scores | costs | more


@pytest.fixture
def runs():
    """Give two splits of letter and one of pol, adult and german each."""
    return pd.DataFrame(
        [
            run_of("letter", 0, OURS, 1.0, 0.75, ece=0.125),
            run_of("letter", 1, OURS, 2.0, 0.5, ece=0.375),
            run_of("letter", 0, HISTOGRAM, 2.0, 0.5, **{"fit s": 3.0}),
            run_of("letter", 1, HISTOGRAM, 6.0, 0.75),
            run_of("letter", 0, LIGHTGBM, 4.0, 0.5),
            run_of("letter", 1, LIGHTGBM, 1.0, 0.25, ece=0.125),
            # Of one split only.
            run_of("letter", 0, CATBOOST, 0.5, 0.75),
            run_of("pol", 0, OURS, 3.0),
            run_of("pol", 0, HISTOGRAM, 1.0, 0.75),
            run_of("pol", 0, LIGHTGBM, 6.0),
            run_of("adult", 0, OURS, 2.0, 0.25),
            run_of("adult", 0, HISTOGRAM, 1.0, 0.5),
            run_of("adult", 0, LIGHTGBM, 4.0, 0.25),
            run_of("german", 0, OURS, 1.0),
            run_of("german", 0, HISTOGRAM, 2.0),
            run_of("german", 0, LIGHTGBM, 2.0),
        ]
    )


def test_ratios_are_those_of_means_over_the_splits_that_both_have(script, runs):
    report = script("_table_report")
    rows = {row[0]: row[1:] for row in report.ratios_by_table(runs, [HISTOGRAM, CATBOOST])}
    assert rows["letter"] == [f"{(1 + 2) / (2 + 6):.3f}", f"{1 / 0.5:.3f}"]
    assert rows["pol"] == [f"{3 / 1:.3f}", ""]
    assert list(rows) == ["letter", "pol", "adult*", "german"]


def test_the_better_tree_is_that_of_each_split_and_measure(script, runs):
    report = script("_table_report")
    loss, right, ece = (report.wide(runs, name)[report.BETTER_TREE] for name in report.MEASURES)
    assert list(loss["letter"]) == [2.0, 1.0]
    assert list(right["letter"]) == [0.5, 0.75]
    assert list(ece["letter"]) == [0.25, 0.125]
    mine, theirs = report.set_against(runs, report.BETTER_TREE, "loss")
    assert (mine["letter"], theirs["letter"]) == ((1 + 2) / 2, (2 + 1) / 2)
    alone = runs[(runs["method"] != LIGHTGBM) | (runs["seed"] == 0)]
    assert np.isnan(report.wide(alone, "loss")[report.BETTER_TREE]["letter", 1])


def test_a_summary_is_over_tables(script, runs):
    report = script("_table_report")
    others = runs[runs["table"] != "german"]
    names = [HISTOGRAM, LIGHTGBM, CATBOOST, MLP]
    rows = {row[0]: row[1:] for row in report.summary(others, names)}
    assert list(rows) == [HISTOGRAM, LIGHTGBM, CATBOOST]
    ratios = [(1 + 2) / (2 + 6), 3 / 1, 2 / 1]
    geometric = np.prod(ratios) ** (1 / 3)
    assert rows[HISTOGRAM][:4] == [f"{geometric:.3f}", "2.000", "1 of 3", "3.000 (pol)"]
    # Of letter, whose accuracies are level, and adult; pol has no classes.
    assert rows[HISTOGRAM][4:6] == [f"{100 * (0 + (0.25 - 0.5)) / 2:+.2f}", "0 of 2"]
    letter = (0.25 + 0.125) / 2
    assert rows[LIGHTGBM][6:] == [f"{0.25:.4f}", f"{(letter + 0.25) / 2:.4f}"]


def test_tables_where_trees_win_are_named_with_the_trees(script, runs):
    loss, accuracy = script("_table_report").where_trees_win(runs)
    assert loss == (
        f"Trees have the lower loss on: pol ({HISTOGRAM}); adult* ({HISTOGRAM}); "
        f"letter ({CATBOOST})."
    )
    assert accuracy == f"Trees have the higher accuracy on: adult* ({HISTOGRAM})."


def test_costs_are_means_over_runs(script, runs):
    rows = {row[0]: row[1:] for row in script("_table_report").costs(runs)}
    assert rows[HISTOGRAM] == [f"{(3 + 1 * 4) / 5:.2f}", "3.0", "0.500", "8"]


def test_the_report_tells_tables_for_choosing_from_others(script, runs):
    report = script("_table_report")
    text = report.report(runs)
    assert "training rows up to 100, splits 2, " in text
    used = text.partition("### Tables used for choosing")[2].partition("###")[0]
    assert f"\n| {HISTOGRAM} | 0.500 | 0.500 | 1 of 1 | 0.500 (german) | " in used
    cells = f"{(1 + 2) / 2:.4g} ({100 * (0.75 + 0.5) / 2:.1f})"
    assert f"\n| letter | {cells} | " in text
    assert "\n| pol | 3 (0.500) | " in text
    assert all(len(line) <= 100 or line[0] in "|SM" for line in text.splitlines() if line)
    with pytest.raises(SystemExit, match="The report needs runs of 'ours', got those of "):
        report.report(runs[runs["method"] != OURS])


def test_a_report_is_of_one_size(script, runs, tmp_path):
    smaller = runs.assign(size=100, loss=np.where(runs["method"] == OURS, 8, runs["loss"]))
    pd.concat([runs, smaller]).to_json(tmp_path / "tables.jsonl", orient="records", lines=True)
    for size, cell in ((10_000, "3 (0.500)"), (100, "8 (0.500)")):
        script("tables").main(["--report", "--size", str(size), "--output", str(tmp_path)])
        assert f"\n| pol | {cell} | " in (tmp_path / "tables.md").read_text()
    assert "<svg" in (tmp_path / "tables.svg").read_text()


def test_tables_for_choosing_and_others_are_all_and_apart(script):
    report = script("_table_report")
    assert len({*report.CHOSEN_ON, *report.OTHERS}) == 6 + 10
    assert report.MARKED in report.OTHERS


def test_points_of_the_figure_are_geometric_means_over_the_early_stopped_trees(script, runs):
    points = script("_table_figure").quality(runs)
    # CatBoost has runs on one of the tables only.
    assert list(points.index) == [OURS, HISTOGRAM, LIGHTGBM]
    expected = ((1 + 2) / (2 + 6) * 3 / 1 * 2 / 1) ** (1 / 3)
    assert points.loc[OURS, "loss"] == pytest.approx(expected)
    assert points.loc[HISTOGRAM, "loss"] == 1
    assert points.loc[HISTOGRAM, "seconds"] == (3 + 1 * 3) / 4
    assert points.attrs["tables"] == 3
    german = script("_table_figure").quality(runs[runs["table"] == "german"])
    assert german.loc[OURS, "loss"] == 1 / 2


# In a heap, as near each other as markers can be told apart, and in a row to the edge.
@pytest.mark.parametrize("seconds", [1 + 0.2 * np.arange(9), 4.0 ** np.arange(9)])
def test_no_name_in_the_figure_covers_another_or_a_point_or_the_edge(script, seconds):
    figures = script("_table_figure")
    names = sorted(figures.LOOKS, key=len)
    points = pd.DataFrame({"seconds": seconds, "loss": 1 + 0.001 * (np.arange(len(names)) % 3)})
    points.index = names
    points.attrs["tables"] = 1
    figure = figures.figure_of(points)
    (axes,) = figure.axes
    assert 1 in axes.get_yticks()
    assert [text.get_text() for text in axes.texts] == names
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not [1 for k, box in enumerate(boxes) if box.count_overlaps(boxes[k + 1 :])]
    centres = axes.transData.transform(points.to_numpy())
    assert not [1 for box in boxes for centre in centres if box.contains(*centre)]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_the_figure_is_the_same_each_time(script, runs, tmp_path):
    draw = script("_table_figure").draw
    for name in ("one.svg", "two.svg"):
        draw(runs, tmp_path / name)
    assert (tmp_path / "one.svg").read_text() == (tmp_path / "two.svg").read_text()


def choice_of(table, n_train, setting, loss, seconds=1.0):
    known = {"table": table, "n_train": n_train, "seed": 0, "setting": setting}
    return known | {"loss": loss, "fit s": seconds}


def test_choices_are_set_against_the_better_tree_of_a_split(script, monkeypatch):
    choices = script("table_choices")
    monkeypatch.setattr(choices, "SETTINGS", {"default": {}, "wide": {"M": 3}, "later": {}})
    runs = pd.DataFrame(
        [
            choice_of("wine", 1000, HISTOGRAM, 2.0),
            choice_of("wine", 1000, LIGHTGBM, 1.0),
            choice_of("wine", 1000, "default", 3.0, seconds=2.0),
            choice_of("wine", 1000, "wide", 6.0),
            choice_of("wine", 3674, HISTOGRAM, 2.0),
            choice_of("wine", 3674, LIGHTGBM, 4.0),
            choice_of("wine", 3674, "default", 1.0, seconds=8.0),
        ]
    )
    table = choices.summary(runs)
    assert list(table.index) == ["default", "wide"]
    assert list(table.loc["default"][["small", "large"]]) == pytest.approx([3 / 1, 1 / 2])
    assert table.loc["default", "all"] == pytest.approx(np.sqrt(3 * 1 / 2))
    assert table.loc["default", "seconds"] == pytest.approx(np.sqrt(2 * 8))
    assert list(table["splits"]) == [2, 1]
    assert list(table["to default"]) == pytest.approx([1, 6 / 3])
    is_late = (runs["n_train"] == 3674) & (runs["setting"] == LIGHTGBM)
    # A split on which one of the trees has no run yet does not count.
    assert np.isnan(choices.summary(runs[~is_late]).loc["default", "large"])
    assert "\n| wide | `M=3` | 6.000 | nan | 6.000 | 1 | 1.000 | 2.000 |" in choices.report(runs)


def test_settings_are_arguments_of_the_constructor(script, monkeypatch):
    choices = script("table_choices")
    monkeypatch.setattr(choices, "SETTINGS", {"wide": {"hidden_units": (8,)}})
    for task in ("classification", "regression"):
        parameters = choices.method_of("wide").build(task, 7).get_params()
        assert (parameters["hidden_units"], parameters["random_state"]) == ((8,), 7)
    assert choices.method_of(LIGHTGBM) is script("_table_competitors").METHODS[LIGHTGBM]


def test_every_setting_can_be_built(script):
    choices = script("table_choices")
    for name in choices.SETTINGS:
        assert choices.method_of(name).build("classification", 0) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--settings", "lucky"], "--settings must be among ['default', "),
        (["--tables", "letter"], "invalid choice: 'letter'"),
        ([], "--data must be the folder of the tables, got None."),
    ],
)
def test_bad_arguments_of_choices_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("table_choices").main(arguments)
    assert message in capsys.readouterr().err


def test_a_report_without_runs_says_so(script, tmp_path):
    for name in ("tables", "table_choices"):
        with pytest.raises(SystemExit, match=r"A report needs runs in .*jsonl, which has none\."):
            script(name).main(["--report", "--output", str(tmp_path)])


def test_runs_are_known_by_their_keys(script, tmp_path):
    runs = script("_table_runs").Runs(tmp_path / "new" / "runs.jsonl", ["table", "seed"])
    assert runs.lacks({"table": "a", "seed": 0})
    runs.add({"table": "a", "seed": 0, "loss": 1.5})
    assert not runs.lacks({"table": "a", "seed": 0})
    assert runs.lacks({"table": "a", "seed": 1})
    again = script("_table_runs").Runs(runs.path, runs.keys)
    assert not again.lacks({"seed": 0, "table": "a"})
    assert json.loads(runs.path.read_text()) == {"table": "a", "seed": 0, "loss": 1.5}
    assert list(again.table()["loss"]) == [1.5]
