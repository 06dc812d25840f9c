import json
import math
from contextlib import redirect_stdout
from dataclasses import replace
from importlib import import_module
from io import StringIO
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch

from skensemble import NetClassifier, NetRegressor, ensembles

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def script():
    """Give a function that imports a script as scripts import each other: by its bare name."""
    n_threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield import_module
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def quick_run(script, tmp_path_factory):
    """Report, table and printed lines of the quickest comparison."""
    folder = tmp_path_factory.mktemp("results")
    with redirect_stdout(StringIO()) as printed:
        script("compare_methods").main(["--data", "digits", "--quick", "--output", str(folder)])
    report = json.loads((folder / "methods_digits.json").read_text())
    return report, (folder / "methods_digits.md").read_text(), printed.getvalue()


@pytest.mark.slow
def test_every_method_is_compared_and_has_finite_numbers(quick_run, script):
    report, table, printed = quick_run
    problem = script("_comparison_data").digits(BENCHMARKS)
    runs = report["runs"]
    assert {run["class"] for run in runs} == names_of("Classifier")
    names = [run["method"] for run in runs]
    assert (
        len(names)
        == len(set(names))
        == len(report["summary"])
        == len(script("_methods").methods(problem))
    )
    for run in runs:
        numbers = [value for value in run.values() if isinstance(value, int | float)]
        # The seed; three scores; steps, bytes, and the six costs of the table.
        assert len(numbers) == 1 + 3 + 2 + 6
        assert all(map(math.isfinite, numbers)), run
        assert f"| {run['method']} | {run['error %']:.2f} |" in table
        assert f"seed 0, {run['method']}: " in printed


@pytest.mark.slow
def test_costs_are_in_units_of_one_net(quick_run):
    report, _table, _printed = quick_run
    costs = {name: values["median"] for name, values in report["summary"].items()}
    # A quick run has 2 cycles, 2 nets and 4 epochs; 20 draws are the defaults.
    expected = {
        "single net, one cosine cycle": (1, 1, 1),
        "snapshot ensemble": (1, 2, 2),
        "SWA": (1, 1, 1),
        "SWAG": (1, 20, 20),
        "2 nets of 2 epochs": (1, 2, 2),
        "2 nets of 4 epochs": (2, 2, 2),
    }
    for name, values in expected.items():
        assert tuple(costs[name][key] for key in ("training", "passes", "memory")) == values, name
    # All draws of dropout share the weights; each has 8 bytes of its own for a layer's seed.
    assert costs["MC dropout"]["passes"] == 20
    assert costs["MC dropout"]["memory"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("net", [NetClassifier(), NetRegressor()], ids=["classes", "targets"])
def test_every_method_has_a_row_for_its_task(script, net):
    problem = replace(script("_comparison_data").digits(BENCHMARKS), net=net)
    built = {
        type(row.build(problem, seed=0)).__name__ for row in script("_methods").methods(problem)
    }
    kind = "Classifier" if isinstance(net, NetClassifier) else "Regressor"
    assert built == names_of(kind)


def names_of(kind):
    return {name for name in ensembles.methods.__all__ if name.endswith(kind)}


def test_the_nll_of_errors_is_that_of_their_gaussians(script):
    nll = script("_scores").gaussian_nll(np.array([0.0, 3.0]), np.array([1.0, 4.0]))
    first = math.log(2 * math.pi) / 2
    second = math.log(2 * math.pi * 4) / 2 + 3**2 / (2 * 4)
    assert nll == pytest.approx((first + second) / 2)


@pytest.mark.parametrize(
    ("spread", "expected"),
    # Errors of 3 and 5 have a mean square of 17; the spread explains some of it, or too much.
    [(0.0, 17), (2.0, 17 - 2**2), (6.0, 0)],
)
def test_the_noise_is_what_the_spread_leaves_of_the_errors(script, spread, expected):
    variances = np.full(2, spread**2)
    noise = script("_scores").fit_noise_variance(np.array([3.0, -5.0]), variances)
    # The search stops at 1e-5 of the logarithm, and does not look below 1e-6 of the mean square.
    assert noise == pytest.approx(expected, rel=1e-4, abs=2e-5 * 17)


def test_calibration_compares_levels_with_shares_of_rows(script):
    error = script("_scores").quantile_calibration_error
    # Both rows lie below the quantiles of 0.6 to 0.9, one below the others (-1 is that of 0.16).
    shares = [0, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]
    distances = [abs(share - q / 10) for q, share in enumerate(shares, start=1)]
    assert error(np.array([-1.0, 0.1])) == pytest.approx(np.mean(distances))


def test_exact_quantiles_are_calibrated(script):
    standardised = np.array([NormalDist().inv_cdf((k + 0.5) / 1000) for k in range(1000)])
    # A tenth of 1000 rows lies between each two of the quantiles.
    assert script("_scores").quantile_calibration_error(standardised) == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
def test_the_spread_of_members_and_the_noise_make_a_regressors_gaussian(script):
    comparison, scores = script("_comparison_data"), script("_scores")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    rows = comparison.Rows(X, 1000 * (X[:, 0] + 0.5 * rng.normal(size=600)))
    model = ensembles.SnapshotEnsembleRegressor(
        NetRegressor(max_epochs=10), M=2, random_state=0
    ).fit(rows.X, rows.y)
    found = scores.score_regressor(model, rows, rows)
    mean, spread = model.predict(X, return_std=True)
    assert found["RMSE"] == pytest.approx(math.sqrt(np.mean((rows.y - mean) ** 2)))
    variances = spread**2 + found["noise"] ** 2
    losses = np.log(2 * np.pi * variances) / 2 + (rows.y - mean) ** 2 / (2 * variances)
    assert found["NLL"] == pytest.approx(losses.mean())
    # The noise was put in with a standard deviation of 500; the nets learn a little of it.
    assert 400 < found["noise"] < 520
    # Gaussian noise on the rows that it was fitted to: shares of 600 rows vary by some 0.02.
    assert found["calibration"] < 0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "--seeds must be an int >= 1, got 0."),
        (["--epochs", "0"], "--epochs must be an int >= 1, got 0."),
        (["--data", "letter", "--path", "nowhere"], "--path must be a folder with letter.csv.xz"),
    ],
)
def test_bad_arguments_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("compare_methods").main(["--data", "digits", *arguments])
    assert message in capsys.readouterr().err


