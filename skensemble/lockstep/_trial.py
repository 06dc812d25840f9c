"""What a step of one net takes, and whether `torch.func` can vectorise its module: tried out."""

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from skensemble.data import Rows
from skensemble.lockstep._compatibility import contents_of
from skensemble.lockstep._net_optimizer import MEMORY
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Batch, FunctionalPopulation


def try_out(training: PausedTraining) -> None:
    """Try a module on a batch, as `torch.func` sees it.

    Raises
    ------
    Exception
        Whatever `torch.func` raises for a module that it cannot vectorise.
    """
    population = FunctionalPopulation([training])
    before = contents_of(population.module)
    population.backward(_some_rows(training, max(training.batch_sizes)))
    if contents_of(population.module) != before:
        raise ValueError("it keeps something of what it has seen")


def step_bytes(training: PausedTraining, n_rows: int) -> int:
    """Measure what a net takes in a population: weights, rows, activations, and their gradients.

    Parameters
    ----------
    training : PausedTraining
        Of one of the nets: an MLP, or one whose module `try_out` has passed, so that it keeps
        nothing of the rows.
    n_rows : int
        Rows of the largest batch.

    Returns
    -------
    n_bytes : int
    """
    weights = {p.data_ptr(): p.nbytes for p in training.parameters}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        """Count what autograd keeps, once where several operations keep the same."""
        saved[tensor.data_ptr()] = tensor.nbytes
        return tensor

    X = _some_rows(training, 2)[0][0]
    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        output = training.module(X)
    activations = sum(size for pointer, size in saved.items() if pointer not in weights)
    per_row = (X.nbytes + 2 * activations + 2 * output.nbytes) / len(X)
    # The gradients and what the optimizer remembers are as large as the weights.
    n_times = 2 + len(MEMORY[type(training.net.optimizer_)])
    return n_times * sum(weights.values()) + int(n_rows * per_row)


def _some_rows(training: PausedTraining, n_rows: int) -> Batch:
    """Return a batch for one net, of its first rows."""
    X, y = training.data.X, training.data.y
    dtype = training.parameters[0].dtype
    rows = Rows(X[:n_rows], y[:n_rows], dtype=dtype, device=training.device)
    inputs = rows.inputs.to(dtype)
    return (
        inputs[None],
        rows.targets[None],
        inputs.new_full((1, len(rows)), 1 / len(rows)),
    )
