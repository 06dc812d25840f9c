import pytest
import torch
from torch import nn

from skensemble.modules import MLP


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


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"hidden_units": (0,)}, "hidden_units must be an int >= 1, got 0"),
        ({"dropout": 1.5}, "dropout must be a finite number >= 0 and <= 1, got 1.5"),
        ({"activation": "step"}, "activation must be one of .*, got 'step'"),
    ],
)
def test_bad_arguments_are_named(keywords, message):
    with pytest.raises(ValueError, match=message):
        MLP(4, 3, **keywords)