def test_fewer_epochs_than_nets_are_refused(script):
    with pytest.raises(SystemExit, match="--epochs must be >= 5, one for each net, got 4"):
        script("compare_methods").main(["--data", "digits", "--epochs", "4"])


@pytest.fixture(scope="module")
def quick_search(script, tmp_path_factory):
    """Report, tables and printed lines of the quickest comparison of searches."""
    folder = tmp_path_factory.mktemp("results")
    with redirect_stdout(StringIO()) as printed:
        script("search").main(["--quick", "--output", str(folder)])
    report = json.loads((folder / "search.json").read_text())
    return report, (folder / "search.md").read_text(), printed.getvalue()


@pytest.mark.slow
def test_searches_are_compared_for_as_many_fits(quick_search):
    report, table, printed = quick_search
    assert len(report["summary"]) == 5 + 1 + 1
    for summary in report["summary"]:
        race, others = summary["what"].split(",")[0], report["raw"]
        name = summary["name"].removesuffix(" / ours")
        seconds, measured = others[race]["seconds"], others[race]["measured fits"]
        scale = measured["LockstepGridSearchCV"] / measured[name]
        expected = scale * seconds[name][0] / seconds["LockstepGridSearchCV"][0]
        assert summary["value"] == pytest.approx(expected)
        assert f"{measured[name]} of {measured['LockstepGridSearchCV']} | {name} / ours" in table
        assert f"{name} / ours" in printed


@pytest.mark.slow
def test_a_search_in_lock_step_trains_all_nets_as_one_population(quick_search):
    raw = quick_search[0]["raw"]
    # 45 are 3 values of M, 3 rates and 5 folds; on the digits 2, 2 and 3.
    for race, n_nets in {"blobs": 45, "short blobs": 45, "digits": 2 * 2 * 3}.items():
        group = {"engine": "closed form", "n_nets": n_nets, "n_fits": n_nets}
        assert raw[race]["groups"] == [group]


@pytest.mark.slow
def test_steps_are_timed_for_each_way_and_number_of_nets(quick_search):
    report, table, _printed = quick_search
    steps = report["raw"]["steps"]
    together = {way: set(steps.pop(way)) for way in ("closed form", "torch.func")}
    assert together == {way: {"1", "3"} for way in together}
    # What makes its nets one by one is timed with one.
    assert [set(values) for values in steps.values()] == [{"1"}, {"1"}]
    for way in (*together, *steps, *(f"hand-written loop / {way}" for way in together)):
        assert f"\n| {way} | " in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "0"], "--repeats must be an int >= 1, got 0."),
        (["--path", "nowhere"], "--path must be a folder with letter.csv.xz in it, got nowhere."),
    ],
)
def test_bad_arguments_of_search_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("search").main(arguments)
    assert message in capsys.readouterr().err
