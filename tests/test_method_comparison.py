"""The comparison of methods: its rows, scores and runs."""

import json
import math
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest

from skensemble import NetClassifier, NetRegressor, ensembles, metrics
from tests.conftest import BENCHMARKS


@pytest.fixture(scope="module")
def quick_run(script, tmp_path_factory):
    """Folder, runs, table and printed lines of the quickest comparison."""
    folder = tmp_path_factory.mktemp("results")
    with redirect_stdout(StringIO()) as printed:
        script("compare_methods").main(["--data", "digits", "--quick", "--output", str(folder)])
    lines = (folder / "methods_digits.jsonl").read_text().splitlines()
    table = (folder / "methods_digits.md").read_text()
    return folder, [json.loads(line) for line in lines], table, printed.getvalue()


def cells(table, caption):
    """Give the rows of the table below a caption, by the method, as cells by heading."""
    _, _, below = table.partition(f"\n{caption}")
    header, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in below.split("\n\n")[1].splitlines()
    )
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


@pytest.mark.slow
def test_every_method_is_compared_and_has_finite_numbers(quick_run, script):
    _folder, runs, table, printed = quick_run
    problem = script("_comparison_data").digits(BENCHMARKS)
    crossed = {"CrossFittedEnsembleClassifier"}
    assert {run["class"] for run in runs} == names_of("Classifier") | crossed
    names = [run["method"] for run in runs]
    # Those that are untouched take too long for a smoke run.
    assert len(names) == len(set(names)) == len(script("_methods").methods(problem)) - 2
    quality, unsure = cells(table, "Quality"), cells(table, "Rows to be unsure of")
    for run in runs:
        numbers = [value for value in run.values() if isinstance(value, int | float)]
        assert all(map(math.isfinite, numbers)), run
        assert quality[run["method"]]["error (%)"] == f"{run['error %']:.2f}"
        assert quality[run["method"]]["CLL ↑"] == f"{run['CLL']:.4f}"
        found = unsure[run["method"]]["AUROC, mixed pixels, total"]
        assert found == f"{run['AUROC, mixed pixels, total']:.3f}"
        # One net has no part that members disagree on.
        has_parts = run["passes"] > 1
        assert bool(unsure[run["method"]]["AUROC, mixed pixels, epistemic"]) == has_parts
        assert f"digits, seed 0, {run['method']}: " in printed


@pytest.mark.slow
def test_costs_are_in_units_of_one_net(quick_run):
    costs = cells(quick_run[2], "Costs")
    # A quick run has 2 cycles, 2 nets and 4 epochs; 20 draws are the defaults.
    expected = {
        "single net, one cosine cycle": ("1", "1", "1.0"),
        "snapshot ensemble": ("1", "2", "2.0"),
        "SWA": ("1", "1", "1.0"),
        "SWAG": ("1", "20", "20.0"),
        "2 nets of 2 epochs": ("1", "2", "2.0"),
        "2 nets of 4 epochs": ("2", "2", "2.0"),
        # All draws of dropout share the weights.
        "MC dropout": ("1", "20", "1.0"),
    }
    names = "training (nets)", "forward passes", "memory (nets)"
    for method, values in expected.items():
        assert tuple(costs[method][name] for name in names) == values, method
    # Two nets that train together make the steps of two.
    assert costs["2 cross-fitted of 2 epochs"]["training (nets)"] == "1"
    assert costs["2 cross-fitted of 4 epochs"]["training (nets)"] == "2"


@pytest.mark.slow
def test_runs_that_are_there_are_not_made_again(quick_run, script, monkeypatch):
    folder, runs, table, _printed = quick_run
    file = folder / "methods_digits.jsonl"
    *others, last = file.read_text().splitlines(keepends=True)
    file.write_text("".join(others))
    made = []
    measure = script("_comparison_runs").measure
    monkeypatch.setattr(
        script("_comparison_runs"), "measure", lambda *task: made.append(task[1:]) or measure(*task)
    )
    arguments = ["--data", "digits", "--quick", "--output", str(folder)]
    with redirect_stdout(StringIO()):
        script("compare_methods").main(arguments)
        # A report asks for no fits, whatever is lacking.
        script("compare_methods").main([*arguments, "--report", "--seeds", "2"])
    assert made == [(0, runs[-1]["method"])]
    again = json.loads(file.read_text().splitlines()[-1])
    # A fit of the same seed is the same.
    assert again["CLL"] == json.loads(last)["CLL"]
    assert cells((folder / "methods_digits.md").read_text(), "Quality") == cells(table, "Quality")
    with pytest.raises(SystemExit, match="--output must be a folder without runs of other setting"):
        script("compare_methods").main([*arguments, "--epochs", "5"])


