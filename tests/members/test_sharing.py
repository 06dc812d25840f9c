"""Arrays that several members share."""

import pickle

import joblib
import numpy as np
import pytest
import torch
from torch import nn

from skensemble.averaging import last_m_weights
from skensemble.members import MemberTemplate, Predictor, copy_state, share_equal, shareable_names
from skensemble.members._sharing import share_placed, with_repeats, without_repeats

MB = 2**20


class Counting(nn.Module):
    """A layer that counts the batches that it has seen, in prediction too."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        """Count, and scale."""
        self.seen += 1
        return self.weight * x


def two_states(change=None):
    """Return two copies of a net, the second after a change of its last layer."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), Counting(), nn.Linear(3, 1))
    first = copy_state(net)
    with torch.no_grad():
        net[3].weight.add_(1.0)
        if change is not None:
            change(net)
    return net, first, copy_state(net)


def shared(change=None):
    net, first, second = two_states(change)
    share_equal(second, first, shareable_names({"module_": net}))
    return first, second


def test_equal_weights_and_statistics_are_one_array_and_one_memory_of_modules():
    first, second = shared()
    names = {name for name in first if second[name] is first[name]}
    of_norm = {f"1.{n}" for n in ("weight", "bias", "running_mean", "running_var")}
    rest = {"0.weight", "0.bias", "1.num_batches_tracked", "2.weight", "3.bias"}
    assert names == of_norm | rest
    one, other = (state.parts["module_"] for state in (first, second))
    assert one[0].weight.data_ptr() == other[0].weight.data_ptr() == first["0.weight"].ctypes.data
    assert one[3].weight.data_ptr() != other[3].weight.data_ptr()


def test_what_is_shared_cannot_be_written_to_and_the_rest_can():
    first, second = shared()
    with pytest.raises(ValueError, match="read-only"):
        second["0.weight"][0] = 1.0
    assert not first["0.weight"].flags.writeable
    second["3.weight"][:] = 0.0
    assert (first["3.weight"] != 0).all()


def test_a_buffer_of_an_unknown_layer_stays_with_each_member():
    first, second = shared()
    second.parts["module_"](torch.ones(4, 2))
    assert (first["2.seen"], second["2.seen"]) == ([0.0], [1.0])


@pytest.mark.parametrize("place", [0, 3, 5])
def test_one_other_number_is_another_array(place):
    def change(net):
        net[0].weight.view(-1)[place] += 1e-6

    first, second = shared(change)
    assert second["0.weight"] is not first["0.weight"]
    assert (first["0.weight"] != second["0.weight"]).sum() == 1


def test_arrays_are_compared_bit_by_bit():
    def change(net):
        net[1].running_mean[1] *= -1.0

    first, second = shared(change)
    assert (first["1.running_mean"] == second["1.running_mean"]).all()
    assert second["1.running_mean"] is not first["1.running_mean"]
    assert np.signbit(second["1.running_mean"]).tolist() == [False, True, False]


def test_other_types_shapes_and_names_are_not_shared():
    def state(**arrays):
        return copy_state(nn.Identity()).__class__(arrays)

    old = state(a=np.ones(2), b=np.ones(2), c=np.ones(0), e=np.ones(1))
    new = state(a=np.ones(2, np.float32), b=np.ones((2, 1)), c=np.ones(0), d=np.ones(1))
    share_equal(new, old, {*old, *new})
    assert not any(new.get(name) is array for name, array in old.items())
    assert all(array.flags.writeable for array in (*old.values(), *new.values()))


def test_a_file_holds_a_shared_array_once_and_gives_it_back_shared(tmp_path):
    big, small = np.ones(MB, np.uint8), [np.full(2, k) for k in range(3)]
    members = [{"a": big, "b": small[0]}, {"a": big, "b": small[1]}, {"a": big, "b": small[2]}]
    written = without_repeats(members)
    path = tmp_path / "members.joblib"
    joblib.dump(written, path)
    assert path.stat().st_size < 1.1 * MB
    for loaded in (joblib.load(path), pickle.loads(pickle.dumps(written))):
        again = with_repeats(loaded)
        assert [own["b"].tolist() for own in again] == [[k, k] for k in range(3)]
        assert again[0]["a"] is again[1]["a"] is again[2]["a"]
        assert not again[0]["a"].flags.writeable
        assert again[0]["b"].flags.writeable


def test_an_array_that_skips_a_member_is_found_again():
    one, other = np.zeros(1), np.ones(1)
    again = with_repeats(without_repeats([{"a": one}, {"a": other}, {"a": one}]))
    assert [own["a"].tolist() for own in again] == [[0.0], [1.0], [0.0]]
    assert again[0]["a"] is again[2]["a"]


def test_modules_on_a_device_share_there_what_is_shared():
    # Meta tensors stand for those of a device: they have storages, and nothing in them.
    first, second = shared()
    device = torch.device("meta")
    predictor = Predictor(device, nn.Softmax(dim=-1), None, 8)
    predictor.add(None, first)
    predictor.add(None, second)
    one, other = predictor.members
    assert one[0].weight.device.type == "meta"
    assert storage(one[0].weight) == storage(other[0].weight)
    assert storage(one[1].running_var) == storage(other[1].running_var)
    assert storage(one[3].weight) != storage(other[3].weight)
    assert storage(one[2].seen) != storage(other[2].seen)


def storage(tensor):
    return tensor.untyped_storage()._cdata


def test_modules_that_share_tensors_give_what_they_gave():
    x = torch.ones(4, 2)
    _, first, second = two_states()
    one, other = (state.parts["module_"] for state in (first, second))
    before = other(x)
    share_placed({"module_": other}, {"module_": one}, ["0.weight", "0.bias"])
    assert torch.equal(other(x), before)
    assert other[0].weight.data_ptr() == one[0].weight.data_ptr()


def test_members_that_come_as_arrays_share_memory_too():
    net, first, second = two_states()
    template, arrays = MemberTemplate(net), [dict(first), dict(second)]
    state = second.__class__(arrays[1])
    share_equal(state, arrays[0], ["0.weight", "3.weight"])
    predictor = Predictor(torch.device("cpu"), nn.Identity(), None, 8)
    predictor.add(template, arrays[0])
    predictor.add(template, state)
    one, other = predictor.members
    assert one[0].weight.data_ptr() == other[0].weight.data_ptr()
    mean = predictor.mean(np.ones((2, 2), np.float32), last_m_weights(2))
    assert np.isfinite(mean).all()


def test_kernels_whose_channels_come_last_share_that_memory():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    first, second = copy_state(net), copy_state(net)
    share_equal(second, first, shareable_names({"module_": net}))
    predictor = Predictor(torch.device("cpu"), nn.Identity(), None, 8, channels_last=True)
    predictor.add(None, first)
    predictor.add(None, second)
    one, other = predictor.members
    assert one[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert one[0].weight.data_ptr() == other[0].weight.data_ptr()
    # The arrays lie as in NumPy, as those of a file do.
    assert one[0].weight.data_ptr() != first["0.weight"].ctypes.data
