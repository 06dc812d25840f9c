"""The nets of a cross-fitted ensemble: each one trained by the method of the ensemble."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from skorch import NeuralNet

from skensemble._typing import State
from skensemble.ensembles._collector import Collector
from skensemble.ensembles._progress import Progress
from skensemble.ensembles._stops import take_weights_at_stop
from skensemble.nets import Net, device_of
from skensemble.seeding import Streams, initialize_seeded, spawn_seeds, streams_of, training_seeded
from skensemble.training import Data, Step, Trace

OF_A_TRAINING = ("n_steps_", "_warmup_steps_")
"""What a training leaves on its ensemble for one that goes on from it."""

Take = Callable[[State, Step], bool]
"""Is handed each new member of a net; True asks for the end of its training."""


class NetInTraining:
    """One net, and the ensemble that trains it.

    Parameters
    ----------
    method : BaseEnsemble
        What trains the net; it is cloned.
    learnt : dict
        Attributes that a fit of the method learns before it trains.
    net : NeuralNet
        Sized; it is cloned.
    data : Data
        Rows of which those that the net leaves out have a weight of 0.
    streams : Streams
        Seeds; nets with the same seed of the order see the same batches.

    Attributes
    ----------
    ensemble : BaseEnsemble
        With the members of this net.
    """

    def __init__(
        self, method: Any, learnt: dict[str, Any], net: NeuralNet, data: Data, streams: Streams
    ) -> None:
        self.method, self.learnt, self.data, self.streams = method, learnt, data, streams
        self.net = clone(net)
        self.n_trainings = 0
        initialize_seeded(self.net, streams, device_of(net))
        self._begin(n_before=0)

    def _begin(self, n_before: int) -> None:
        """Begin with an ensemble of as many members, of which nothing more is known."""
        ensemble = self.ensemble = clone(self.method)
        vars(ensemble).update(self.learnt, _counts_members_alike=False)
        ensemble.members_ = [{}] * n_before
        ensemble._predictor_ = ensemble._make_predictor(device_of(self.net))
        self.collect = Collector(ensemble, self.net, Progress(ensemble, n_before + 1), None)

    def __getstate__(self) -> dict[str, Any]:
        # On its way to another process: members stay where they are.
        state = {**vars(self), "n_before": len(self.ensemble.members_)}
        own = {k: v for k, v in vars(self.ensemble).items() if k in OF_A_TRAINING}
        state["learnt"] = self.learnt | own
        del state["collect"], state["ensemble"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        n_before = state.pop("n_before")
        vars(self).update(state)
        self._begin(n_before)

    def take_over(self, other: "NetInTraining") -> None:
        """Go on from where this net has been trained in another process."""
        self.net, self.n_trainings = other.net, other.n_trainings
        own = {k: v for k, v in vars(other.ensemble).items() if k in OF_A_TRAINING}
        vars(self.ensemble).update(own)
        self.collect.net = self.net

    def train(self, take: Take) -> Trace:
        """Train the net as its method does, and hand over its members."""
        collect = _Handing(self.collect, take)
        trace = self._trained(self.ensemble._fit_members, collect)
        take_weights_at_stop(collect, self.net, trace)
        return trace

    def train_further(self, take: Take, *, n_steps: int) -> Trace:
        """Train one more cycle, of some steps, and hand over one more member."""
        further = partial(self.ensemble._fit_further, n_cycles=1, n_steps=n_steps)
        return self._trained(further, _Handing(self.collect, take))

    def _trained(self, train: Callable[..., Trace], collect: "_Handing") -> Trace:
        seed = self.streams.of_training(self.n_trainings)
        self.n_trainings += 1
        with training_seeded(seed, device_of(self.net)):
            trace = train(self.net, self.data, collect, self.streams.method)
        # What a further training begins with.
        n_before = getattr(self.ensemble, "n_steps_", 0)
        self.ensemble.n_steps_ = n_before + len(trace.learning_rates)
        return trace


class _Handing:
    """What a method hands its members to: the net's own ensemble, then whoever waits for them."""

    can_wait = False

    def __init__(self, collect: Collector, take: Take) -> None:
        self.collect, self.take = collect, take
        self.steps = collect.steps

    def __call__(self, state: State, step: Step) -> bool:
        """Take in a member."""
        self.collect(state, step)
        return self.take(state, step)


def leaving_out(data: Data, train: np.ndarray, net: NeuralNet) -> Data:
    """Return the rows for a net that is to learn from some of them only.

    Batches stay the same for all nets: the loss gives the other rows a weight of 0. Nets that know
    no weights get the rows alone.

    Parameters
    ----------
    data : Data
        All rows.
    train : ndarray of int
        Rows that the net is trained on.
    net : NeuralNet

    Returns
    -------
    data : Data
    """
    if not isinstance(net, Net):
        given = None if data.given is None else data.given[train]
        own = None if data.own_weight is None else data.own_weight[train]
        rows = {"X": data.X[train], "y": data.y[train], "given": given, "own_weight": own}
        return data._replace(**rows, rows_digest=None)
    mask = np.zeros(len(data.y), dtype=np.float32)
    mask[train] = 1
    if data.sample_weight is None:
        return data._replace(sample_weight=mask, own_weight=mask)
    own = mask if data.own_weight is None else mask * data.own_weight
    weight = mask * data.sample_weight
    return data._replace(sample_weight=weight, own_weight=own)


def streams_of_nets(seed: int, n_nets: int) -> list[Streams]:
    """Return the seeds of nets that begin apart and see the same batches."""
    order, *own = spawn_seeds(seed, n_nets + 1)
    return [streams_of(one)._replace(order=order) for one in own]