@pytest.mark.parametrize("net", [NetClassifier(), NetRegressor()], ids=["classes", "targets"])
def test_every_method_has_a_row_for_its_task(script, net):
    problem = replace(script("_comparison_data").digits(BENCHMARKS), net=net)
    models = [row.build(problem, seed=3) for row in script("_methods").methods(problem)]
    assert {model.random_state for model in models} == {3}
    built = {type(model).__name__ for model in models}
    kind = "Classifier" if isinstance(net, NetClassifier) else "Regressor"
    assert built == names_of(kind) | {f"CrossFittedEnsemble{kind}", f"TabularSnapshot{kind}"}


def test_what_is_untouched_has_the_seed_alone(script):
    problem = script("_comparison_data").digits(BENCHMARKS)
    rows = [row for row in script("_methods").methods(problem) if row.is_untouched]
    for row in rows:
        model = row.build(problem, seed=7)
        assert model.random_state == 7
        assert model.set_params(random_state=None).get_params() == type(model)().get_params()
    assert len(rows) == 2


def test_only_rows_that_are_asked_for_are_missing(script):
    runs = script("_comparison_runs")
    study = runs.Study("digits", BENCHMARKS, None, is_quick=True)
    found = runs.missing(study, [{"seed": 0, "method": "SWA"}], 2, ["SWA", "SWAG"])
    assert found == [(study, 0, "SWAG"), (study, 1, "SWA"), (study, 1, "SWAG")]


def test_fits_go_seed_by_seed(script, monkeypatch):
    tasks = []
    monkeypatch.setattr(
        script("compare_methods"), "make_runs", lambda found, jobs: tasks.extend(found) or ()
    )
    script("compare_methods").main(["--data", "digits", "--quick", "--seeds", "2"])
    n_methods = len(tasks) // 2
    assert [task[1] for task in tasks] == [0] * n_methods + [1] * n_methods


def names_of(kind):
    return {name for name in ensembles.methods.__all__ if name.endswith(kind)}


@pytest.mark.parametrize(
    ("spread", "expected"),
    # Errors of 3 and 5 have a mean square of 17; the spread explains some of it, or too much.
    [(0.0, 17), (2.0, 17 - 2**2), (6.0, 0)],
)
def test_the_noise_is_what_the_spread_leaves_of_the_errors(script, spread, expected):
    rows = SimpleNamespace(y=np.array([3.0, -5.0]))
    noise = script("_scores").fit_noise_variance(rows, np.zeros(2), np.full(2, spread))
    # The search stops at 1e-5 of the logarithm, and does not look below 1e-6 of the mean square.
    assert noise == pytest.approx(expected, rel=1e-4, abs=2e-5 * 17)


def test_targets_are_scored_as_gaussians_of_spread_and_noise(script):
    rng = np.random.default_rng(0)
    mean, spread = rng.normal(size=4000), rng.uniform(0.5, 2, size=4000)
    # The noise that the spread does not know of has a standard deviation of 1.
    y = mean + rng.normal(size=4000) * np.sqrt(spread**2 + 1)
    rows = SimpleNamespace(y=y)
    problem = SimpleNamespace(val=rows, test=rows)
    found = script("_scores").score_targets(problem, (mean, spread), (mean, spread))
    variances = spread**2 + found["noise"] ** 2
    assert found["noise"] == pytest.approx(1, abs=0.05)
    assert found["RMSE"] == pytest.approx(math.sqrt(np.mean((y - mean) ** 2)))
    losses = np.log(2 * np.pi * variances) / 2 + (y - mean) ** 2 / (2 * variances)
    assert found["CLL"] == pytest.approx(-losses.mean())
    # Shares of 4000 rows vary by less than a per cent.
    assert found["covered %"] == pytest.approx(90, abs=1.5)
    assert found["calibration"] < 0.02


def test_the_noise_is_that_of_validation_rows(script):
    # Errors of 3 there and of 1 where methods are scored.
    val, test = (SimpleNamespace(y=np.array([a, -a])) for a in (3.0, 1.0))
    problem, moments = SimpleNamespace(val=val, test=test), (np.zeros(2), np.zeros(2))
    found = script("_scores").score_targets(problem, moments, moments)
    assert found["noise"] == pytest.approx(3, rel=1e-4)
    assert found["RMSE"] == 1
    assert found["CRPS"] == pytest.approx(metrics.gaussian_crps([1, -1], [0, 0], [3, 3]), rel=1e-4)


def test_the_spread_of_some_nets_is_the_standard_deviation_of_their_values(script):
    rows = SimpleNamespace(X=None, y=np.array([2.0 + 3, 2 - 3]))
    problem = SimpleNamespace(is_classification=False, val=rows, test=rows)
    model = SimpleNamespace(member_predict=lambda X: np.array([[0.0, 0.0], [4.0, 4.0]]))
    one, both = script("_scores").score_sizes(model, problem)
    # Either net errs by 5 and by 1. Both lie 2 from their mean, which errs by 3.
    assert one["noise"] == pytest.approx(math.sqrt((5**2 + 1) / 2), rel=1e-4)
    assert both["noise"] == pytest.approx(math.sqrt(3**2 - 2**2), rel=1e-4)


