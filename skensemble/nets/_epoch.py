"""A training epoch without per-batch bookkeeping, where nobody looks into the batches."""

from math import inf
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import BatchScoring, Callback, EpochScoring
from skorch.history import History
from torch import Tensor, nn

from skensemble._checks import InvalidParameterError
from skensemble.data import RowBatches
from skensemble.modules import hold_frozen, unwrap_compiled
from skensemble.nets._fast_report import FastReport
from skensemble.nets._step_callback import StepCallback
from skensemble.nets._steps import Steps


class LeanEpochs(Steps):
    """Mixin for a skorch net: train epochs lean, or skorch's way where that would show.

    skorch's epoch notifies every callback three times a batch, keeps a history of batches and
    waits for each loss. On small nets that costs as much as the training. The lean epoch makes
    the same steps from the same batches without it.

    A training epoch has four places, each a method, where something may hang:

    1. the order of the rows: `RowBatches.draw_order`;
    2. rows to a batch: `RowBatches.make_batch`;
    3. a step: `make_step`, with `StepCallback` before and after it;
    4. the end: `end_epoch`.

    A subclass of `RowBatches` is cut into batches in the lean epoch too.
    """

    fast: bool
    _first_loss_: float = 0.0
    """Loss of the first batch of the last epoch, as it is found in `_mean_loss_` over all."""

    _mean_loss_: float = 0.0
    _notes_batches_ = False

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Compute one epoch, as in `skorch.NeuralNet.run_single_epoch`."""
        if training:
            self._check_trained_weights()
        if not hasattr(self, "fast_report_"):
            self.fast_report_ = FastReport()
        obstacle = self._obstacle_to_lean_epoch(iterator, fit_params) if training else None
        if obstacle is not None:
            self._leave_all_fast_ways(obstacle)
            self._leave_fused_step_to_all_weights()
        if not training or obstacle is not None:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
            if iterator is not None:
                mean = mean_batch_loss(self.history, prefix)
                if training:
                    first = self.history[-1]["batches"][0][f"{prefix}_loss"]
                    vars(self).update(_first_loss_=first, _mean_loss_=mean)
                self._record_loss(prefix, mean)
            return
        if not (self.module_.training and self._is_known_unchanged()):
            self._set_training(True)
        watching = [cb for _, cb in self.callbacks_ if isinstance(cb, StepCallback)]
        self._prepare_steps()
        losses: list[Tensor] = []
        notes_batches = vars(self)["_notes_batches_"] = self._may_note_batches()
        for X, y in iterator:
            if notes_batches:
                self.history.new_batch()
            for callback in watching:
                callback.before_step(self)
            if not losses:
                vars(self)["_batch_size_"] = self._compiles_for(len(X))
            losses.append(self.make_step(X, y))
            if notes_batches:
                self.history.record_batch(f"{prefix}_batch_size", len(X))
            for callback in watching:
                callback.after_step(self, losses[-1])
            if watching and self._closed_form_ and not self._closed_form_.is_connected():
                self._prepare_steps()
        vars(self)["_batch_size_"] = None
        self.end_epoch(prefix, losses, iterator.sizes)

    def end_epoch(self, prefix: str, losses: list[Tensor], n_rows: list[int]) -> None:
        """Note the mean loss of the rows of an epoch in the history, as skorch does.

        Parameters
        ----------
        prefix : str
            What its entries in the history begin with.
        losses : list of Tensor of shape ()
            Of the batches.
        n_rows : list of int
            Rows of the batches.
        """
        # One look at the losses an epoch: on a GPU each look waits for the device.
        values = torch.stack(losses).tolist()
        mean = sum(loss * n for loss, n in zip(values, n_rows, strict=True)) / sum(n_rows)
        # skorch's way to set an attribute takes longer than the rest of this method.
        vars(self).update(_first_loss_=values[0], _mean_loss_=mean)
        self._record_loss(prefix, mean)
        if self._notes_batches_:
            for batch, loss in zip(self.history[-1]["batches"], values, strict=True):
                batch[f"{prefix}_loss"] = loss
        else:
            # Some callbacks of skorch look up the last batch, if only for the name of a file.
            self.history.new_batch()
            self.history.record_batch(f"{prefix}_batch_size", n_rows[-1])
        self.history.record(f"{prefix}_batch_count", len(values))

    def _set_training(self, training: bool = True) -> None:
        """Set the mode of all parts, as in `skorch.NeuralNet`; frozen statistics stay."""
        super()._set_training(training)
        for name in self._modules if training else ():
            module = unwrap_compiled(getattr(self, f"{name}_"))
            if isinstance(module, nn.Module):
                hold_frozen(module)

    def _check_trained_weights(self) -> None:
        """Refuse an epoch that would train nothing; a callback may have frozen what there is."""
        weights = [w for group in self._optimizer_groups() for w in group["params"]]
        if weights and not any(weight.requires_grad for weight in weights):
            module = unwrap_compiled(self.module_)
            raise InvalidParameterError(
                f"module must have weights to train, got {type(module).__name__}, whose weights "
                "are all frozen (requires_grad=False)."
            )

    def _may_note_batches(self) -> bool:
        """Say whether a method of a user's own may note something about a batch."""
        names = ("get_loss", "infer")
        return not all(getattr(type(self), n).__module__.startswith("skensemble.") for n in names)

    def _record_loss(self, prefix: str, loss: float) -> None:
        """Note the loss of an epoch, and whether it is the best so far, as skorch does."""
        best = {} if len(self.history) == 1 else getattr(self, "best_losses_", {})
        self.history.record(f"{prefix}_loss", loss)
        self.history.record(f"{prefix}_loss_best", loss < best.get(prefix, inf))
        self.best_losses_ = {**best, prefix: min(loss, best.get(prefix, inf))}

    def _leave_all_fast_ways(self, reason: str) -> None:
        """Note why epochs are those of skorch; the other ways are taken in the lean epoch alone."""
        self.fast_report_.leave("lean_epoch", reason)
        others = "the epoch is skorch's" if self.fast else reason
        self.fast_report_.leave("closed_form", others)
        self.fast_report_.leave("fused_step", others)
        if self.cuda_graph is not False:
            self.fast_report_.leave("cuda_graph", others)

    def _leave_fused_step_to_all_weights(self) -> None:
        """Let torch's own step take weights that join in later, which its fused one cannot."""
        asked = "optimizer__fused" in vars(self)
        for group in self._optimizer_groups():
            if (
                group.get("fused")
                and not asked
                and not all(p.requires_grad for p in group["params"])
            ):
                group["fused"] = False

    def _optimizer_groups(self) -> list[dict[str, Any]]:
        is_known = isinstance(self.optimizer_, torch.optim.Optimizer)
        return self.optimizer_.param_groups if is_known else []

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute a loss and its gradient, clipped; skorch's way to a step."""
        step = super().train_step_single(batch, **fit_params)
        if self.max_grad_norm is not None:
            self._clip_gradients(self._trained_parameters())
        return step

    def _obstacle_to_lean_epoch(self, iterator: Any, fit_params: dict[str, Any]) -> str | None:
        """Say why skorch's epoch would do more than the lean one, or None if it would not."""
        if not self.fast:
            return f"fast={self.fast!r}"
        if fit_params:
            return f"fit got {sorted(fit_params)} for the module"
        if not isinstance(iterator, RowBatches):
            return f"the iterator is {type(iterator).__name__}, not RowBatches"
        if len(self._optimizers) > 1:
            return f"the net has the optimizers {self._optimizers}"
        optimizer = type(self.optimizer_)
        if optimizer is torch.optim.LBFGS or not optimizer.step.__module__.startswith("torch."):
            return f"the optimizer {optimizer.__name__} may ask for the loss within a step"
        for owner, names in _STEP_METHODS.items():
            for name in names:
                if getattr(type(self), name) is not getattr(owner, name):
                    return f"{type(self).__name__} has a {name} of its own"
        for name, callback in self.callbacks_:
            if not isinstance(callback, StepCallback) and _looks_into_batches(callback):
                return f"the callback {name!r} looks into batches"
        return None


def mean_batch_loss(history: History, prefix: str) -> float:
    """Mean loss of the rows of the last epoch, from a history that keeps its batches.

    Parameters
    ----------
    history : skorch.history.History
    prefix : {"train", "valid"}

    Returns
    -------
    loss : float
    """
    names = [f"{prefix}_loss", f"{prefix}_batch_size"]
    losses, n_rows = zip(*history[-1, "batches", :, names], strict=True)
    return float(np.average(losses, weights=n_rows))


_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")

_STEP_METHODS = {
    LeanEpochs: ("run_single_epoch", "train_step_single"),
    NeuralNet: (
        *("train_step", "_step_optimizer", "_zero_grad_optimizer", *_BATCH_HOOKS),
        *("get_train_step_accumulator",),
    ),
}


def _looks_into_batches(callback: Any) -> bool:
    """Say whether a callback does anything at a batch that is trained on."""
    if type(callback) in (EpochScoring, BatchScoring) and not callback.on_train:
        return False
    return any(getattr(type(callback), h) is not getattr(Callback, h) for h in _BATCH_HOOKS)
