"""What an epoch draws."""

import torch

from skensemble.data import draw_order, draw_stream


def test_an_order_has_each_row_once():
    generator = torch.Generator().manual_seed(0)
    orders = [draw_order(50, generator) for _ in range(2)]
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert not torch.equal(*orders)


def test_streams_of_epochs_differ_and_follow_from_the_generator():
    drawn = []
    for _ in range(2):
        generator = torch.Generator().manual_seed(0)
        drawn.append([torch.rand(3, generator=draw_stream(generator)).tolist() for _ in range(2)])
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1]


def test_what_a_stream_gives_leaves_the_next_order_alone():
    orders = []
    for n_drawn in (0, 1000):
        generator = torch.Generator().manual_seed(0)
        torch.rand(n_drawn, generator=draw_stream(generator))
        orders.append(draw_order(50, generator))
    assert torch.equal(*orders)