def test_each_score_of_classes_is_the_metric_of_its_name(script):
    rng = np.random.default_rng(0)
    proba, labels = rng.dirichlet([1, 1, 1], 60), np.array(["a", "b", "c"])
    y = labels[rng.integers(0, 3, 60)]
    error, how = metrics.expected_calibration_error, {"labels": labels}
    expected = {
        "error %": 100 * np.mean(labels[proba.argmax(axis=1)] != y),
        "NLL": -np.log(proba[np.arange(60), np.searchsorted(labels, y)]).mean(),
        "CLL": metrics.calibrated_log_likelihood(y, proba, **how),
        "ECE": error(y, proba, **how),
        "ECE, equal mass": error(y, proba, strategy="quantile", **how),
        "ECE, class-wise": error(y, proba, classwise=True, **how),
        "risk-coverage": metrics.risk_coverage_area(y, proba, **how),
        "answered %": 100 * metrics.accuracy_at_coverage(y, proba, coverage=0.9, **how),
    }
    assert len({round(value, 6) for value in expected.values()}) == 8
    assert script("_scores").score_classes(proba, y, labels) == pytest.approx(expected)


def test_a_size_of_a_deep_ensemble_is_the_mean_over_runs_of_its_nets(script):
    # Each of three nets is equally sure of a for all rows, three of which are a.
    sure = np.array([0.1, 0.2, 0.6])
    proba = np.repeat(np.stack([sure, 1 - sure], axis=1)[:, None], 4, axis=1)
    model = SimpleNamespace(
        classes_=np.array(["a", "b"]), member_predict_proba=lambda X: proba.astype(np.float32)
    )
    rows = SimpleNamespace(X=None, y=np.array(["a", "a", "a", "b"]))
    problem = SimpleNamespace(is_classification=True, test=rows)
    sizes = script("_scores").score_sizes(model, problem)

    def loss(p):
        return -(3 * math.log(p) + math.log(1 - p)) / 4

    # Pairs go round: the first and second, the second and third, the third and first.
    averages = [(0.1, 0.2, 0.6), (0.15, 0.4, 0.35), (0.3,)]
    expected = [np.mean([loss(p) for p in means]) for means in averages]
    np.testing.assert_allclose([size["NLL"] for size in sizes], expected, rtol=1e-6)
    # Only the third net, on its own, takes a for the most probable.
    wrong = [(75 + 75 + 25) / 3, 75, 75]
    assert [size["error %"] for size in sizes] == pytest.approx(wrong)


def test_foreign_rows_are_told_by_the_weighted_members(script):
    # Of a: with the weights, means of 0.5125 and 0.375; alike, of 0.575 and 0.55. The third member
    # has no weight.
    of_a = {"known": [0.7, 0.45, 0.0], "foreign": [0.9, 0.2, 0.5]}
    members = {X: np.array([[[p, 1 - p]] for p in values]) for X, values in of_a.items()}
    model = SimpleNamespace(
        weights_=np.array([0.25, 0.75, 0.0]), member_predict_proba=lambda X: members[X]
    )
    problem = SimpleNamespace(test=SimpleNamespace(X="known"), foreign={"spoilt": "foreign"})
    # The entropy of the mean is higher where it is nearer to a half; members agree there.
    assert script("_scores").score_foreign(model, problem) == {
        "AUROC, spoilt, total": 0.0,
        "FPR95, spoilt, total": 1.0,
        "AUROC, spoilt, epistemic": 1.0,
        "FPR95, spoilt, epistemic": 0.0,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "--seeds must be an int >= 1, got 0."),
        (["--jobs", "0"], "--jobs must be an int >= 1, got 0."),
        (["--epochs", "0"], "--epochs must be an int >= 1, got 0."),
        (["--data", "letter", "--path", "nowhere"], "--path must be a folder with letter.csv.xz"),
    ],
)
def test_bad_arguments_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("compare_methods").main(["--data", "digits", *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_another_seed_is_another_training(quick_run, script):
    (first,) = (run for run in quick_run[1] if run["method"] == script("_methods").BASELINE)
    study = script("_comparison_runs").Study("digits", BENCHMARKS, None, is_quick=True)
    second = script("_comparison_runs").measure(study, 1, first["method"])
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["CLL"] != second["CLL"]
    # It has learnt from the training rows alone.
    problem, method = study.problem(), study.methods()[first["method"]]
    model = method.build(problem, seed=1).fit(problem.train.X, problem.train.y)
    assert second["CLL"] == script("_scores").score(model, problem)["CLL"]


def test_fewer_epochs_than_nets_are_refused(script):
    with pytest.raises(SystemExit, match="--epochs must be >= 5, one for each net, got 4"):
        script("compare_methods").main(["--data", "digits", "--epochs", "4"])
