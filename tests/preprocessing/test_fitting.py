import numpy as np
import pytest
import torch
from scipy.special import ndtri
from sklearn.preprocessing import QuantileTransformer

from skensemble.preprocessing import encode_rows, fit_tables
from skensemble.preprocessing._fitting import filled_up

NONE = {"values": False, "normals": False}


def column(*values):
    return np.array(values, dtype=np.float32)[:, None]


def bins_of(coded, n_bins):
    """Return the edges of the bins of a table of one column."""
    tables = fit_tables(coded, [0], **NONE, n_bins=n_bins)
    widths = 1 / tables.floats["steepness"]
    lower = tables.floats["middles"] - widths / 2
    np.testing.assert_allclose(lower[1:], (lower + widths)[:-1], rtol=1e-6, atol=1e-7)
    return [*lower, lower[-1] + widths[-1]]


def ranks_at(tables, *values):
    """Return ranks, told from their cosine of one half wave."""
    cosines = tables.encode(torch.tensor(values, dtype=torch.float64)[:, None])[:, 0]
    return (torch.arccos(cosines) / torch.pi).numpy()


def test_ranks_count_equal_values_half():
    tables = fit_tables(column(1, 1, 2, np.nan, 4), [0], **NONE, n_cosines=1)
    ranks = ranks_at(tables, 1, 2, 4)
    np.testing.assert_allclose(ranks, [(0 + 2) / 8, (2 + 3) / 8, (3 + 4) / 8], rtol=1e-6)


def test_ranks_lie_on_lines_between_values_and_are_0_and_1_beyond():
    tables = fit_tables(column(1, 1, 2, 4), [0], **NONE, n_cosines=1)
    ranks = ranks_at(tables, 3, 3.5, 0.9999, -1e9, 4.0001, 1e9)
    expected = [(5 / 8 + 7 / 8) / 2, 5 / 8 * 0.25 + 7 / 8 * 0.75, 0, 0, 1, 1]
    np.testing.assert_allclose(ranks, expected, atol=1e-6)


@pytest.mark.parametrize("end", [0.0, 1.0, 1e-38])
def test_ranks_jump_right_beside_the_ends(end):
    """Also where the numbers beside 0 are smaller than what some processors keep."""
    tiny, infinity = np.finfo(np.float32).tiny, np.float32(np.inf)
    at = np.float32(end)
    for sign in (1, -1):
        tables = fit_tables(column(sign * end, sign * (end + 1)), [0], **NONE, n_cosines=1)
        outside = sign * min(np.nextafter(at, -infinity), at - tiny)
        ranks = [1 / 4, 0] if sign == 1 else [3 / 4, 1]
        np.testing.assert_allclose(ranks_at(tables, sign * end, outside), ranks, atol=1e-6)
        assert np.diff(tables.floats["knots"]).min() >= tiny


@pytest.mark.parametrize("n_distinct", [999, 1000])
def test_ranks_are_exact_at_each_value_of_at_most_1000(n_distinct):
    values = np.random.default_rng(0).integers(0, n_distinct, 5000)
    values[:n_distinct] = np.arange(n_distinct)
    tables = fit_tables(column(*values), [0], values=False)
    rows = np.sort(values)
    ranks = (np.searchsorted(rows, values) + np.searchsorted(rows, values, side="right")) / 10_000
    normals = np.clip(ndtri(ranks), -3.5, 3.5)
    # A rank of float32 is off by 6e-8, and the density where it is steepest is .0024.
    np.testing.assert_allclose(encode_rows(tables, column(*values))[:, 0], normals, atol=3e-5)


def test_ranks_of_more_values_are_kept_at_1000_of_them_spread_by_rank():
    values = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    tables = fit_tables(values[:, None], [0], values=False)
    knots, kept = tables.floats["knots"][0], tables.floats["ranks"][0]
    assert len(knots) == 1000 + 2
    assert (knots[1], knots[-2]) == (values.min(), values.max())
    assert np.isin(knots[1:-1], values).all()
    assert np.diff(kept).max() < 3 / 1000
    normals = ndtri((values.argsort().argsort() + 0.5) / 5000)
    np.testing.assert_allclose(
        encode_rows(tables, values[:, None])[:, 0], normals.clip(-3.5, 3.5), atol=0.02
    )


