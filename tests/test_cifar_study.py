"""The study of the snapshot paper's rows on images: `benchmarks/cifar.py`."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from skensemble import DeepEnsembleClassifier
from skensemble.datasets import ImageData

TRAININGS = ("steps", "net 0", "snapshots", "SingleCycle", "short nets", "net 1")
"""Those of a smoke run, which has two cycles."""


@pytest.fixture(scope="module")
def images():
    """Make images of three classes, told apart by their colour, eight of each class."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(3), 8)
    colours = np.array([[40, 90, 140], [90, 140, 40], [140, 40, 90]])

    def draw():
        X = rng.integers(0, 100, (24, 3, 16, 16)) + colours[labels][:, :, None, None]
        return X.astype(np.uint8)

    return ImageData(draw(), labels, draw(), labels, ["a", "b", "c"])


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


def test_each_net_has_the_settings_of_its_paper(script):
    problems = script("_cifar_problems")
    found = {
        problem.net: (problem.epochs, problem.M, problem.batch_size, problem.weight_decay)
        for problem in problems.FULL
    }
    assert found == {
        "WRN-28-10": (200, 5, 128, 5e-4),
        "DenseNet-40": (300, 6, 64, 1e-4),
        "ResNet-110": (200, 5, 64, 1e-4),
    }
    for problem in (*problems.FULL, problems.SMALL, problems.QUICK):
        # Nets and cycles that share a budget need whole epochs.
        assert problem.epochs % problem.M == 0
        net = problem.make_net(3)
        assert (net.max_epochs, net.optimizer__momentum, net.optimizer__nesterov) == (3, 0.9, True)
        assert [type(one).__name__ for one in net.augment] == ["RandomCrop", "RandomFlip"]
        assert net.augment[0].padding == problem.side // 8 or problem is problems.QUICK


def test_the_trainings_of_a_seed_are_the_rows_of_the_paper(script):
    problems = script("_cifar_problems")
    built = {
        name: training.build(problems.SMALL, 7)
        for name, training in problems.trainings(problems.SMALL).items()
    }
    short = built.pop("short nets")
    assert isinstance(short, DeepEnsembleClassifier)
    assert (short.M, short.estimator.max_epochs, short.random_state) == (4, 40 // 4, 7)
    assert {model.estimator.max_epochs for model in built.values()} == {40}
    shown = {
        name: (model.M, model.schedule, model.cold_restart, model.random_state)
        for name, model in built.items()
    }
    assert shown == {
        "steps": (4, "step", False, 7),
        "net 0": (1, "cosine", False, 7),
        "snapshots": (4, "cosine", False, 7),
        "SingleCycle": (4, "cosine", True, 7),
        **{f"net {k}": (1, "cosine", False, 7 + 1000 * k) for k in (1, 2, 3)},
    }


def test_training_images_are_the_first_of_each_class_and_all_test_images_stay(script, images):
    problems = script("_cifar_problems")
    small = replace(problems.SMALL, per_class=3, side=8)
    found = problems.cut(images, small)
    assert found.y_train.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert found.X_test.shape == (24, 3, 8, 8)
    squares = images.X_train[8].reshape(3, 8, 2, 8, 2).astype(float).mean(axis=(2, 4))
    # Rounded to whole numbers.
    assert np.abs(found.X_train[3] - squares).max() <= 0.5
    whole = problems.cut(images, replace(small, per_class=None, side=16))
    np.testing.assert_array_equal(whole.X_train, images.X_train)


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
