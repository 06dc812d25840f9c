"""The data of the comparison of methods: parts, scales and rows from elsewhere."""

import lzma
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def data(monkeypatch):
    """Give the module, imported as scripts import each other: by its bare name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("_comparison_data")


@pytest.mark.parametrize(("name", "kinds"), [("digits", 2)])
def test_foreign_rows_have_the_values_of_test_rows_in_other_places(data, name, kinds):
    problem = data.LOADERS[name](BENCHMARKS)
    assert len(problem.foreign) == kinds
    for rows in problem.foreign.values():
        assert rows.shape == problem.test.X.shape
        assert not np.array_equal(rows, problem.test.X)
        np.testing.assert_array_equal(np.sort(rows), np.sort(problem.test.X))


def test_mixed_columns_keep_the_values_of_each_column(data, tmp_path):
    table = pd.DataFrame({"Letter": ["A", "B"] * 40, "x": range(80), "y": range(500, 580)})
    table.to_csv(tmp_path / "letter.csv.xz", index=False)
    problem = data.letter(tmp_path)
    mixed = problem.foreign["mixed columns"]
    assert not np.array_equal(mixed, problem.test.X)
    np.testing.assert_array_equal(np.sort(mixed, axis=0), np.sort(problem.test.X, axis=0))
    # Of a row of the data both columns say the same.
    np.testing.assert_allclose(problem.test.X[:, 0], problem.test.X[:, 1])
    assert not np.allclose(mixed[:, 0], mixed[:, 1])


@pytest.mark.parametrize(("val_share", "sizes"), [(0.1, [270, 30, 100]), (0.0, [300, 100])])
def test_training_rows_alone_set_the_scale_and_no_row_is_in_two_parts(data, val_share, sizes):
    numbers = np.arange(400)
    X = np.stack([numbers, 3.0 * numbers**2], axis=1)
    y = numbers if val_share else numbers % 2
    parts = data._split(X, y, val_share=val_share)
    train = parts[0]
    assert [len(part.y) for part in parts] == sizes
    np.testing.assert_allclose(train.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(train.X.std(axis=0), 1)
    # Numbers are spaced alike in all parts.
    everyone = np.sort(np.concatenate([part.X[:, 0] for part in parts]))
    np.testing.assert_allclose(np.diff(everyone), everyone[1] - everyone[0], rtol=1e-9)
    if val_share:
        assert np.sort(np.concatenate([part.y for part in parts])).tolist() == numbers.tolist()
    else:
        assert [part.y.mean() for part in parts] == [1 / 2] * 2


def test_one_scale_is_that_of_all_values_of_training_rows(data):
    X = np.random.default_rng(0).normal([0, 5], [1, 10], size=(400, 2))
    train, test = data._split(X, np.arange(400) % 2, one_scale=True)
    assert train.X.mean() == pytest.approx(0, abs=1e-12)
    assert train.X.std() == pytest.approx(1)
    assert test.X.mean() != pytest.approx(0, abs=1e-3)


def test_without_weight_decay_no_method_needs_it_as_a_prior(data, tmp_path):
    file = data.FILES["letter"]
    lines = [f"{k % 2},{k},{'AB'[k % 2]}" for k in range(40)]
    with lzma.open(tmp_path / file, "wt") as table:
        table.write("\n".join(["a,b,Letter", *lines]))
    with_decay, without = (data.LOADERS[name](tmp_path) for name in ("letter", "letter_no_decay"))
    assert with_decay.net.optimizer__weight_decay == 1e-4
    assert without.net.optimizer__weight_decay == 0
    np.testing.assert_array_equal(with_decay.test.X, without.test.X)
    rows, fewer = (import_module("_methods").methods(problem) for problem in (with_decay, without))
    assert {row.family for row in rows} - {row.family for row in fewer} == {
        "CyclicalSGLD",
        "KFACLaplace",
        "Variational",
        "TabularSnapshot",
    }


def test_pixels_have_one_scale(data):
    X = data.digits(BENCHMARKS).train.X
    assert X.mean() == pytest.approx(0, abs=1e-12)
    assert X.std() == pytest.approx(1)
    # Columns keep theirs: the first pixel is white in all digits.
    assert np.ptp(X[:, 0]) == 0
    assert np.ptp(X.mean(axis=0)) > 1


def test_rows_are_what_their_names_say(data):
    problem = data.digits(BENCHMARKS)
    rows = import_module("_methods").methods(problem)
    models = {row.name: row.build(problem, seed=0) for row in rows}
    assert models["SingleCycle"].cold_restart
    assert (models["NoCycle"].schedule, models["NoCycle"].M) == ("step", problem.M)
    assert models["its last snapshot alone"].m == 1
    assert models["snapshot ensemble"].m is None
    # Five nets that share 60 epochs.
    assert models["5 nets of 12 epochs"].estimator.max_epochs == 60 / 5
    assert models["6 nets of 60 epochs"].estimator.max_epochs == 60
