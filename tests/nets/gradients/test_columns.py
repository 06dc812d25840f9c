"""Scales that are folded into weights, held against autograd."""

import pytest
import torch

from skensemble.nets.gradients import FoldedScale


@pytest.mark.parametrize("columns", [(0, 1, 2, 3), (0, 2, 0, 1), (3, 3, 3, 3)])
@pytest.mark.parametrize("nets", [(), (3,)])
@pytest.mark.parametrize("features", [-1, -2])
def test_weights_and_gradients_are_those_of_scaled_rows(columns, nets, features):
    generator = torch.Generator().manual_seed(0)

    def randn(*shape):
        return torch.randn(*nets, *shape, generator=generator, dtype=torch.float64)

    x, g, scale = randn(7, 4), randn(7, 5), randn(max(columns) + 1)
    weight = randn(5, 4) if features == -1 else randn(4, 5)
    leaves = [scale.clone().requires_grad_(), weight.clone().requires_grad_()]
    rows = x * leaves[0][..., None, list(columns)]
    output = rows @ (leaves[1].mT if features == -1 else leaves[1])
    expected = torch.autograd.grad(output, leaves, g)

    folded = FoldedScale(columns, scale, torch.full_like(scale, 9.0), weight, features)
    memory = folded.scaled.data_ptr()
    # The weights of now, not those that there were.
    weight.mul_(2)
    weight.div_(2)
    folded.fold()
    assert folded.scaled.data_ptr() == memory
    scaled = folded.scaled.mT if features == -1 else folded.scaled
    torch.testing.assert_close(x @ scaled, output.detach())
    weight_grad = g.mT @ x if features == -1 else x.mT @ g
    folded.write_gradients(weight_grad)
    torch.testing.assert_close([folded.scale_grad, weight_grad], [*expected])
