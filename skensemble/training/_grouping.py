"""Which trainings can go in lock-step, and which of them together."""

import pickle
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from skorch.callbacks import EpochTimer
from skorch.dataset import Dataset
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.dropout import _DropoutNd

from skensemble.members import bare
from skensemble.nets import NetClassifier, NetRegressor
from skensemble.nets._closed_form import ClosedForm, is_watched
from skensemble.nets._rows import RowBatches, Rows
from skensemble.nets._sgd import is_step_watched
from skensemble.training._course import Plan
from skensemble.training._observers import only_looks
from skensemble.training._participants import Request
from skensemble.training._populations import (
    Batch,
    ClosedFormPopulation,
    FunctionalPopulation,
    Population,
)
from skensemble.training._stacked_batches import fingerprint, sizes_of


def way_of(request: Request) -> type | str:
    """Give the kind of population that a training can be part of, or say why it cannot.

    Parameters
    ----------
    request : Request

    Returns
    -------
    way : type or str
    """
    net = request.net
    reason = _net_reason(net) or _data_reason(request) or _optimizer_reason(net)
    if reason:
        return reason
    if not only_looks(request.observe):
        return "the method changes the weights in mid-training"
    if isinstance(net._closed_form(), ClosedForm):
        return ClosedFormPopulation
    return _functional_reason(net) or FunctionalPopulation


def group_key(request: Request, way: type) -> Hashable:
    """Give what has to be equal for two trainings to be one population."""
    net = request.net
    module, criterion = bare(net.module_), bare(net.criterion_)
    parameter = next(module.parameters())
    group = net.optimizer_.param_groups[0]
    states = [net.optimizer_.state[p].get("momentum_buffer") for p in group["params"]]
    sizes = sizes_of(net, len(request.data.y))
    return (
        way,
        # The names, shapes and settings of all layers.
        repr(module),
        None if way is ClosedFormPopulation else _attributes(module),
        tuple((name, tuple(p.shape)) for name, p in module.named_parameters()),
        parameter.dtype,
        parameter.device,
        repr(criterion),
        getattr(criterion, "label_smoothing", None),
        # Rows that fill up a batch must not be seen by a module that looks at all rows at once.
        len(sizes) if way is ClosedFormPopulation else tuple(sizes),
        net.max_epochs,
        np.shape(request.data.X)[1:],
        bool(group["nesterov"]),
        # torch ignores the dampening where there is no momentum.
        bool(group["momentum"]),
        group["dampening"],
        all(state is None for state in states),
    )


def make_population(way: type, requests: Sequence[Request]) -> Population:
    """Stack the nets of a group."""
    nets = [request.net for request in requests]
    if way is ClosedFormPopulation:
        # Each participant has seeded torch's generator for its own training.
        return ClosedFormPopulation(nets, [r.generator for r in requests])
    return FunctionalPopulation(nets)


def try_out(request: Request) -> None:
    """Try a module on a batch, as `torch.func` sees it.

    Raises
    ------
    Exception
        Whatever `torch.func` raises for a module that it cannot vectorise.
    """
    population = FunctionalPopulation([request.net])
    before = _attributes(population.module)
    population.backward(_some_rows(request, largest_batch(request)))
    if _attributes(population.module) != before:
        raise ValueError("it keeps something of what it has seen")


def step_bytes(request: Request, n_rows: int) -> int:
    """Measure what a net takes in a population: weights, rows, activations, and their gradients.

    Parameters
    ----------
    request : Request
        Of one of the nets, whose module has been tried out: it keeps nothing of the rows.
    n_rows : int
        Rows of the largest batch.

    Returns
    -------
    n_bytes : int
    """
    module = bare(request.net.module_)
    weights = {p.data_ptr(): p.nbytes for p in module.parameters()}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        """Count what autograd keeps, once where several operations keep the same."""
        saved[tensor.data_ptr()] = tensor.nbytes
        return tensor

    X = _some_rows(request, 2)[0][0]
    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        output = module(X)
    activations = sum(size for pointer, size in saved.items() if pointer not in weights)
    per_row = (X.nbytes + 2 * activations + 2 * output.nbytes) / len(X)
    # The gradients and the momentum are as large as the weights.
    return 3 * sum(weights.values()) + int(n_rows * per_row)


def largest_batch(request: Request) -> int:
    """Give the rows of the largest batch of a training."""
    return max(sizes_of(request.net, len(request.data.y)))


