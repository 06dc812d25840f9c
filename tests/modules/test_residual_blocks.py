import pytest
import torch

from skensemble.modules._residual_blocks import (
    BottleneckBlock,
    PreactivationBlock,
    ResidualBlock,
    stages,
)

BLOCKS = [ResidualBlock, PreactivationBlock, BottleneckBlock]


@pytest.mark.parametrize("block", BLOCKS)
def test_each_stage_after_the_first_begins_at_half_the_size(block):
    blocks = stages(block, [4, 8, 16, 16], 2).eval()
    sizes, x = [], torch.zeros(1, 4, 10, 9)
    for module in blocks:
        x = module(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(8, 10, 9)] * 2 + [(16, 5, 5)] * 2 + [(16, 3, 3)] * 2


@pytest.mark.parametrize("block", BLOCKS)
def test_what_comes_into_a_block_is_not_changed_in_place(block):
    x = torch.randn(2, 4, 5, 5)
    before = x.clone()
    block(4, 4)(x)
    block(4, 8, stride=2)(x)
    assert torch.equal(x, before)
