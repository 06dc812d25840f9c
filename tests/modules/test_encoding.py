import copy
import pickle
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.modules import EncodingTables, TableEncoding

NAN = float("nan")


def encoded(tables, *rows, dtype=torch.float32):
    """Return the features of rows of floats."""
    return tables.encode(torch.tensor(rows, dtype=dtype))


def test_values_are_bent_towards_3():
    z = torch.tensor([[0.5, -2.0], [1e6, NAN]])
    features = EncodingTables(2, values=[1, 0]).encode(z)
    bent = z / torch.sqrt(1 + (z / 3) ** 2)
    torch.testing.assert_close(features, bent[:, [1, 0]].nan_to_num())
    huge = encoded(EncodingTables(1, values=[0]), [1e38], [-1e38])
    torch.testing.assert_close(huge[:, 0], torch.tensor([3.0, -3.0]))


RANKED = {"numbers": [1], "knots": [[-1, 0, 2, np.inf]], "ranks": [[0.1, 0.2, 0.6, 1]]}


def test_normals_are_normal_quantiles_of_ranks_on_lines_between_knots():
    tables = EncodingTables(2, **RANKED, normals=True)
    features = encoded(tables, [9, -5], [9, -1], [9, -0.5], [9, 1.5], [9, 2], [9, 5], [9, NAN])
    ranks = torch.tensor([0.1, 0.1, 0.15, 0.2 + 0.75 * 0.4, 0.6, 0.6])
    expected = torch.special.ndtri(ranks)
    torch.testing.assert_close(features[:-1, 0], expected, rtol=1e-5, atol=1e-6)
    assert features[-1] == 0


def test_normals_are_cut_at_3_and_a_half():
    tables = EncodingTables(1, numbers=[0], knots=[[0, 1]], ranks=[[0, 1]], normals=True)
    assert encoded(tables, [-1.0], [0.0001], [0.5], [2.0])[:, 0].tolist() == [-3.5, -3.5, 0, 3.5]


def test_cosines_are_of_the_rank_and_stand_number_by_number():
    knots = [[0, 1], [0, 2]]
    tables = EncodingTables(3, numbers=[2, 0], knots=knots, ranks=[[0, 1]] * 2, n_cosines=3)
    assert tables.columns == (2, 2, 2, 0, 0, 0)
    m = torch.tensor([1, 2, 3])
    expected = [torch.cos(torch.pi * m * u) / m**0.7 for u in (0.25, 0.4)]
    features = encoded(tables, [0.8, 99, 0.25])
    torch.testing.assert_close(features[0], torch.cat(expected), rtol=1e-5, atol=1e-6)
    assert not encoded(tables, [NAN, 99, NAN]).any()


def test_bins_say_how_far_a_value_has_come():
    tables = EncodingTables(2, bin_columns=[1, 1, 0], bins=[[0, 1], [1, 5], [-2, 2]])
    features = encoded(tables, [0, 0.25], [-9, 2], [1, 9], [NAN, NAN])
    bins = [[0.25 - 0.5, -0.5, 0], [0.5, 0.25 - 0.5, -0.5], [0.5, 0.5, 0.75 - 0.5], [0, 0, 0]]
    assert features.tolist() == bins


def test_atoms_and_levels_are_told_exactly():
    tables = EncodingTables(
        2, atom_columns=[0, 0], atoms=[0.1, 3], level_columns=[1, 1, 1], levels=[0, 1, 2]
    )
    rows = [[0.1, 0], [3, 2], [0.1000001, -1], [NAN, NAN]]
    expected = [[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert encoded(tables, *rows).tolist() == expected


def test_pairs_are_signs_and_0_where_unknown():
    tables = EncodingTables(1, pairs=[0])
    assert encoded(tables, [0], [1], [-1], [NAN])[:, 0].tolist() == [-1, 1, 0, 0]


def test_missing_values_have_an_indicator():
    tables = EncodingTables(2, missing=[1])
    assert encoded(tables, [NAN, 0], [0, NAN])[:, 0].tolist() == [0, 1]


EVERYTHING = {
    **{"values": [1], "numbers": [1], "knots": [[-1, 0, 2]], "ranks": [[0, 0.4, 1]]},
    **{"normals": True, "n_cosines": 2, "bin_columns": [1], "bins": [[0, 1]]},
    **{"atom_columns": [1], "atoms": [0.5], "pairs": [0], "level_columns": [2, 2]},
    **{"levels": [0, 1], "missing": [2]},
}


@pytest.fixture
def tables():
    return EncodingTables(3, **EVERYTHING)


@pytest.fixture
def rows():
    return torch.tensor([[1.0, 0.5, 1.0], [0.0, -0.3, NAN], [-1.0, NAN, 0.0], [1.0, 7.0, -1.0]])


def test_kinds_and_columns_name_each_feature(tables, rows):
    assert tables.kinds == [
        *("value", "normal", "bin", "cosine", "cosine"),
        *("atom", "pair", "level", "level", "missing"),
    ]
    assert tables.columns == (1, 1, 1, 1, 1, 1, 0, 2, 2, 2)
    features = tables.encode(rows)
    assert features.shape == (4, tables.n_features) == (4, 10)
    assert features[0, [2, 5, 6, 7, 8, 9]].tolist() == [0, 1, 1, 0, 1, 0]
    # All of column 1 and nothing else is 0 where it is missing.
    assert features[2].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 2, 3), (0, 3), (2, 0, 3)])
