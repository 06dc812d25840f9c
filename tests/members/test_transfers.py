"""Tensors on their way off a device, and batches that may be too large for it."""

import pickle

import pytest
import torch
from torch import Tensor, nn

from skensemble.members import copy_state
from skensemble.members._transfers import fetched, format_of, within_memory


def images_net():
    """Make layers of several types, kinds and formats."""
    layers = nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2).double()
    net = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    net[3].weight = nn.Parameter(torch.randn(4, 2, dtype=torch.float64).t())
    net.register_buffer("spread", torch.ones(1).expand(3))
    net.tied = net[0]
    return net


@pytest.fixture
def transfers(monkeypatch):
    """Let all tensors seem to be on a device, and list those that are fetched from it."""
    sent, cpu = [], Tensor.cpu

    def counted(self):
        sent.append(self)
        return cpu(self)

    monkeypatch.setattr(Tensor, "is_cpu", property(lambda self: False))
    monkeypatch.setattr(Tensor, "cpu", counted)
    return sent


def test_a_member_leaves_a_device_in_one_transfer_for_each_type(transfers, monkeypatch):
    net = images_net()
    state = copy_state(net)
    # Floats of both sizes, and the count of batches.
    assert {tensor.dtype for tensor in transfers} == {torch.float32, torch.float64, torch.int64}
    assert len(transfers) == 3
    monkeypatch.undo()
    expected = copy_state(net)
    assert list(state) == list(expected)
    for name, array in expected.items():
        assert state[name].dtype == array.dtype
        assert state[name].strides == array.strides
        assert (state[name] == array).all()
    module, other = state.parts["module_"], expected.parts["module_"]
    assert type(module[0].weight) is nn.Parameter
    assert not module[0].weight.requires_grad
    assert module.tied.weight is module[0].weight
    assert type(module.spread) is type(other.spread)


def test_what_is_fetched_has_memory_of_its_own():
    large, small = torch.zeros(10_000), torch.zeros(2)
    copies = fetched([large, small])
    assert len(pickle.dumps(copies[1])) < 1000
    copies[0].add_(1)
    assert not large.any()
    alone = fetched([small])[0]
    assert alone.data_ptr() != small.data_ptr()
    assert fetched([]) == []


def test_images_keep_their_channels_last():
    images = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    for copy in (fetched([images])[0], torch.from_numpy(copy_state(Holds(images))["images"])):
        assert torch.equal(copy, images)
        assert copy.stride() == images.stride()
    assert format_of(torch.zeros(2, 3, 4, 5)) is torch.contiguous_format
    assert format_of(torch.zeros(3, 2).t()) is torch.contiguous_format


class Holds(nn.Module):
    """A module that holds a tensor."""

    def __init__(self, images):
        super().__init__()
        self.register_buffer("images", images)


def test_batches_are_halved_from_where_memory_runs_out():
    asked = []

    def answer(rows, most=3):
        """Give rows, up to a number of them."""
        asked.append(len(rows))
        if len(rows) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rows

    batches = torch.arange(27).split(10)
    assert torch.cat([*within_memory(answer, batches)]).tolist() == list(range(27))
    # What comes after a failure is cut from the beginning.
    assert asked == [10, 5, *(3, 2, 3, 2), *(3, 3, 3, 1), *(3, 3, 1)]
    with pytest.raises(torch.OutOfMemoryError):
        [*within_memory(lambda rows: answer(rows, most=0), batches)]
    with pytest.raises(RuntimeError, match="another fault"):
        [*within_memory(fails, batches)]


def fails(rows):
    raise RuntimeError("another fault")