def _some_rows(request: Request, n_rows: int) -> Batch:
    """Give a batch for one net, of its first rows."""
    parameter = next(bare(request.net.module_).parameters())
    kind = {"dtype": parameter.dtype, "device": parameter.device}
    rows = Rows(request.data.X[:n_rows], request.data.y[:n_rows], **kind)
    return rows.X[None], rows.y[None], rows.X.new_full((1, len(rows)), 1 / len(rows))


def _net_reason(net: Any) -> str | None:
    if type(net) not in (NetClassifier, NetRegressor):
        return f"{type(net).__name__} is neither NetClassifier nor NetRegressor"
    if not net.fast:
        return f"the net has fast={net.fast!r}"
    if net.verbose:
        return "the net is verbose"
    if any(type(callback) is not EpochTimer for _, callback in net.callbacks_):
        return "a skorch callback watches the training"
    if net.train_split is not None:
        return "skorch holds rows out (train_split)"
    if net.precision == "bf16":
        return "precision='bf16' needs autocast"
    if net.compile:
        return "the module is compiled"
    return None


def _data_reason(request: Request) -> str | None:
    net, data = request.net, request.data
    if issparse(data.X):
        return "the rows are sparse"
    if net.iterator_train is not RowBatches or net.dataset is not Dataset:
        return "the net has a dataset or an iterator of its own"
    if set(net.get_params_for("iterator_train")) - {"shuffle"} or net.order_seed_ is None:
        return "the net has arguments for its iterator"
    if net.get_params_for("dataset"):
        return "the net has arguments for its dataset"
    return None


def _optimizer_reason(net: Any) -> str | None:
    optimizer = net.optimizer_
    if type(optimizer) is not torch.optim.SGD:
        return f"the optimizer is {type(optimizer).__name__}, not SGD"
    if is_step_watched(optimizer):
        return "a hook looks into the steps of the optimizer"
    if len(optimizer.param_groups) > 1:
        return "the optimizer has several groups"
    group = optimizer.param_groups[0]
    if group["maximize"] or group["differentiable"]:
        return "the optimizer maximises or is differentiable"
    if group["lr"] != optimizer.defaults["lr"]:
        return "the optimizer's group has a rate of its own"
    parameters = list(bare(net.module_).parameters())
    if [id(p) for p in parameters] != [id(p) for p in group["params"]]:
        return "the optimizer trains other weights than those of the module"
    if not all(p.requires_grad for p in parameters):
        return "some weights are not trained"
    return None


def _functional_reason(net: Any) -> str | None:
    module, criterion = bare(net.module_), bare(net.criterion_)
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
    if any(isinstance(part, _DropoutNd) and part.p > 0 for part in module.modules()):
        return "the module has dropout, whose masks would differ"
    if len({id(p) for p in module.parameters()}) != len(
        list(module.named_parameters(remove_duplicate=False))
    ):
        return "layers of the module share weights"
    try:
        _attributes(module)
    except Exception:
        # Whatever parts of a module raise that cannot be pickled.
        return "the module holds what cannot be compared with that of others"
    return None


def _attributes(module: nn.Module) -> tuple[Hashable, ...]:
    """Give what the parts of a module hold beside weights: all of it may be used in `forward`."""
    left_out = {"_parameters", "_buffers", "_modules", "training"}
    return tuple(
        (type(part), pickle.dumps({k: v for k, v in vars(part).items() if k not in left_out}))
        for part in module.modules()
    )


def same_training(request: Request, plan: Plan) -> Hashable:
    """Give what has to be equal for two trainings of a group to be the same training."""
    net = request.net
    parameters = list(bare(net.module_).parameters())
    group = net.optimizer_.param_groups[0]
    states = [net.optimizer_.state[p].get("momentum_buffer") for p in parameters]
    tensors = [*parameters, *(state for state in states if state is not None)]
    has_dropout = any(isinstance(part, _DropoutNd) for part in bare(net.module_).modules())
    table, moments = plan
    return (
        fingerprint([tensor.detach().cpu().numpy() for tensor in tensors]),
        fingerprint(request.data),
        tuple(sizes_of(net, len(request.data.y))),
        net.order_seed_ if net.get_params_for("iterator_train").get("shuffle") else None,
        tuple(table),
        frozenset(moments),
        group["momentum"],
        group["weight_decay"],
        net.max_grad_norm,
        bytes(request.generator.get_state()) if has_dropout else None,
    )
