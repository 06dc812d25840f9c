"""The study of the snapshot paper's rows on images: `benchmarks/cifar.py`."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from tests.test_cifar_problems import draw_images

TRAININGS = ("steps", "net 0", "snapshots", "SingleCycle", "short nets", "net 1")
"""Those of a smoke run, which has two cycles."""


@pytest.fixture(scope="module")
def images():
    return draw_images()


@pytest.fixture(scope="module")
def study(script, images, tmp_path_factory):
    """Give a function that runs the study in its quickest form, and the folder of its results."""
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("study")
    patch.setattr(script("cifar").datasets, "load_image_folder", lambda path, cache: images)

    def run(*arguments):
        given = ["--quick", "--data", str(folder), "--output", str(folder), *arguments]
        with redirect_stdout(StringIO()) as printed:
            script("cifar").main(given)
        return printed.getvalue()

    yield run, folder
    patch.undo()


@pytest.fixture(scope="module")
def results(study):
    """Lines, table and printed text of the quickest study."""
    run, folder = study
    text = run()
    lines = (folder / "cifar_wrn_10_1.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], (folder / "cifar_wrn_10_1.md").read_text(), text


def cells(table, caption):
    """Give the rows of the table below a caption, by their first cell, as cells by heading."""
    below = table.partition(f"\n{caption}")[2]
    header, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in below.split("\n\n")[1].splitlines()
    )
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


@pytest.mark.slow
def test_each_row_is_taken_from_its_training(results):
    runs, table, text = results
    assert tuple(run["training"] for run in runs) == TRAININGS
    found, rows = {run["training"]: run for run in runs}, cells(table, "Test images")
    expected = {
        "single net, steps": found["steps"]["members"][-1],
        "single net, one cosine": found["net 0"]["members"][0],
        "NoCycle": found["steps"]["last"][1],
        "SingleCycle": found["SingleCycle"]["last"][1],
        "snapshot ensemble": found["snapshots"]["last"][1],
        "its last snapshot alone": found["snapshots"]["members"][-1],
        "2 nets of 1 epochs": found["short nets"]["last"][1],
        "2 nets of 2 epochs": found["net 1"]["sizes"][1],
    }
    assert list(rows) == list(expected)
    for name, scores in expected.items():
        assert rows[name]["error (%)"] == f"{scores['error %']:.2f}"
        assert rows[name]["NLL"] == f"{scores['NLL']:.4f}"
        assert rows[name]["CLL ↑"] == f"{scores['CLL']:.4f}"
        assert rows[name]["ECE"] == f"{scores['ECE']:.4f}"
    passes = {name: int(row["forward passes"]) for name, row in rows.items()}
    assert [name for name, n in passes.items() if n == 1] == [
        "single net, steps",
        "single net, one cosine",
        "its last snapshot alone",
    ]
    # All but the last row cost one training.
    assert [row["training (nets)"] for row in rows.values()] == ["1"] * 7 + ["2"]
    assert table in text


@pytest.mark.slow
def test_a_budget_is_the_same_number_of_steps(results):
    # Three classes of four images each are one batch an epoch; of short nets there are two.
    assert [run["steps"] for run in results[0]] == [2] * len(TRAININGS)


@pytest.mark.slow
def test_scores_of_several_nets_are_those_of_their_mean(results, study, script, images):
    runs, folder = results[0], study[1] / "cifar_wrn_10_1_predictions"
    problem = script("_cifar_problems").QUICK
    y = script("_cifar_problems").cut(images, problem).y_test

    def score(*names):
        proba = np.concatenate([np.load(folder / f"{name}_seed0.npy") for name in names])
        mean = proba.astype(float).mean(axis=0)
        nll = -np.log(mean[np.arange(len(y)), y]).mean()
        return nll, 100 * (mean.argmax(axis=1) != y).mean()

    found = {run["training"]: run for run in runs}
    expected = {
        ("snapshots",): found["snapshots"]["last"][1],
        ("short_nets",): found["short nets"]["last"][1],
        ("net_0", "net_1"): found["net 1"]["sizes"][1],
    }
    for names, scores in expected.items():
        assert (scores["NLL"], scores["error %"]) == pytest.approx(score(*names), rel=1e-5)
    # Two nets of a deep ensemble are two nets.
    assert found["net 0"]["members"] != found["net 1"]["members"]


@pytest.mark.slow
def test_the_mean_of_some_snapshots_is_that_of_the_last_ones(script, images):
    problems = script("_cifar_problems")
    problem = replace(problems.QUICK, epochs=12, M=3)
    measure, data = script("_cifar_runs").measure, problems.cut(images, problem)
    run, proba = measure(problem, 0, "snapshots", data)
    assert len(run["members"]) == len(run["last"]) == len(proba) == 3
    for m, scores in enumerate(run["last"], start=1):
        mean = proba[-m:].astype(float).mean(axis=0)
        assert scores["NLL"] == pytest.approx(
            -np.log(mean[np.arange(len(mean)), data.y_test]).mean(), rel=1e-5
        )
    # A single net with the schedule of steps is the last of the snapshots along it.
    _, proba = measure(problem, 0, "steps", data)
    parameters = {"M": 1, "schedule": "step"}
    alone = problems.Training("alone", parameters).build(problem, 0).fit(data.X_train, data.y_train)
    np.testing.assert_allclose(alone.predict_proba(data.X_test), proba[-1], rtol=1e-6)


@pytest.mark.slow
def test_pairs_and_costs_are_those_of_the_runs(results, script):
    runs, table, _text = results
    found, pairs = (
        {run["training"]: run for run in runs},
        cells(table, "The snapshot ensemble less"),
    )
    ours, other = found["snapshots"]["last"][1], found["net 0"]["last"][0]
    row = pairs["single net, one cosine"]
    signs = [int(row[f"ahead in {heading}"]) for heading in ("error (%)", "NLL", "CLL ↑", "ECE")]
    names = ("error %", "NLL", "CLL", "ECE")
    assert row["NLL"] == f"{ours['NLL'] - other['NLL']:+.4f}"
    lower = [ours[name] < other[name] for name in names]
    # Of the calibrated log-likelihood more is better.
    lower[2] = ours["CLL"] > other["CLL"]
    assert signs == [int(ahead) for ahead in lower]
    frame = script("_cifar_report").flatten(runs, script("_cifar_problems").QUICK)
    both = found["net 0"]["processor s"] + found["net 1"]["processor s"]
    assert frame.loc["2 nets of 2 epochs", "processor s"] == both
    assert frame.loc["NoCycle", "processor s"] == found["steps"]["processor s"]


@pytest.mark.slow
def test_a_study_goes_on_where_it_was_broken_off(results, study, script, monkeypatch):
    runs, table, _text = results
    run, folder = study
    file = folder / "cifar_wrn_10_1.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]))
    made, measure = [], script("_cifar_runs").measure
    monkeypatch.setattr(
        script("_cifar_runs"), "measure", lambda *task: made.append(task[1:3]) or measure(*task)
    )
    # A report asks for no fits, whatever is lacking.
    assert "2 nets of 2 epochs" not in run("--report")
    run()
    assert made == [(0, "net 1")]
    again = [json.loads(line) for line in file.read_text().splitlines()]
    # A training of the same seed is the same; the other nets of its row are those kept in files.
    assert again[-1]["sizes"] == runs[-1]["sizes"]
    assert list(cells((folder / "cifar_wrn_10_1.md").read_text(), "Test images")) == list(
        cells(table, "Test images")
    )
    with pytest.raises(SystemExit, match="--output must be a folder without runs of other setting"):
        run("--precision", "float64")


@pytest.mark.slow
def test_predictions_that_are_gone_are_asked_for(results, study):
    run, folder = study
    file = folder / "cifar_wrn_10_1.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    kept = folder / "cifar_wrn_10_1_predictions" / "net_0_seed0.npy"
    file.write_text("".join(lines[:-1]))
    kept.rename(folder / "away.npy")
    try:
        with pytest.raises(SystemExit, match=r"net_0_seed0\.npy is needed, and not there"):
            run()
    finally:
        (folder / "away.npy").rename(kept)
        file.write_text("".join(lines))


def test_seeds_are_made_one_after_the_other(script, tmp_path, monkeypatch, images):
    made = []
    monkeypatch.setattr(script("cifar").datasets, "load_image_folder", lambda path, cache: images)
    monkeypatch.setattr(script("cifar"), "cut", lambda data, problem: data)

    def note(study, seed, name, images):
        made.append((seed, study.problem.net, name))
        return {"fit s": 1.0, "last": [{"error %": 1.0, "NLL": 1.0}]}

    monkeypatch.setattr(script("_cifar_runs").Study, "make", note)
    with redirect_stdout(StringIO()):
        script("cifar").main(
            ["--full", "--data", ".", "--output", str(tmp_path), "--seeds", "2"]
            + ["--trainings", "steps", "snapshots"]
        )
    nets = [problem.net for problem in script("_cifar_problems").FULL]
    assert made == [(s, net, t) for s in (0, 1) for net in nets for t in ("steps", "snapshots")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "--seeds must be an int >= 1, got 0."),
        (["--data", "nowhere"], "--data must be a file or folder of images, got nowhere."),
        (["--full", "--nets", "VGG"], "--nets must be some of ['WRN-28-10', 'DenseNet-40', 'ResN"),
        (["--full", "--quick"], "--full and --quick exclude each other."),
        (["--quick"], "--output must be a folder with --quick: its numbers mean nothing."),
        (["--trainings", "none"], "--trainings must be some of ['steps', 'net 0', "),
    ],
)
def test_bad_arguments_of_the_study_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("cifar").main(["--data", ".", *arguments])
    assert message in capsys.readouterr().err
