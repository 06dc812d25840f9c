import numpy as np
import pytest
import torch
from torch import nn

from skensemble.modules import (
    MLP,
    ColumnDropout,
    ColumnScale,
    EncodingTables,
    MeanVarianceMLP,
    input_layers,
)


def test_layers_have_the_widths_that_were_asked_for():
    linear = [layer for layer in MLP(4, 3, hidden_units=(8, 6)) if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(4, 8), (8, 6), (6, 3)]


def test_one_int_is_one_hidden_layer():
    assert MLP(4, 3, hidden_units=8)[0].out_features == 8


def test_no_hidden_layer_is_a_linear_model():
    assert [type(layer) for layer in MLP(4, 3, hidden_units=())] == [nn.Linear]


def test_the_output_is_that_of_the_formula():
    mlp = MLP(2, 1, hidden_units=(2,), activation="relu")
    with torch.no_grad():
        mlp[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        mlp[0].bias.zero_()
        mlp[2].weight.copy_(torch.tensor([[2.0, 3.0]]))
        mlp[2].bias.fill_(0.5)
        # relu(3) = 3 and relu(-4) = 0.
        assert mlp(torch.tensor([[3.0, 4.0]])).item() == 2 * 3 + 3 * 0 + 0.5


def test_dropout_follows_each_activation():
    kinds = [type(layer).__name__ for layer in MLP(4, 3, hidden_units=(8, 8), dropout=0.5)]
    assert kinds == ["Linear", "ReLU", "Dropout"] * 2 + ["Linear"]


def test_rows_of_several_axes_are_flattened():
    mlp, X = MLP(12, 3), torch.randn(5, 3, 2, 2)
    assert torch.equal(mlp(X), mlp(X.reshape(5, 12)))


def test_layers_of_columns_come_first():
    mlp = MLP(3, 2, columns=[0, 1, 1], column_scale=True, column_dropout=0.2)
    assert [type(layer) for layer in list(mlp)[:3]] == [ColumnDropout, ColumnScale, nn.Linear]
    assert (mlp[0].columns, mlp[0].p, mlp[1].columns) == ((0, 1, 1), 0.2, (0, 1, 1))
    assert [name for name, _ in mlp.named_parameters()][:2] == ["1.scale", "2.weight"]


def test_without_columns_each_feature_is_one():
    assert MLP(3, 2, column_scale=True)[0].columns == (0, 1, 2)
    assert type(MLP(3, 2, columns=[0, 1, 1])[0]) is nn.Linear


def test_columns_of_encoded_features_may_be_given_otherwise():
    tables = EncodingTables(2, values=[1, 0])
    assert MLP(2, 1, encoding=tables, column_scale=True)[1].columns == (1, 0)
    own = MLP(2, 1, encoding=tables, column_scale=True, columns=np.array([0, 0]))
    assert own[1].columns == (0, 0)
    with pytest.raises(ValueError, match=r"columns must be a table column, .* got \[\]"):
        MLP(2, 1, encoding=tables, columns=[])


def test_only_an_mlp_that_begins_with_it_has_its_columns_dropped_before():
    mlp = MLP(3, 2, column_dropout=0.2)
    assert input_layers(mlp).dropout is mlp[0]
    for other in (None, MLP(3, 2), MeanVarianceMLP(3, 2), nn.Sequential(mlp[0]), mlp[0]):
        assert input_layers(other).dropout is None


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"hidden_units": (0,)}, "hidden_units must be an int >= 1, got 0"),
        ({"dropout": 1.5}, "dropout must be a finite number >= 0 and <= 1, got 1.5"),
        ({"column_dropout": 1}, "column_dropout must be a finite number >= 0 and < 1, got 1"),
        (
            {"columns": [0, 1, 1]},
            "columns must be as long as there are features, 4, got '3 columns",
        ),
        ({"activation": "step"}, "activation must be one of .*, got 'step'"),
    ],
)
def test_bad_arguments_are_named(keywords, message):
    with pytest.raises(ValueError, match=message):
        MLP(4, 3, **keywords)
