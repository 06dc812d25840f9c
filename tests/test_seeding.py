"""One seed for a fit, and torch's global state left as it was found."""

import random
from threading import Event, Thread

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import InvalidParameterError, NetClassifier
from skensemble.seeding import (
    Streams,
    building_seeded,
    check_rebuildable,
    draw_seed,
    fresh_net,
    initialize_seeded,
    spawn_seeds,
    streams_of,
    training_seeded,
)

CPU = torch.device("cpu")
SIZES = {"module__n_features": 4, "module__n_outputs": 3, "module__hidden_units": (5,)}
both = pytest.mark.parametrize("seeded", [building_seeded, training_seeded])


def weights_of(net):
    return torch.cat([p.detach().ravel() for p in net.module_.parameters()])


def test_spawned_seeds_are_those_of_numpy_and_the_first_do_not_depend_on_their_number():
    assert spawn_seeds(3, 5) == np.random.SeedSequence(3).generate_state(5).tolist()
    assert spawn_seeds(3, 2) == spawn_seeds(3, 5)[:2]
    assert len({*spawn_seeds(3, 50), *spawn_seeds(4, 50)}) == 100


def test_each_stream_has_a_seed_of_its_own():
    assert streams_of(7) == Streams(*spawn_seeds(7, 5))
    assert Streams._fields == ("weights", "order", "training", "method", "validation")


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("kind", [int, np.int64])
def test_a_seed_is_drawn_from_a_state_that_begins_anew(seed, kind):
    expected = np.random.RandomState(seed).randint(2**31 - 1)
    for _ in range(2):
        assert draw_seed(kind(seed)) == expected
    assert type(draw_seed(kind(seed))) is int


def test_a_random_state_goes_on():
    state, same = np.random.RandomState(0), np.random.RandomState(0)
    drawn = [draw_seed(state) for _ in range(3)]
    assert drawn == [same.randint(2**31 - 1) for _ in range(3)]
    assert len(set(drawn)) == 3


def test_a_seed_is_below_the_largest_that_scikit_learn_takes():
    class Greatest(np.random.RandomState):
        def randint(self, high):
            return high - 1

    assert draw_seed(Greatest()) == 2**31 - 2


def test_none_draws_from_the_global_state_of_numpy(monkeypatch):
    monkeypatch.setattr(np.random.mtrand, "_rand", np.random.RandomState(5))
    same = np.random.RandomState(5)
    for _ in range(2):
        assert draw_seed(None) == same.randint(2**31 - 1)


def test_what_is_no_random_state_is_refused():
    with pytest.raises(
        ValueError, match=r"random_state must be None, an int in 0\.\.4294967295 or .*, got 'seed'"
    ):
        draw_seed("seed")


@both
def test_the_same_seed_draws_the_same_and_the_state_is_put_back(seeded):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    drawn = []
    for seed in (5, 5, 6):
        with seeded(seed, CPU):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], torch.rand(3, generator=torch.Generator().manual_seed(5)))
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.rand(3), expected)


@both
def test_the_state_is_put_back_after_an_error(seeded):
    before = torch.get_rng_state()

    def fail():
        with seeded(5, CPU):
            torch.rand(3)
            raise RuntimeError("mid-way")

    with pytest.raises(RuntimeError, match="mid-way"):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


@both
def test_a_block_within_a_block_leaves_the_outer_one_its_state(seeded):
    with seeded(5, CPU):
        expected = [torch.rand(1), torch.rand(1)]
    with seeded(5, CPU):
        found = [torch.rand(1)]
        with building_seeded(9, CPU):
            torch.rand(7)
        found.append(torch.rand(1))
    assert found == expected


def enter_elsewhere(seeded):
    """Start a thread that enters a block; return what it sets inside, and the thread."""
    is_inside = Event()

    def enter():
        with seeded(6, CPU):
            is_inside.set()

    thread = Thread(target=enter)
    thread.start()
    return is_inside, thread


def test_one_thread_at_a_time_draws_weights():
    with building_seeded(5, CPU):
        waiting = [enter_elsewhere(seeded) for seeded in (building_seeded, training_seeded)]
        for is_inside, _ in waiting:
            assert not is_inside.wait(0.02)
    for is_inside, thread in waiting:
        assert is_inside.wait(5)
        thread.join(5)


def test_threads_train_at_the_same_time():
    with training_seeded(5, CPU):
        is_inside, thread = enter_elsewhere(training_seeded)
        assert is_inside.wait(5)
        thread.join(5)
        assert not thread.is_alive()


class Backend:
    """The generator of a device that this machine lacks, as torch speaks to one."""

    def __init__(self, monkeypatch, kind):
        self.state, self.log = "before", []
        for name in ("get_rng_state", "set_rng_state", "manual_seed"):
            monkeypatch.setattr(getattr(torch, kind), name, getattr(self, name))

    def get_rng_state(self, *device):
        """Give the state, of the device that is named where there are several."""
        self.log.append(device)
        return self.state

    def set_rng_state(self, state, *device):
        """Put a state back."""
        self.log.append(device)
        self.state = state

    def manual_seed(self, seed):
        """Seed the generator."""
        self.state = seed


