import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError
from skensemble.modules import MLP, MeanVarianceMLP


def test_both_outputs_are_those_of_one_mlp_of_twice_the_width():
    module = MeanVarianceMLP(4, 3, hidden_units=(8,), dropout=0.1, activation="tanh").eval()
    plain = nn.Sequential(*module).eval()
    rows = torch.randn(5, 4)
    mean, log_variance = module(rows)
    assert torch.equal(torch.cat([mean, log_variance], 1), plain(rows))
    assert mean.shape == log_variance.shape == (5, 3)
    assert repr(plain) == repr(
        nn.Sequential(*MLP(4, 6, hidden_units=8, dropout=0.1, activation="tanh"))
    )


def test_rows_of_more_axes_are_flattened():
    mean, log_variance = MeanVarianceMLP(6, 1)(torch.randn(5, 2, 3))
    assert mean.shape == log_variance.shape == (5, 1)


def test_there_is_a_target_at_least():
    with pytest.raises(InvalidParameterError, match="n_outputs must be an int >= 1, got 0"):
        MeanVarianceMLP(4, 0)
