"""Memory that results are written into again and again."""

import torch

from skensemble.nets.gradients import buffers_like, cast_into


def test_there_is_a_buffer_for_each_number_of_rows():
    weight = torch.nn.Parameter(torch.ones(2, 3, dtype=torch.float64))
    buffers = buffers_like(weight)
    first = buffers[5]
    assert (first.dtype, first.numel(), first.requires_grad) == (torch.float64, 0, False)
    assert buffers[5] is first
    assert buffers[6] is not first


def test_a_cast_is_written_into_the_same_memory():
    buffer = torch.empty(0, dtype=torch.bfloat16)
    x = torch.tensor([[1.0, 1.001], [2.0, 300.7]])
    found = cast_into(buffer, x)
    assert found.dtype == torch.bfloat16
    # Eight bits: between 1 and 2 steps are of 2 ** -7, between 256 and 512 of 2.
    assert found.tolist() == [[1.0, 1.0], [2.0, 300.0]]
    again = cast_into(buffer, x + 1)
    assert again.data_ptr() == found.data_ptr()
    assert again.tolist() == [[2.0, 2.0], [3.0, 302.0]]


def test_a_buffer_takes_the_shape_of_what_is_cast():
    buffer = torch.zeros(2, 3, dtype=torch.bfloat16)
    assert cast_into(buffer, torch.ones(4, 1)).tolist() == [[1.0]] * 4


def test_what_has_the_type_is_not_copied():
    x = torch.ones(3)
    buffer = torch.empty(0)
    assert cast_into(buffer, x) is x
    assert buffer.numel() == 0
