"""Which trainings can go in lock-step, which of them together, and which are the same.

All that a net is and holds counts as a difference between two trainings, unless it is named here as
something that each may have of its own: a setting that torch, skorch or a net gets later makes
trainings go apart until somebody has looked at it.
"""

import pickle
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from scipy.sparse import issparse
from skorch.callbacks import EpochTimer
from skorch.dataset import Dataset
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from skensemble.data import RowBatches
from skensemble.lockstep._net_optimizer import (
    OF_EACH_GROUP,
    memory_of,
    obstacle_to_stacking,
    steps_made,
)
from skensemble.lockstep._paused_fit import StopIfCancelled
from skensemble.lockstep._paused_training import PausedTraining, digest_of
from skensemble.lockstep._populations import (
    ClosedFormPopulation,
    FunctionalPopulation,
    Population,
)
from skensemble.modules import HOOKS, ColumnDropout, TableEncoding, is_watched, unwrap_compiled
from skensemble.nets import NetClassifier, NetRegressor
from skensemble.nets.gradients import obstacle_to_closed_form
from skensemble.training import StepPlan, is_read_only, rate_ratios

NO_PART_OF_A_TRAINING = frozenset(
    # Built from arguments, and compared by themselves.
    ("module", "module_", "criterion", "criterion_", "optimizer_", "callbacks_", "order_seed_")
    # How targets and weights came about, which are compared as they are.
    + ("target_scale", "class_weight", "classes")
    # What has been drawn from it is compared.
    + ("random_state",)
    # The rates of the schedule take its place.
    + ("lr",)
    # Notes about earlier trainings, and skorch's about names of arguments.
    + ("history_", "best_losses_", "fast_report_", "_params_to_validate", "virtual_params_")
    + (
        "_first_loss_",
        "_mean_loss_",
        "_notes_batches_",
        "_is_alone_",
        "_n_epochs_before_",
        "_is_training_",
        "_shown_",
    )
)
"""Attributes of a net that say nothing about the training to come."""

OF_EACH_NET = frozenset(
    ("batch_size", "iterator_train__shuffle", "max_grad_norm")
    + ("optimizer__momentum", "optimizer__weight_decay", "optimizer__param_groups")
)
"""Attributes that each net of a population may have of its own."""


class Engine(NamedTuple):
    """What trains the nets of a population, or what stands in the way of one.

    Attributes
    ----------
    population : type or None
    obstacle : str or None
        Why the training can be part of no population.
    """

    population: type[Population] | None
    obstacle: str | None = None


def engine_for(training: PausedTraining) -> Engine:
    """Find the kind of population that a training can be part of."""
    net = training.net
    obstacle = _net_obstacle(net) or _data_obstacle(training) or obstacle_to_stacking(training)
    if obstacle is None and not is_read_only(training.request.observe):
        obstacle = "the method changes the weights in mid-training"
    if obstacle is not None:
        return Engine(None, obstacle)
    if obstacle_to_closed_form(net) is None:
        return Engine(ClosedFormPopulation)
    obstacle = _functional_obstacle(training)
    return Engine(FunctionalPopulation if obstacle is None else None, obstacle)


def population_key(training: PausedTraining, population: type[Population]) -> Hashable:
    """Return what has to be equal for two trainings to be one population."""
    net, module = training.net, training.module
    groups = net.optimizer_.param_groups
    place = {weight: i for i, weight in enumerate(training.parameters)}
    settings = [
        {k: v for k, v in group.items() if k not in {"params", "lr"} | OF_EACH_GROUP}
        for group in groups
    ]
    is_closed = population is ClosedFormPopulation
    return (
        _contents(vars(net), NO_PART_OF_A_TRAINING | OF_EACH_NET),
        contents_of(module),
        contents_of(unwrap_compiled(net.criterion_)),
        type(net.optimizer_),
        tuple(_contents(own) for own in settings),
        # Which weights are in which group.
        tuple(tuple(place[weight] for weight in group["params"]) for group in groups),
        # Without momentum there is no velocity, and dampening has no effect.
        bool(groups[0].get("momentum")),
        bool(memory_of(training)),
        steps_made(training),
        training.data.X.shape[1:],
        training.n_steps,
        # Rows that fill up a batch must not be seen by a module that looks at all rows at once.
        len(training.batch_sizes) if is_closed else tuple(training.batch_sizes),
    )


