"""What members answer: forward passes batch by batch, or what their net makes of the rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble.averaging import average
from skensemble.data import are_pixels, forward_batches, forward_rows, n_values_per_row
from skensemble.members._copying import placed
from skensemble.members._lean_copies import is_cheap_to_copy
from skensemble.members._net_way import filled, parts_of_member
from skensemble.members._sharing import share_placed
from skensemble.members._stacked import BLOCK_ROWS, StackedMLPs
from skensemble.members._stacks import Alone, Stacks, encodes_rows, stack_of
from skensemble.members._states import MAIN
from skensemble.members._template import MemberTemplate
from skensemble.members._transfers import within_memory

TENSORS = {np.dtype(np.float64): torch.float64, np.dtype(np.int64): torch.int64}
"""Types of rows that are read as they are; all others become float32."""


def dtype_to_compute(X: Any, module: Any) -> torch.dtype:
    """Return the type in which a member reads rows; images of bytes, in the type of its weights."""
    if are_pixels(X):
        floats = [w.dtype for w in module.parameters() if w.is_floating_point()]
        return floats[0] if floats else torch.float32
    return TENSORS.get(X.dtype, torch.float32)


def as_columns(output: Any) -> Any:
    """Return an output of shape (n_samples, n_outputs), of a module that gives one value a row."""
    return output[:, None] if output.ndim == 1 else output


class Predictor:
    """What members answer to rows.

    A member is a module, run batch by batch, or a net whose way from rows to output is its own.

    Parameters
    ----------
    device : torch.device
        Where the members compute.
    transform : callable
        Turns a module's output into probabilities or values.
    autocast : torch.dtype or None
        Lower precision to compute in.
    batch_size : int
        Least number of rows of a batch; on CUDA it is 2,048 where memory allows.
    channels_last : bool, default=False
        Whether images, and the weights that see them, have torch's format of that name.

    Attributes
    ----------
    members : list of torch.nn.Module or NeuralNet
        In evaluation mode, oldest first.
    are_modules : bool
        Whether members are modules that run on the rows, and none goes by its net.
    is_of_known_layers : bool
        Whether all members are modules of layers that are copied by hand.
    stacked : StackedMLPs, Stacks or None
        What computes the members at once, where `stack` has found that it can be done.
    """

    def __init__(
        self,
        device: torch.device,
        transform: Callable[[Tensor], Tensor],
        autocast: torch.dtype | None,
        batch_size: int,
        *,
        channels_last: bool = False,
    ) -> None:
        self.device = device
        self.transform = transform
        self.autocast = autocast
        self.batch_size = batch_size
        self.channels_last = channels_last
        self.members: list[nn.Module | NeuralNet] = []
        self.stacked: StackedMLPs | Stacks | None = None
        self.are_modules = self.is_of_known_layers = self._only_reads = True
        self._arrays: Mapping[str, Any] = {}

    def __len__(self) -> int:
        return len(self.members)

    def add(self, template: MemberTemplate | None, state: Mapping[str, Any]) -> None:
        """Add a member; a template is needed for a state of arrays alone."""
        parts, shell = getattr(state, "parts", None), getattr(state, "shell", None)
        if parts is None:
            parts = {MAIN: template.build(state, self.device)}
        else:
            parts = placed(parts, self.device)
        if self.channels_last:
            # Weights that came from a file lie as in NumPy.
            parts = {n: part.to(memory_format=torch.channels_last) for n, part in parts.items()}
        if self.members and (self.device.type != "cpu" or self.channels_last):
            # In other memory, too, what a member shares with the one before is held once.
            same = {name for name, array in state.items() if array is self._arrays.get(name)}
            share_placed(parts, parts_of_member(self.members[-1]), same)
        self._arrays = state
        self.members.append(parts[MAIN] if shell is None else filled(shell, parts))
        self.are_modules &= shell is None
        # A module of one's own may ask for gradients, which inference_mode forbids for good.
        self.is_of_known_layers &= is_cheap_to_copy(parts[MAIN])
        works_in_place = any(getattr(layer, "inplace", False) for layer in parts[MAIN].modules())
        self._only_reads &= self.is_of_known_layers and not works_in_place

    def stack(self) -> None:
        """Prepare to compute all members at once, where they are MLPs and all have come."""
        # In lower precision the order of a sum would show.
        self.stacked = stack_of(self.members, self.transform) if self.autocast is None else None

    def outputs(self, X: Any, members: Sequence[int]) -> np.ndarray:
        """Return what some members predict.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, ...)
            Rows in the dtype of the weights.
        members : sequence of int
            Indices of members.

        Returns
        -------
        outputs : ndarray of shape (len(members), n_samples, n_outputs)
        """
        stacked = self._stack_for(members)
        if stacked is not None:
            return self._gathered(X, lambda batch: stacked.outputs(batch, members), axis=1)
        if self.are_modules:
            batches = [torch.stack(batch).cpu().numpy() for batch in self._batches(X, members)]
            return np.concatenate(batches, axis=1)
        return np.stack([as_columns(self.members[k].predict_proba(X)) for k in members])

    def outputs_of_features(self, features: Tensor, member: int) -> np.ndarray | None:
        """Return what a member predicts that encodes its rows, from rows that are encoded already.

        Parameters
        ----------
        features : Tensor of shape (n_samples, n_features)
        member : int
            Its index.

        Returns
        -------
        output : ndarray of shape (n_samples, n_outputs) or None
            None for a member that has another way.
        """
        alone = self._stack_for([member])
        if not isinstance(alone, Alone) or features.device != self.device:
            return None
        with torch.inference_mode():
            found = alone.stack.outputs(features, [0], is_encoded=True)
        return found[0].cpu().numpy()

    def second_outputs(self, X: Any, members: Sequence[int]) -> np.ndarray:
        """Return the second of what the modules of some members give, as they give it.

        Parameters
        ----------
        X, members
            As in `outputs`.

        Returns
        -------
        outputs : ndarray of shape (len(members), n_samples, n_outputs)
        """
        if not self.are_modules:
            return np.stack([self.members[k].forward(X)[1].numpy() for k in members])
        batches = self._batches(X, members, part=1)
        return np.concatenate([torch.stack(batch).cpu().numpy() for batch in batches], axis=1)

    def mean(self, X: Any, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean of what the members predict, without holding each.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, ...)
            Rows in the dtype of the weights.
        weights : ndarray of shape (n_members,)
            Weights that sum to 1; a member of weight 0 is not run.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_outputs)
        """
        members = np.flatnonzero(weights)
        own = weights[members]
        stacked = self._stack_for(members)
        if stacked is not None:
            indices, shares = members.tolist(), own.tolist()
            return self._gathered(X, lambda batch: stacked.mean(batch, indices, shares), axis=0)
        if not self.are_modules:
            return average((as_columns(self.members[k].predict_proba(X)) for k in members), own)
        batches = self._batches(X, members)
        return np.concatenate([average(outputs, own).cpu().numpy() for outputs in batches])

    def _stack_for(self, members: Sequence[int]) -> StackedMLPs | Stacks | Alone | None:
        """Return the stack, unless it is of other members or a single one is asked for.

        One that encodes its rows is stacked for the time, which makes it read them block by block.
        """
        if len(members) == 1 and encodes_rows(self.members[members[0]]) and not self.autocast:
            stack = stack_of([self.members[members[0]]], self.transform)
            return None if stack is None else Alone(stack)
        if self.stacked is None or self.stacked.members != self.members or len(members) < 2:
            return None
        return self.stacked

    def _gathered(self, X: Any, predict: Callable[[Tensor], Tensor], axis: int) -> np.ndarray:
        """Return what a function gives for batches of rows, joined along the axis of the rows."""
        with torch.inference_mode():
            found = within_memory(predict, self._rows(X, self.members[0], BLOCK_ROWS))
            outputs = [output.cpu().numpy() for output in found]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis)

    def _rows(self, X: Any, module: Any, least: int = 1) -> Iterator[Tensor]:
        """Yield batches of rows on the device, in the type in which a member reads them."""
        size = forward_rows(self.device, X.shape[0], n_values_per_row(X), self.batch_size)
        dtype = dtype_to_compute(X, module)
        for batch in forward_batches(X, max(size, least), dtype, self.device):
            is_last = self.channels_last and batch.ndim == 4
            yield batch.contiguous(memory_format=torch.channels_last) if is_last else batch

    def _batches(self, X: Any, members: Sequence[int], part: int = 0) -> Iterator[list[Tensor]]:
        modules = [self.members[k] for k in members]

        def answers(batch: Tensor) -> list[Tensor]:
            """Return what each member answers to a batch."""
            # Other modules than known ones may write into their rows.
            rows = repeat(batch) if self._only_reads else (batch.clone() for _ in modules)
            return [
                self._forward(module, own, part) for module, own in zip(modules, rows, strict=False)
            ]

        with torch.inference_mode() if self.is_of_known_layers else torch.no_grad():
            yield from within_memory(answers, self._rows(X, modules[0]))

    def _forward(self, module: nn.Module, batch: Tensor, part: int) -> Tensor:
        if self.autocast is None:
            output = module(batch)
        else:
            with torch.autocast(self.device.type, dtype=self.autocast):
                output = module(batch)
        output = output[part] if isinstance(output, tuple) else output
        output = output.float() if self.autocast else output
        return as_columns(output if part else self.transform(output))
