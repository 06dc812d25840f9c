"""Layers that know the table column of each feature, written out."""

import copy
import pickle

import numpy as np
import pytest
import torch

from skensemble.modules import ColumnDropout, ColumnScale
from skensemble.modules._columns import index_of

COLUMNS = np.array([0, 2, 0, 1, 2])


def test_features_of_a_column_share_a_scale():
    layer, x = ColumnScale(COLUMNS), torch.arange(10.0).view(2, 5)
    assert torch.equal(layer(x), x)
    with torch.no_grad():
        layer.scale.copy_(torch.tensor([2.0, 3.0, 5.0]))
    assert layer(x).tolist() == [[0, 5, 4, 9, 20], [10, 30, 14, 24, 45]]
    layer(x).sum().backward()
    # Of a column, the sum over its features and over rows.
    assert layer.scale.grad.tolist() == [0 + 2 + 5 + 7, 3 + 8, 1 + 4 + 6 + 9]


def test_the_features_of_a_column_of_a_row_are_dropped_together():
    torch.manual_seed(0)
    x = ColumnDropout(COLUMNS, p=0.25)(torch.ones(20_000, 5))
    assert set(x.unique().tolist()) == {0, x.max().item()}
    assert x.max().item() == pytest.approx(1 / 0.75)
    assert torch.equal(x[:, 0], x[:, 2])
    assert torch.equal(x[:, 1], x[:, 4])
    dropped = (x == 0).double()
    # Each column a quarter of the time, by itself: 0.02 are 6 standard deviations.
    assert dropped[:, [0, 1, 3]].mean(0).tolist() == pytest.approx([0.25] * 3, abs=0.02)
    both = [(dropped[:, i] * dropped[:, j]).mean().item() for i, j in ((0, 1), (0, 3), (1, 3))]
    assert both == pytest.approx([0.25**2] * 3, abs=0.02)


@pytest.mark.parametrize("way", ["evaluation", "in_batches", "p"])
def test_rows_are_left_as_they_are_where_nothing_is_to_be_dropped(way):
    layer = ColumnDropout(COLUMNS, p=0.0 if way == "p" else 0.9)
    layer.in_batches = way == "in_batches"
    layer.train(way != "evaluation")
    x = torch.ones(9, 5)
    assert torch.equal(layer(x), x)


def test_columns_are_dropped_from_rows_of_any_shape_and_type():
    layer = ColumnDropout(np.arange(6), p=0.5)
    x = torch.ones(4, 2, 3, dtype=torch.float64)
    found = layer.drop_from(x, torch.Generator().manual_seed(0))
    kept = layer.draw(4, torch.Generator().manual_seed(0))
    assert found.dtype == torch.float64
    assert torch.equal(found, 2 * kept.double().view(4, 2, 3))


@pytest.mark.parametrize("layer", [ColumnScale(COLUMNS), ColumnDropout(COLUMNS, 0.5)])
def test_copies_and_pickles_are_the_same(layer):
    x = torch.ones(3, 5)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.columns == layer.columns
        torch.manual_seed(0)
        expected = layer(x)
        torch.manual_seed(0)
        assert torch.equal(other(x), expected)
    assert set(layer.state_dict()) <= {"scale"}


def test_a_layer_is_made_on_the_device_of_its_rows():
    x = torch.ones(3, 5, device="meta")
    for layer in (ColumnScale(COLUMNS).to("meta"), ColumnDropout(COLUMNS, 0.5)):
        assert layer(x).device.type == "meta"
    with torch.device("meta"):
        assert ColumnScale(COLUMNS).scale.shape == (3,)


def test_the_index_of_columns_is_made_once():
    cpu = torch.device("cpu")
    assert index_of((0, 1, 1), cpu) is index_of((0, 1, 1), cpu)
    assert index_of((0, 1, 1), cpu).tolist() == [0, 1, 1]


def test_layers_show_their_sizes():
    assert repr(ColumnScale(COLUMNS)) == "ColumnScale(n_features=5, n_columns=3)"
    assert repr(ColumnDropout([1], 0.5)) == "ColumnDropout(n_features=1, n_columns=2, p=0.5)"


@pytest.mark.parametrize(
    "columns", [[0, 2, 1], (0, 2, 1), np.array([0, 2, 1], "u1"), torch.tensor([0, 2, 1])]
)
def test_columns_come_in_any_kind_of_sequence(columns):
    assert ColumnScale(columns).columns == (0, 2, 1)
    assert {type(code) for code in ColumnScale(columns).columns} == {int}


@pytest.mark.parametrize("columns", [[], [0.0, 1.0], [-1, 0], [[0, 1]], 3, ["a"], [True]])
@pytest.mark.parametrize("kind", [ColumnScale, ColumnDropout])
def test_columns_that_are_none_are_refused(kind, columns):
    message = "columns must be a table column, an int >= 0, for each feature, got "
    with pytest.raises(ValueError, match=message):
        kind(columns)


@pytest.mark.parametrize("p", [-0.1, 1.0, None])
def test_a_probability_out_of_range_is_refused(p):
    with pytest.raises(ValueError, match=r"p must be a finite number >= 0 and < 1, got"):
        ColumnDropout([0], p)
