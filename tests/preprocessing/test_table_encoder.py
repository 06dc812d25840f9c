import numpy as np
import pytest
import torch

from skensemble import InvalidParameterError
from skensemble.modules import MLP, TableEncoding
from skensemble.preprocessing import (
    AtomEncoder,
    PiecewiseLinearEncoder,
    RankCosines,
    RankNormalizer,
    RobustClipper,
    TableCoder,
    TableEncoder,
)

ALONE = {
    "values": RobustClipper(),
    "normals": RankNormalizer(),
    "bins": PiecewiseLinearEncoder(),
    "cosines": RankCosines(),
    "atoms": AtomEncoder(),
}
NUMBERS = np.random.default_rng(0).normal(size=(200, 2)) * (np.arange(400).reshape(200, 2) % 5 > 0)
NUMBERS[7, 1] = np.nan


def table(sex=("f", "m", "f", None), job=("a", "b", "c", "a")):
    """Make rows of two categories."""
    return [list(row) for row in zip(sex, job, strict=True)]


@pytest.mark.parametrize("kind", ALONE)
def test_each_kind_of_numbers_is_that_of_its_own_encoder(kind):
    expected = ALONE[kind].fit_transform(NUMBERS)
    features = TableEncoder(numbers=(kind,)).fit_transform(NUMBERS)
    np.testing.assert_array_equal(features[:, :-1], expected)
    np.testing.assert_array_equal(features[:, -1], np.arange(200) == 7)


def test_kinds_stand_in_one_order():
    encoder = TableEncoder(numbers=list(ALONE)[::-1]).fit(NUMBERS)
    parts = [ALONE[kind].fit_transform(NUMBERS) for kind in ALONE]
    missing = np.isnan(NUMBERS[:, 1:])
    np.testing.assert_array_equal(encoder.transform(NUMBERS), np.hstack([*parts, missing]))
    assert encoder.columns_ == (0, 1) * 2 + (0,) * 16 + (1,) * 16 + (0,) * 24 + (1,) * 24 + (
        0,
        1,
        1,
    )


def test_counts_reach_their_features():
    encoder = TableEncoder(list(ALONE), n_bins=3, n_cosines=5, n_atoms=1).fit(NUMBERS[:, :1])
    kinds = encoder.tables_.kinds
    assert [kinds.count(kind) for kind in ("bin", "cosine", "atom")] == [3, 5, 1]
    assert TableEncoder().fit(NUMBERS).tables_.kinds.count("cosine") == 0


def test_categories_are_signs_or_indicators():
    encoder = TableEncoder().fit(table())
    assert encoder.get_feature_names_out().tolist() == [
        "x0_m",
        "x1_a",
        "x1_b",
        "x1_c",
        "x0_missing",
    ]
    assert [levels.tolist() for levels in encoder.categories_] == [["f", "m"], ["a", "b", "c"]]
    rows = table(sex=("m", "f", None, "q"), job=("c", "q", None, "a"))
    assert encoder.transform(rows).tolist() == [
        [1, 0, 0, 1, 0],
        [-1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 1, 0, 0, 0],
    ]


def test_numbers_are_categories_where_they_are_listed():
    encoder = TableEncoder(categorical_features=[1]).fit([[1, 5], [2, 7], [3, 5]])
    assert encoder.get_feature_names_out()[-1] == "x1_7"
    assert encoder.transform([[2.0, 5]])[0, -1] == -1
    with pytest.raises(ValueError, match="Column 'x0' must hold numbers, got 'f'"):
        TableEncoder(categorical_features=None).fit(table())


def test_columns_tell_a_net_which_features_belong_together():
    encoder = TableEncoder().fit(NUMBERS)
    features = torch.from_numpy(encoder.transform(NUMBERS))
    net = MLP(features.shape[1], 2, columns=encoder.columns_, column_scale=True)
    assert net(features).shape == (200, 2)


def test_tables_are_those_of_a_layer():
    encoder = TableEncoder().fit(NUMBERS)
    coded = torch.from_numpy(TableCoder().fit(NUMBERS).transform(NUMBERS))
    features = TableEncoding(encoder.tables_).eval()(coded)
    # Rows in blocks are computed by other instructions, in other orders.
    np.testing.assert_allclose(features, encoder.transform(NUMBERS), atol=1e-6)


@pytest.mark.parametrize("numbers", ["values", (), ("values", "cosine"), None, ("values", 3)])
def test_wrong_kinds_of_numbers_are_refused(numbers):
    with pytest.raises(InvalidParameterError, match=r"numbers must be one or more of \('values'"):
        TableEncoder(numbers=numbers).fit(NUMBERS)


@pytest.mark.parametrize("name", ["n_bins", "n_cosines", "n_atoms"])
def test_counts_are_checked_also_where_they_are_not_used(name):
    with pytest.raises(InvalidParameterError, match=rf"{name} must be an int >= 1, got 0\."):
        TableEncoder(numbers=("values",), **{name: 0}).fit(NUMBERS)
