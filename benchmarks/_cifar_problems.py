"""The nets, images and budgets of cifar.py, and the trainings that its rows are taken from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from skensemble import (
    DeepEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    modules,
)
from skensemble.augmentation import RandomCrop, RandomFlip
from skensemble.datasets import ImageData, limited, resized

SEEDS_APART = 1000
"""The seed of net k is that of the study and k times this: no two seeds of a study share a net."""


@dataclass(frozen=True)
class Problem:
    """A net, the images that it learns, and the budget of a training.

    Attributes
    ----------
    net : str
        Name in the table.
    module : str
        Name in `skensemble.modules`.
    arguments : dict
        Of the module.
    side : int
        Pixels of an image's side; larger images are averaged over squares.
    per_class : int or None
        Training images of each class, the first ones; None is all.
    has_few_tests : bool
        Whether test images are cut as well; else they are all.
    padding : int
        Pixels by which an image moves at most.
    epochs : int
        Budget of a training: a multiple of M.
    M : int
        Cycles, and nets of the deep ensembles.
    batch_size : int
    weight_decay : float
    alpha_zero : float
        Learning rate at the start.
    device, precision : str
        See `NetClassifier`.
    """

    net: str
    module: str = "WideResNet"
    arguments: Mapping[str, int] = field(default_factory=dict)
    side: int = 32
    per_class: int | None = None
    has_few_tests: bool = False
    padding: int = 4
    epochs: int = 200
    M: int = 5
    batch_size: int = 64
    weight_decay: float = 1e-4
    alpha_zero: float = 0.1
    device: str = "cpu"
    precision: str = "float32"

    def settings(self) -> dict[str, Any]:
        """Give what a reader needs to know to repeat it."""
        crop = f"crop of {self.padding} pixels and flip"
        return {
            **asdict(self),
            "augmentation": crop,
            "momentum": "0.9, Nesterov",
            "format": "channels_last",
        }

    def make_net(self, epochs: int) -> NetClassifier:
        """Make the net that all methods train, for a number of epochs."""
        return NetClassifier(
            getattr(modules, self.module),
            **{f"module__{name}": value for name, value in self.arguments.items()},
            augment=[RandomCrop(padding=self.padding), RandomFlip()],
            max_epochs=epochs,
            batch_size=self.batch_size,
            optimizer__momentum=0.9,
            optimizer__nesterov=True,
            optimizer__weight_decay=self.weight_decay,
            device=self.device,
            precision=self.precision,
            channels_last=True,
        )


SMALL = Problem(
    "WRN-10-2",
    arguments={"depth": 10, "width": 2},
    side=16,
    per_class=500,
    padding=2,
    epochs=40,
    M=4,
    weight_decay=5e-4,
)
"""What a CPU can do: a twentieth of the multiplications, a tenth of the images."""

QUICK = replace(
    SMALL,
    net="WRN-10-1",
    arguments={"depth": 10, "width": 1},
    side=8,
    per_class=4,
    has_few_tests=True,
    epochs=2,
    M=2,
    batch_size=16,
)

FULL = (
    Problem("WRN-28-10", arguments={"depth": 28, "width": 10}, batch_size=128, weight_decay=5e-4),
    Problem("DenseNet-40", "DenseNet", {"depth": 40, "growth_rate": 12}, epochs=300, M=6),
    Problem("ResNet-110", "ResNet", {"depth": 110}),
)
"""Nets, epochs, cycles, batches and weight decay of the papers."""


def cut(data: ImageData, problem: Problem) -> ImageData:
    """Take the images of a problem from those of a data set; all test images, but in a smoke run.

    Images that are left out would only cost time when they are made smaller.
    """
    few = limited(data, problem.per_class) if problem.per_class else data
    if not problem.has_few_tests:
        few = few._replace(X_test=data.X_test, y_test=data.y_test)
    return resized(few, problem.side)


@dataclass(frozen=True)
class Training:
    """A fit that rows of the table are taken from.

    Attributes
    ----------
    name : str
    parameters : dict
        Of the snapshot ensemble, beside those that all share.
    share : int
        Nets that share the budget: each is trained apart, for so much less.
    net : int or None
        Which net of the deep ensemble it is; None is none of them.
    """

    name: str
    parameters: Mapping[str, Any]
    share: int = 1
    net: int | None = None

    def build(self, problem: Problem, seed: int) -> Any:
        """Make the estimator, not fitted yet."""
        net = problem.make_net(problem.epochs // self.share)
        own_seed = seed + SEEDS_APART * (self.net or 0)
        shared = {"alpha_zero": problem.alpha_zero, "random_state": own_seed}
        if self.share > 1:
            return DeepEnsembleClassifier(net, M=self.share, lockstep=False, **shared)
        return SnapshotEnsembleClassifier(net, **shared, **self.parameters)


def trainings(problem: Problem) -> dict[str, Training]:
    """List the trainings by name, in the order in which they are made.

    A single net with the schedule of steps is the last snapshot of *NoCycle*, and a single net with
    a cosine the first net of the deep ensemble: the same trainings, which are not made twice.
    """
    M = problem.M
    made = [
        Training("steps", {"M": M, "schedule": "step"}),
        Training(net_name(0), {"M": 1}, net=0),
        Training("snapshots", {"M": M}),
        Training("SingleCycle", {"M": M, "cold_restart": True}),
        Training("short nets", {}, share=M),
        *(Training(net_name(k), {"M": 1}, net=k) for k in range(1, M)),
    ]
    return {training.name: training for training in made}


def net_name(k: int) -> str:
    """Name the training of net k of the deep ensemble."""
    return f"net {k}"
