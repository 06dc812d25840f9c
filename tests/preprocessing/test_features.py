import numpy as np
import pytest

from skensemble.modules import EncodingTables
from skensemble.preprocessing import TableEncoder, encode_rows


@pytest.mark.parametrize("n_rows", [0, 1, 255, 256, 257, 600])
def test_rows_are_encoded_alike_in_whichever_block_they_are(n_rows):
    tables = EncodingTables(2, values=[1, 0], missing=[1])
    coded = np.arange(2 * n_rows, dtype=np.float32).reshape(n_rows, 2)
    z = coded[:, [1, 0]].astype(float)
    features = encode_rows(tables, coded)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:, :2], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    assert not features[:, 2].any()


def names_of(X, **parameters):
    return TableEncoder(**parameters).fit(X).get_feature_names_out().tolist()


def test_features_are_called_by_their_column_and_what_they_are():
    X = [[value, kind, sex] for value, kind, sex in zip([1, 2, None], "abc", "fmm", strict=True)]
    assert names_of(X, numbers=("values", "normals", "bins", "cosines"), n_cosines=2) == [
        *("x0_value", "x0_normal", "x0_bin0", "x0_rank_cos1", "x0_rank_cos2"),
        *("x2_m", "x1_a", "x1_b", "x1_c", "x0_missing"),
    ]


def atoms(*values):
    """Make a column of 17 other values, in which these are shared by 20 rows each."""
    return np.concatenate([np.linspace(3, 7, 17), np.repeat(values, 20)])[:, None]


@pytest.mark.parametrize(
    "values", [(40, -0.5), (40, 40.0001), (2020, 0.001), (-123456, 0), (0, 7.3)]
)
def test_atoms_are_called_by_their_value_in_the_column(values):
    names = names_of(atoms(*values), numbers=("atoms",))
    assert {*names} == {f"x0_is_{value!r}" for value in values}