def test_a_value_that_most_rows_share_leaves_knots_for_the_others():
    rng = np.random.default_rng(0)
    values = np.append(np.zeros(20_000), rng.normal(size=3000)).astype(np.float32)
    tables = fit_tables(values[:, None], [0], values=False)
    assert np.isfinite(tables.floats["knots"][0]).sum() == 1000 + 2
    assert 0 in tables.floats["knots"][0]


def test_normals_are_those_of_scikit_learns_quantiles_but_at_the_ends():
    values = np.random.default_rng(0).normal(size=(500, 1)).astype(np.float32)
    ours = encode_rows(fit_tables(values, [0], values=False), values)[:, 0]
    quantiles = QuantileTransformer(n_quantiles=500, output_distribution="normal")
    theirs = quantiles.fit_transform(values)[:, 0]
    inner = values.argsort(axis=0)[50:-50, 0]
    # Ranks differ by half a row, of density .18 at the least where a tenth is cut.
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=0.5 / 500 / 0.17)
    assert np.abs(ours).max() == pytest.approx(-ndtri(0.5 / 500), rel=1e-5)
    assert np.abs(theirs).max() > 5


def test_bins_lie_between_quantiles():
    coded = np.arange(101, dtype=np.float32)[:, None]
    np.testing.assert_allclose(bins_of(coded, 4), [0, 25, 50, 75, 100])


def test_quantiles_are_those_of_the_rows_on_lines_between_them():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1000, 1)).astype(np.float32)
    expected = np.quantile(values.astype(float), np.linspace(0, 1, 17))
    np.testing.assert_allclose(bins_of(values, 16), expected, rtol=1e-5, atol=1e-6)


def test_few_values_are_the_edges_themselves():
    coded = column(*[0] * 50, 1, 2, 7, np.nan)
    assert bins_of(coded, 16) == [0, 1, 2, 7]
    assert bins_of(coded, 3) == [0, 1, 2, 7]
    # The quantile in the middle would be 1.5.
    assert bins_of(column(0, 1, 2, 2), 2) == [0, 1, 2]


def test_where_quantiles_tie_other_values_fill_the_bins_up():
    coded = column(*[0] * 900, *range(1, 101))
    edges = bins_of(coded, 16)
    assert len(edges) == 16 + 1
    assert len(set(edges)) == len(edges)
    assert (edges[0], edges[-1]) == (0, 100)
    # Quantiles give 0, the 94th percentile and 100; the others are spread over all values.
    assert np.diff(edges[1:]).max() < 100 / 8


def test_numbers_are_values_and_normals_unless_more_is_wanted():
    assert fit_tables(column(1, 2), [0]).kinds == ["value", "normal"]
    assert fit_tables(column(1, 2), [0], normals=False).kinds == ["value"]


def test_others_are_spread_evenly_over_what_is_left():
    filled = filled_up(np.array([0, 100]), np.arange(101), 6)
    # In the middle of each fourth of the 99 others, from 1 on.
    assert filled.tolist() == [0, *(1 + int(99 * place / 8) for place in (1, 3, 5, 7)), 100]
    assert filled_up(np.array([0, 2]), np.arange(3), 9).tolist() == [0, 1, 2]


def test_a_column_of_one_value_has_no_features_but_an_indicator():
    coded = np.array([[7, 7, 1], [7, np.nan, 2], [7, 7, 3]], dtype=np.float32)
    tables = fit_tables(coded, [0, 0, 0], n_bins=4, n_cosines=2, n_atoms=4)
    assert set(tables.columns) == {1, 2}
    assert [kind for kind, j in zip(tables.kinds, tables.columns, strict=True) if j == 1] == [
        "missing"
    ]