def training_key(training: PausedTraining, plan: StepPlan) -> Hashable:
    """Return what has to be equal for two trainings of a population to be the same training."""
    net = training.net
    optimizer = net.optimizer_
    settings = [
        {name: value for name, value in group.items() if name not in ("params", "lr")}
        for group in optimizer.param_groups
    ]
    weights = [*training.parameters, *training.module.buffers()]
    memory = memory_of(training).values()
    tensors = weights + [tensor for remembered in memory for tensor in remembered]
    return (
        _contents(vars(net), NO_PART_OF_A_TRAINING),
        tuple(_contents(own) for own in settings),
        tuple(rate_ratios(optimizer)),
        digest_of([tensor.detach().cpu().numpy() for tensor in tensors]),
        training.data_digest,
        net.order_seed_,
        training.generator_state.numpy().tobytes(),
        tuple(plan.rates),
        plan.moments,
    )


def _contents(values: dict[str, Any], left_out: frozenset[str] = frozenset()) -> Hashable:
    """Return something that is equal for dicts of equal contents.

    What cannot be pickled is equal to itself alone.
    """
    return tuple((name, _content(values[name])) for name in sorted(values.keys() - left_out))


def _content(value: Any) -> Hashable:
    kind = type(value)
    if kind in (str, int, bool, type(None)):
        return kind, value
    if kind in (dict, set, OrderedDict) and not value:
        return kind, None
    try:
        return "pickle", pickle.dumps(value)
    except Exception:
        # Whatever the object raises when it is pickled.
        return IS_ITSELF, id(value)


IS_ITSELF = "itself"


COMPARED_APART = HOOKS | {"_parameters", "_buffers", "_modules"}
"""Attributes of a module that are looked at by themselves."""


def contents_of(module: nn.Module) -> Hashable:
    """Return all that a module and its parts are and hold, but for the values of its tensors."""
    parts = []
    for name, part in module.named_modules(remove_duplicate=False):
        parts.append((name, type(part), _contents(vars(part), COMPARED_APART)))
    tensors = [
        (name, tuple(t.shape), t.stride(), t.dtype, t.device, t.requires_grad)
        for name, t in (
            *module.named_parameters(remove_duplicate=False),
            *module.named_buffers(remove_duplicate=False),
        )
    ]
    return tuple(parts), tuple(tensors)


def _net_obstacle(net: Any) -> str | None:
    if type(net) not in (NetClassifier, NetRegressor):
        return f"{type(net).__name__} is neither NetClassifier nor NetRegressor"
    if not net.fast:
        return f"the net has fast={net.fast!r}"
    if net.verbose:
        return "the net is verbose"
    if any(type(callback) not in (EpochTimer, StopIfCancelled) for _, callback in net.callbacks_):
        return "a skorch callback watches the training"
    if net.train_split is not None:
        return "skorch holds rows out (train_split)"
    if net.compile:
        return "the module is compiled"
    return None


def _data_obstacle(training: PausedTraining) -> str | None:
    net = training.net
    if issparse(training.data.X):
        return "the rows are sparse"
    if net.iterator_train is not RowBatches or net.dataset is not Dataset:
        return "the net has a dataset or an iterator of its own"
    if net.augment is not None:
        return "images are changed at random (augment)"
    arguments = {name for name in vars(net) if name.startswith(("iterator_train__", "dataset__"))}
    if arguments - {"iterator_train__shuffle"} or net.order_seed_ is None:
        return "the net has arguments for its iterator or its dataset"
    return None


def _functional_obstacle(training: PausedTraining) -> str | None:
    module, criterion = training.module, unwrap_compiled(training.net.criterion_)
    if training.net.precision == "bf16":
        return "precision='bf16' needs autocast"
    if type(criterion) not in (nn.CrossEntropyLoss, nn.MSELoss) or criterion.reduction != "mean":
        return f"the criterion is {criterion}"
    if (
        getattr(criterion, "weight", None) is not None
        or getattr(criterion, "ignore_index", -100) != -100
    ):
        return "the criterion weighs or ignores classes"
    if any(is_watched(part) for part in (*module.modules(), criterion)):
        return "a hook looks into the module or the criterion"
    if any(True for _ in module.buffers()):
        return "the module has buffers, as batch normalisation has"
    if any(isinstance(part, TableEncoding) for part in module.modules()):
        return "the module encodes its rows"
    if any(isinstance(part, _DropoutNd | ColumnDropout) and part.p for part in module.modules()):
        return "the module has dropout, whose masks would differ"
    if len({id(p) for p in module.parameters()}) != len(
        list(module.named_parameters(remove_duplicate=False))
    ):
        return "layers of the module share weights"
    if not all(_is_comparable(part) for part in module.modules()):
        return "the module holds what cannot be compared with that of others"
    return None


def _is_comparable(part: nn.Module) -> bool:
    """Say whether all that a part of a module holds beside tensors can be pickled."""
    contents = _contents(vars(part), COMPARED_APART)
    return not any(kind == IS_ITSELF for _, (kind, _) in contents)