@both
def test_the_generator_of_mps_is_seeded_and_put_back(monkeypatch, seeded):
    backend = Backend(monkeypatch, "mps")
    with seeded(5, torch.device("mps")):
        assert backend.state == 5
        assert torch.initial_seed() == 5
    assert backend.state == "before"


@both
def test_the_generator_of_the_chosen_cuda_device_is_seeded_and_put_back(monkeypatch, seeded):
    backend, chosen = Backend(monkeypatch, "cuda"), []

    class Chosen:
        def __init__(self, device):
            self.device = device

        def __enter__(self):
            chosen.append(self.device.index)

        def __exit__(self, *error):
            chosen.pop()

    monkeypatch.setattr(torch.cuda, "device", Chosen)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: chosen[-1])
    with seeded(5, torch.device("cuda", 2)):
        assert backend.state == 5
        assert torch.initial_seed() == 5
    assert backend.state == "before"
    assert backend.log == [(2,), (2,)]
    assert chosen == []


def test_other_generators_are_left_alone_on_the_cpu(monkeypatch):
    backends = [Backend(monkeypatch, kind) for kind in ("mps", "cuda")]
    with building_seeded(5, CPU):
        assert [(b.state, b.log) for b in backends] == [("before", [])] * 2


def test_a_net_begins_with_the_weights_and_the_order_of_its_seeds():
    nets = [NetClassifier(**SIZES, device="cpu") for _ in range(3)]
    streams = streams_of(5)
    other_order = streams._replace(order=1, training=2, method=3)
    for net, own in zip(nets, (streams, other_order, streams_of(6)), strict=True):
        initialize_seeded(net, own, CPU)
        assert net.order_seed_ == own.order
    assert torch.equal(weights_of(nets[0]), weights_of(nets[1]))
    assert not torch.equal(weights_of(nets[0]), weights_of(nets[2]))


def test_a_fresh_net_has_the_parameters_and_weights_of_its_own():
    net = NetClassifier(**SIZES, device="cpu", lr=0.3)
    initialize_seeded(net, streams_of(5), CPU)
    one, same, other = (fresh_net(net, seed, CPU) for seed in (8, 8, 9))
    assert one.get_params(deep=False) == net.get_params(deep=False)
    assert one is not same
    assert torch.equal(weights_of(one), weights_of(same))
    assert one.order_seed_ == same.order_seed_ == streams_of(8).order
    assert not torch.equal(weights_of(one), weights_of(other))
    assert not torch.equal(weights_of(one), weights_of(net))


def test_a_net_with_a_module_that_is_there_is_refused():
    sizes = {"module__in_features": 2, "module__out_features": 2}
    check_rebuildable(NeuralNetClassifier(nn.Linear, **sizes).initialize())
    check_rebuildable(NeuralNetClassifier(lambda: nn.Linear(2, 2)).initialize())
    message = r"a class .*Linear'>\. Write a function .* as NeuralNetClassifier\(function\)\."
    with pytest.raises(InvalidParameterError, match=message):
        check_rebuildable(NeuralNetClassifier(nn.Linear(2, 2)).initialize())


def test_modules_of_a_function_may_have_only_frozen_weights_in_common():
    body = nn.Linear(2, 2)
    net = NeuralNetClassifier(lambda: nn.Sequential(body, nn.Linear(2, 2))).initialize()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    with pytest.raises(InvalidParameterError, match=r"all train the same '0.weight'.*deepcopy"):
        check_rebuildable(net)
    body.requires_grad_(False)
    check_rebuildable(net)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002


def test_trainings_that_go_on_have_seeds_of_their_own():
    streams = streams_of(0)
    seeds = [streams.of_training(n) for n in range(5)]
    assert seeds[0] == streams.training
    assert len(set(seeds)) == 5


class Shuffled(nn.Linear):
    """A module that draws from NumPy and from Python."""

    def __init__(self):
        super().__init__(4, 3)
        self.drawn = (np.random.permutation(9).tolist(), random.random())  # noqa: NPY002


def test_what_a_module_draws_from_numpy_and_python_is_seeded():
    states = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    nets = [NetClassifier(Shuffled, device="cpu") for _ in range(3)]
    for net, seed in zip(nets, (0, 0, 1), strict=True):
        initialize_seeded(net, streams_of(seed), CPU)
    one, same, other = (net.module_.drawn for net in nets)
    assert one == same
    assert one[0] != other[0]
    assert one[1] != other[1]
    assert (np.random.get_state()[1] == states[0]).all()  # noqa: NPY002
    assert random.getstate() == states[1]