@pytest.mark.parametrize("fill", [0.0, 5.0])
def test_a_table_of_nothing_has_one_value(fill):
    tables = fit_tables(np.full((3, 2), fill, dtype=np.float32), [0, 1], n_bins=4)
    assert (tables.kinds, tables.columns) == (["value"], (0,))
    alone = fit_tables(np.full((3, 2), fill, dtype=np.float32), [0, 1], indicators=False)
    assert encode_rows(alone, np.zeros((3, 2), dtype=np.float32)).shape == (3, 0)


def shared(count, n_rows, n_distinct=18):
    """Make a column in which 0 has some rows, and others at least one, of `n_distinct` values."""
    others = np.resize(np.arange(1, n_distinct), n_rows - count)
    return column(*[0.0] * count, *others)


def atoms_of(coded, n_atoms=24):
    return fit_tables(coded, [0], **NONE, n_atoms=n_atoms).floats["atoms"].tolist()


def test_atoms_are_values_of_at_least_20_rows():
    assert atoms_of(shared(20, 60)) == [0]
    assert 0 not in atoms_of(shared(19, 59))


def test_atoms_are_values_of_at_least_one_row_in_500_those_of_missing_values_counted():
    others = np.arange(1.0, 20_500 - 41 + 1)
    coded = column(*[0.0] * 41, *others)
    assert len(coded) == 41 * 500
    assert atoms_of(coded) == [0]
    assert atoms_of(np.append(coded, column(np.nan), axis=0)) == []


def test_of_many_rows_atoms_are_shares_of_those_that_are_looked_at(monkeypatch):
    monkeypatch.setattr("skensemble.preprocessing._fitting.MOST_ROWS", 10_000)
    coded = np.arange(20_500, dtype=np.float32)[:, None]
    # 10,000 of 20,500 rows are looked at, with 29 or 30 of these 60: one in 500 of them is 20.
    coded[:60] = 0
    assert atoms_of(coded) == [0]


def test_columns_of_17_values_have_no_atoms():
    assert atoms_of(shared(40, 100, n_distinct=17)) == []
    assert atoms_of(shared(40, 100, n_distinct=18)) == [0]


def test_the_most_frequent_atoms_come_first():
    coded = column(*np.repeat(np.arange(30), np.arange(10, 40)), np.nan)
    assert atoms_of(coded, 3) == [29, 28, 27]
    assert atoms_of(coded) == [*range(29, 9, -1)]


def test_categories_of_two_levels_are_one_feature_and_of_one_none():
    coded = np.array([[0, 0, 0], [0, 1, 1], [0, 1, 2]], dtype=np.float32)
    tables = fit_tables(coded, [1, 2, 3])
    assert tables.kinds == ["pair", "level", "level", "level"]
    assert tables.columns == (1, 2, 2, 2)
    features = encode_rows(tables, np.array([[0, 0, 2], [0, -1, -1], [0, np.nan, 0]], "float32"))
    assert features.tolist() == [[-1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_numbers_and_categories_with_missing_values_have_an_indicator():
    coded = np.array([[1, 0, 5, 0], [2, np.nan, np.nan, 1]], dtype=np.float32)
    tables = fit_tables(coded, [0, 2, 0, 2])
    missing = [j for kind, j in zip(tables.kinds, tables.columns, strict=True) if kind == "missing"]
    assert missing == [1, 2]


@pytest.fixture
def few_rows(monkeypatch):
    monkeypatch.setattr("skensemble.preprocessing._fitting.MOST_ROWS", 100)


@pytest.mark.usefixtures("few_rows")
def test_of_many_rows_some_are_taken_evenly_but_all_are_looked_at_for_missing_values():
    coded = np.arange(1001, dtype=np.float32)[:, None]
    coded[5] = np.nan
    tables = fit_tables(coded, [0], values=False, n_bins=2)
    assert tables.floats["middles"].tolist() == pytest.approx([250, 750], abs=2)
    assert (tables.floats["knots"][0, 1], tables.floats["knots"][0, -2]) == (0, 1000)
    assert tables.kinds.count("missing") == 1
    assert len(tables.floats["knots"][0]) == 100 + 2
