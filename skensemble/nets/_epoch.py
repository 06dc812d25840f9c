"""A training epoch without per-batch bookkeeping, where nobody looks into the batches."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import BatchScoring, Callback, EpochScoring, EpochTimer, PrintLog
from skorch.history import History
from torch import Tensor

from skensemble.data import RowBatches
from skensemble.nets._fast_report import FastReport
from skensemble.nets._step_callback import StepCallback
from skensemble.nets.gradients import (
    ClosedForm,
    clip_gradients,
    closed_form_of,
    obstacle_to_fused_step,
    step_of,
)


class LeanEpochs:
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
    _closed_form_: ClosedForm | None = None
    _update_: Callable[[], Any] | None = None

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Compute one epoch, as in `skorch.NeuralNet.run_single_epoch`."""
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
        if not self.module_.training:
            self._set_training(True)
        watching = [cb for _, cb in self.callbacks_ if isinstance(cb, StepCallback)]
        self._prepare_steps()
        losses = []
        notes_batches = vars(self)["_notes_batches_"] = self._may_note_batches()
        for X, y in iterator:
            if notes_batches:
                self.history.new_batch()
            for callback in watching:
                callback.before_step(self)
            losses.append(self.make_step(X, y))
            if notes_batches:
                self.history.record_batch(f"{prefix}_batch_size", len(X))
            for callback in watching:
                callback.after_step(self, losses[-1])
            if watching and self._closed_form_ and not self._closed_form_.is_connected():
                self._prepare_steps()
        self.end_epoch(prefix, losses, iterator.sizes)

    def make_step(self, X: Tensor, y: Any) -> Tensor:
        """Make a training step on a batch: gradients, clipping, update.

        Parameters
        ----------
        X : Tensor of shape (n_samples, ...)
            Rows of the batch.
        y : Tensor of shape (n_samples, ...), or pair
            Targets; with the weights of the rows as a pair.

        Returns
        -------
        loss : Tensor of shape ()
            Of the batch before the step, without a graph.
        """
        if self._closed_form_ is not None:
            with torch.no_grad():
                loss = self._closed_form_.backward(X, y)
                if self.max_grad_norm is not None:
                    self._closed_form_.clip(self.max_grad_norm)
                self._update_()
            return loss
        parameters = self._trained_parameters()
        for parameter in parameters:
            parameter.grad = None
        loss = self.get_loss(self.infer(X), y, X=X, training=True)
        loss.backward()
        self._clip_gradients(parameters)
        self._update_()
        return loss.detach()

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

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Run the epochs, as in `skorch.NeuralNet.fit_loop`."""
        self._closed_form_, self._update_ = None, None
        self.fast_report_ = FastReport()
        try:
            return super().fit_loop(*args, **kwargs)
        finally:
            self._closed_form_, self._update_ = None, None

    def __getstate__(self) -> dict[str, Any]:
        # A callback may pickle the net in mid-training; these belong to the memory of its weights.
        state = super().__getstate__().copy()
        return {name: v for name, v in state.items() if name not in ("_closed_form_", "_update_")}

    def _prepare_steps(self) -> None:
        """Find out where gradients come from and what updates the weights."""
        if not self._is_known_unchanged():
            obstacle = self._obstacle_to_closed_form()
            self._closed_form_ = closed_form_of(self) if obstacle is None else None
            if obstacle is not None:
                self.fast_report_.leave("closed_form", obstacle)
        obstacle = obstacle_to_fused_step(self.optimizer_)
        if obstacle is None:
            is_closed = self._closed_form_ is not None
            self._update_ = step_of(self.optimizer_, keeps_gradients=is_closed)
        else:
            self.fast_report_.leave("fused_step", obstacle)
            self._update_ = self.optimizer_.step

    def _is_known_unchanged(self) -> bool:
        """Say whether what the last epoch found out about gradients still holds."""
        return (
            self._update_ is not None
            and all(
                type(cb) in _SAFE_CALLBACKS or isinstance(cb, StepCallback)
                for _, cb in self.callbacks_
            )
            and (self._closed_form_ is None or self._closed_form_.is_connected())
        )

    def _obstacle_to_closed_form(self) -> str | None:
        """Say why autograd is needed, or None if it is not."""
        raise NotImplementedError

    def _leave_all_fast_ways(self, reason: str) -> None:
        """Note why epochs are those of skorch; the other ways are taken in the lean epoch alone."""
        self.fast_report_.leave("lean_epoch", reason)
        others = "the epoch is skorch's" if self.fast else reason
        self.fast_report_.leave("closed_form", others)
        self.fast_report_.leave("fused_step", others)

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

    def _trained_parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer_.param_groups for p in group["params"]]

    def _clip_gradients(self, parameters: list[Tensor]) -> None:
        if self.max_grad_norm is not None:
            clip_gradients(parameters, self.max_grad_norm)

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


_SAFE_CALLBACKS = (EpochTimer, PrintLog)
"""Callbacks that leave layers, hooks and criterion as they are."""

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
