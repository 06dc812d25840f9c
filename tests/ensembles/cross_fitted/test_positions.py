"""Members go on by position, once all nets have reached it."""

from types import SimpleNamespace

from skensemble.ensembles.cross_fitted._positions import Positions
from skensemble.training import Step


class Collected(list):
    """Notes members, and asks for the end after some of them."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.steps, self.stop_after, self.told, self.of = [], stop_after, [], []
        self.progress = SimpleNamespace(loss=0.0, is_last=False, is_watched=True)

    def __call__(self, state, step, of):
        self.append(state)
        self.of.append(of)
        self.steps.append(step.t)
        self.told.append((self.progress.is_last, self.progress.loss))
        return len(self) == self.stop_after


class OutOfFold(SimpleNamespace):
    """Notes the parts that it gets."""

    def __init__(self):
        super().__init__(outputs=[], positions=[], groups=[])

    def add(self, position, group, members):
        self.outputs.append([(predictor, k) for predictor, k in members])
        self.positions.append(position)
        self.groups.append(group)

    def loss(self):
        return 0.5 / len(self.outputs)

    def keep(self, n):
        del self.outputs[n:], self.positions[n:], self.groups[n:]


def make(n_nets=4, n_folds=2, **settings):
    nets = [
        SimpleNamespace(ensemble=SimpleNamespace(_predictor_=k), collect=f"of net {k}")
        for k in range(n_nets)
    ]
    collected, out_of_fold = Collected(**settings), OutOfFold()
    weighed = []
    positions = Positions(
        nets, n_folds, collected, collected.progress, out_of_fold, lambda p: weighed.append(p)
    )
    positions.weighed = weighed
    return positions, collected, out_of_fold


def step(t, T=20):
    return Step(t, T, 0.1, None, lambda: 0.0, [0.1] * t)


def test_members_go_on_by_position_then_by_net():
    positions, collected, out_of_fold = make()
    takes = positions.begin(range(2))
    for t in (10, 20):
        for k, take in enumerate(takes):
            assert not take(f"net {k} at {t}", step(t))
    assert collected == [f"net {k} at {t}" for t in (10, 20) for k in range(4)]
    assert positions.places == [(s, k) for s in (0, 1) for k in range(4)]
    # Each is taken in as a member of its own net.
    assert collected.of == [f"of net {k}" for _ in range(2) for k in range(4)]
    assert positions.n_whole == 2
    # Both groups, each with the member of each of its nets at that position.
    assert list(zip(out_of_fold.positions, out_of_fold.groups, strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1),
    ]  # fmt: skip
    assert out_of_fold.outputs[3] == [(2, 1), (3, 1)]


def test_nets_one_after_another_give_the_same():
    positions, collected, _ = make()
    for k, take in enumerate(positions.begin(range(2))):
        for t in (10, 20):
            take(f"net {k} at {t}", step(t))
        assert bool(collected) == (k == 3)
    assert collected == [f"net {k} at {t}" for t in (10, 20) for k in range(4)]


def test_the_loss_is_told_with_the_last_member_of_a_position():
    positions, collected, _ = make()
    for take in positions.begin(range(2)):
        take("member", step(10))
    assert collected.told == [(False, 0.0)] * 3 + [(True, 0.25)]
    # By then the ensemble has the weights of all members so far.
    assert len(positions.weighed) == 1
    assert len(positions.places) == 4


def test_where_nobody_looks_on_no_weights_are_fitted_in_between():
    positions, collected, _ = make()
    collected.progress.is_watched = False
    for take in positions.begin(range(2)):
        take("member", step(10))
    assert collected.told[-1] == (True, 0.0)
    assert not positions.weighed


def test_all_nets_are_told_to_stop():
    positions, collected, _ = make(stop_after=4)
    takes = positions.begin(range(2))
    assert [take("first", step(10)) for take in takes] == [False, False, False, True]
    assert all(take("second", step(20)) for take in takes)
    assert list(collected) == ["first"] * 4


def test_only_groups_that_train_are_waited_for():
    positions, collected, out_of_fold = make()
    for take in positions.begin(range(2)):
        take("planned", step(20))
    takes = positions.begin([1], n_steps_before=20)
    assert len(takes) == 2
    for take in takes:
        take("further", step(40, 40))
    assert list(collected) == ["planned"] * 4 + ["further"] * 2
    assert positions.places[-2:] == [(1, 2), (1, 3)]
    # Steps of before count.
    assert collected.steps == [20] * 4 + [60] * 2
    assert positions.last_step.T == 60
    assert out_of_fold.groups == [0, 1, 1]


def test_what_was_interrupted_is_dropped():
    positions, collected, out_of_fold = make()
    takes = positions.begin(range(2))
    for take in takes:
        take("first", step(10))
    # Ctrl-C after two members of the second position.
    out_of_fold.add(1, 0, [])
    positions.places += [(1, 0), (1, 1)]
    collected.steps += [20, 20]
    assert positions.drop_unfinished().t == 10
    assert positions.places == [(0, k) for k in range(4)]
    assert collected.steps == [10] * 4
    assert out_of_fold.positions == [0, 0]


def test_before_the_first_position_there_is_nothing():
    positions, _, _ = make()
    positions.begin(range(2))[0]("first", step(10))
    assert positions.drop_unfinished() is None