def test_rows_of_any_shape_and_floats(tables, rows, dtype, shape):
    rows = rows.to(dtype)
    some = rows[: int(np.prod(shape)) // 3].reshape(shape)
    features = tables.encode(some)
    assert (features.shape, features.dtype) == ((*shape[:-1], 10), dtype)
    expected = tables.encode(rows)[: some.numel() // 3].reshape(features.shape)
    torch.testing.assert_close(features, expected)


def test_rows_of_float64_are_encoded_in_float64(tables, rows):
    rows = rows.to(torch.float64)
    z = rows[3, 1]
    assert tables.encode(rows)[3, 0] == z / torch.hypot(torch.tensor(1.0).to(z), z / 3)
    atoms = EncodingTables(1, atom_columns=[0], atoms=[0.1])
    # The atom is one of float32, as the rows of a fit are.
    assert encoded(atoms, [float(np.float32(0.1))], dtype=torch.float64).item() == 1


def test_rows_are_left_as_they_are(tables, rows):
    before = rows.clone()
    tables.encode(rows)
    torch.testing.assert_close(rows, before, equal_nan=True)


def test_tables_of_nothing_have_no_features():
    tables = EncodingTables(2)
    assert tables.n_features == 0
    assert encoded(tables, [1, 2], [3, 4]).shape == (2, 0)
    assert tables.encode(torch.zeros(2, 3, 2)).shape == (2, 3, 0)


def test_copies_share_their_tables_and_pickles_leave_tensors_out(tables, rows):
    layer = TableEncoding(tables)
    features = layer(rows)
    assert copy.deepcopy(layer).tables is tables
    assert copy.deepcopy(tables) is tables
    assert tables._placed
    again = pickle.loads(pickle.dumps(layer))
    assert not again.tables._placed
    assert tables._placed
    torch.testing.assert_close(again(rows), features)


def test_rows_that_come_again_are_encoded_once_and_others_anew():
    tables = EncodingTables(1, values=[0])
    with tables.keeping():
        rows = torch.ones(300, 1)
        features = tables.encode_all(rows)
        assert tables.encode_all(rows) is features
        gone = weakref.ref(features)
        del rows, features
        for number in range(2, 6):
            # Freed memory is taken again by the next rows, which are of the same shape.
            rows = torch.full((300, 1), float(number))
            assert torch.equal(tables.encode_all(rows), tables.encode(rows))
            del rows
        assert gone() is None
    rows = torch.ones(300, 1)
    assert tables.encode_all(rows) is not tables.encode_all(rows)


@pytest.mark.parametrize("n_rows", [2, 300])
def test_gradients_of_rows_come_through_also_after_a_prediction(n_rows):
    tables = EncodingTables(1, bin_columns=[0, 0], bins=[[0, 1], [1, 3]])
    with torch.inference_mode():
        tables.encode(torch.ones(1, 1))
    rows = torch.full((n_rows, 1), 2.0, requires_grad=True)
    tables.encode(rows).sum().backward()
    # Of the two bins, 2 lies in the one from 1 to 3.
    assert rows.grad.tolist() == [[1 / 2]] * n_rows


def test_tables_that_encode_alike_have_the_same_digest(tables):
    assert EncodingTables(3, **EVERYTHING).digest == tables.digest
    assert pickle.loads(pickle.dumps(EncodingTables(3, **EVERYTHING))).digest == tables.digest
    assert pickle.loads(pickle.dumps(tables)).digest == tables.digest


@pytest.mark.parametrize(
    "change",
    [
        {"values": [2]}, {"knots": [[-1, 0, 3]]}, {"ranks": [[0, 0.5, 1]]}, {"numbers": [0]},
        {"normals": False}, {"n_cosines": 1}, {"bin_columns": [0]}, {"bins": [[0, 2]]},
        {"atom_columns": [0]}, {"atoms": [0.6]}, {"pairs": [1]}, {"level_columns": [1, 1]},
        {"levels": [0, 2]}, {"missing": [1]}, {"values": [1, 2], "missing": []},
    ],
    ids=str,
)  # fmt: skip
def test_tables_that_encode_otherwise_have_another_digest(tables, change):
    assert EncodingTables(3, **(EVERYTHING | change)).digest != tables.digest
    assert EncodingTables(4, **EVERYTHING).digest != tables.digest
    assert EncodingTables(1, values=[0]).digest != EncodingTables(1, missing=[0]).digest


def test_a_layer_has_no_weights(tables):
    layer = TableEncoding(tables)
    assert not [*layer.parameters(), *layer.buffers()]
    assert repr(layer) == "TableEncoding(n_columns=3, n_features=10)"


def test_rows_that_come_encoded_pass_through_in_training_alone(tables, rows):
    net = nn.Sequential(TableEncoding(tables), nn.Identity())
    features = tables.encode(rows)
    torch.testing.assert_close(net.train()(rows), features)
    net[0].in_batches = True
    assert net(features) is features
    torch.testing.assert_close(net.eval()(rows), features)
