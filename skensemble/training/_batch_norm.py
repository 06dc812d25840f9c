"""Statistics of batch normalisation for weights that no batch was seen with."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from skorch import NeuralNet
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from skensemble.members import run_uncompiled
from skensemble.modules import unwrap_compiled
from skensemble.training._trace import Data


def refresh_batch_norm(net: NeuralNet, data: Data) -> None:
    """Recompute the statistics of a net's batch normalisation in one pass over the rows.

    They are the mean over the batches, each weighted by its rows, with dropout switched off as in
    prediction. `torch.optim.swa_utils.update_bn` gives a last batch of three rows the weight of a
    full one, and fails on a single row.

    Parameters
    ----------
    net : NeuralNet
        Its module gets the statistics; without batch normalisation nothing is done. Layers that
        are held in evaluation mode while it trains, as frozen ones are, keep theirs.
    data : Data
        Training rows.
    """
    module = unwrap_compiled(net.module_)
    was_training = module.training
    layers = list(_statistics_of(net).values())
    if not layers:
        return
    module.eval()
    with statistics_averaged(layers), run_uncompiled(net), torch.no_grad():
        dataset = net.get_dataset(data.X, data.targets_for(net))
        for batch, _ in net.get_iterator(dataset, training=True):
            net.infer(batch)
    net._set_training(was_training)


def layers_with_statistics(
    module: nn.Module, held: Collection[str] = frozenset()
) -> dict[str, _BatchNorm]:
    """Return the layers of a module whose statistics are trained, by name; all keep their modes.

    Those that the module itself holds in evaluation mode while it trains are left out.

    Parameters
    ----------
    module : torch.nn.Module
    held : collection of str, optional
        Names of further layers to leave out, as `held_layers` has found them.
    """
    was_training = module.training
    module.train()
    layers = {name: m for name, m in _with_statistics(module).items() if m.training}
    module.train(was_training)
    return {name: layer for name, layer in layers.items() if name not in held}


def held_layers(net: NeuralNet) -> frozenset[str]:
    """Name the layers whose statistics a net or its module keeps as they are in training."""
    layers = _with_statistics(unwrap_compiled(net.module_))
    return frozenset(layers.keys() - _statistics_of(net).keys()) if layers else frozenset()


def _statistics_of(net: NeuralNet) -> dict[str, _BatchNorm]:
    """Return the layers of a net's module whose statistics are trained, by name."""
    module = unwrap_compiled(net.module_)
    was_training, layers = module.training, _with_statistics(module)
    if not layers:
        return {}
    # A net or a module may hold some of its layers in evaluation mode.
    net._set_training(True)
    layers = {name: layer for name, layer in layers.items() if layer.training}
    net._set_training(was_training)
    return layers


def _with_statistics(module: nn.Module) -> dict[str, _BatchNorm]:
    found = {name: m for name, m in module.named_modules() if isinstance(m, _BatchNorm)}
    return {name: layer for name, layer in found.items() if layer.track_running_stats}


@contextmanager
def statistics_averaged(layers: Iterable[_BatchNorm]) -> Iterator[list[_BatchNorm]]:
    """Let layers take the mean of the statistics of all batches that pass, weighted by rows.

    What they knew is forgotten. Their module is to be in evaluation mode, and is so at the end.

    Yields
    ------
    without : list of _BatchNorm
        At the end, the layers that rows have passed each in a batch of its own, which has no
        variance: they have the mean 0 and the variance 1 of a reset.
    """
    without: list[_BatchNorm] = []
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_averaging_by_rows(layer, without))
        yield without


@contextmanager
def _averaging_by_rows(layer: _BatchNorm, without: list[_BatchNorm]) -> Iterator[None]:
    """Let a layer take the mean of its batches' statistics, or join those without any."""
    n_passed, n_seen, momentum = 0, 0, layer.momentum
    layer.reset_running_stats()

    def weigh(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Set the momentum of a layer by the rows that it is about to see."""
        # A momentum of n / (all rows so far) turns torch's running mean into the weighted one.
        nonlocal n_passed, n_seen
        n_rows, n_values = inputs[0].shape[0], inputs[0].numel() // inputs[0].shape[1]
        n_passed += n_rows
        # One value a channel has no variance: such a batch is only passed on.
        layer.training = n_values > 1
        if layer.training:
            n_seen += n_rows
            layer.momentum = n_rows / n_seen

    handle = layer.register_forward_pre_hook(weigh)
    try:
        yield
    finally:
        handle.remove()
        layer.momentum = momentum
        layer.training = False
    if n_passed and not n_seen:
        without.append(layer)
