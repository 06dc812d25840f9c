"""Training steps: where gradients come from, what updates the weights, and what is replayed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from skorch.callbacks import EpochTimer, PrintLog
from torch import Tensor

from skensemble.modules import unwrap_compiled
from skensemble.nets._fast_report import FastReport
from skensemble.nets._graphed_steps import GraphedSteps, obstacle_to_graph, signature_of
from skensemble.nets._step_callback import StepCallback
from skensemble.nets.gradients import (
    ClosedForm,
    clip_gradients,
    closed_form_of,
    obstacle_to_fused_step,
    recorder_for,
    step_of,
)

OF_A_TRAINING = ("_closed_form_", "_update_", "_graphed_", "_signature_", "_batch_size_")
"""Attributes that belong to the memory of a net's weights in one training."""


class Steps:
    """Mixin for a skorch net: steps that are made in the fastest way that gives the same."""

    fast: bool
    compile: bool
    max_grad_norm: float | None
    optimizer_: Any
    callbacks_: Any
    device_: torch.device
    _modules: list[str]
    _criteria: list[str]
    cuda_graph: Any = False
    _closed_form_: ClosedForm | None = None
    _update_: Callable[[], Any] | None = None
    _graphed_: GraphedSteps | None = None
    _signature_: Any = None
    _batch_size_: int | None = None
    """Rows of a full batch, for which alone a module is compiled; None compiles for any number."""

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
        if self._closed_form_ is None:
            return self._make_step(X, y)
        with torch.no_grad():
            return self._make_step(X, y)

    def _make_step(self, X: Tensor, y: Any) -> Tensor:
        compute = self.compute_gradients if self._graphed_ is None else self._graphed_.compute
        loss = compute(X, y)
        self._update_()
        return loss

    def compute_gradients(self, X: Tensor, y: Any) -> Tensor:
        """Write the gradients of a batch into those of the weights, clipped.

        To be called where autograd is off if they have a closed form.

        Parameters
        ----------
        X, y : as in `make_step`

        Returns
        -------
        loss : Tensor of shape ()
        """
        if self._closed_form_ is not None:
            loss = self._closed_form_.backward(X, y)
            if self.max_grad_norm is not None:
                self._closed_form_.clip(self.max_grad_norm)
            return loss
        parameters = self._trained_parameters()
        for parameter in parameters:
            parameter.grad = None
        is_odd = self._batch_size_ not in (None, len(X))
        with self._uncompiled() if is_odd else nullcontext():
            loss = self.get_loss(self.infer(X), y, X=X, training=True)
        loss.backward()
        self._clip_gradients(parameters)
        return loss.detach()

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Run the epochs, as in `skorch.NeuralNet.fit_loop`."""
        vars(self).update(dict.fromkeys(OF_A_TRAINING))
        self.fast_report_ = FastReport()
        try:
            return super().fit_loop(*args, **kwargs)
        finally:
            vars(self).update(dict.fromkeys(OF_A_TRAINING))

    def __getstate__(self) -> dict[str, Any]:
        # A callback may pickle the net in mid-training; these belong to the memory of its weights.
        state = super().__getstate__().copy()
        return {name: v for name, v in state.items() if name not in OF_A_TRAINING}

    def _prepare_steps(self) -> None:
        """Find out where gradients come from, what updates the weights, and what is replayed."""
        if not self._is_known_unchanged():
            obstacle = self._obstacle_to_closed_form()
            if obstacle is not None:
                self.fast_report_.leave("closed_form", obstacle)
            if self.cuda_graph is False:
                self._closed_form_ = closed_form_of(self) if obstacle is None else None
                self._graphed_ = None
            else:
                self._prepare_gradients(has_closed_form=obstacle is None)
                self._prepare_graph()
        obstacle = obstacle_to_fused_step(self.optimizer_)
        if obstacle is None:
            is_closed = self._closed_form_ is not None
            self._update_ = step_of(self.optimizer_, keeps_gradients=is_closed)
        else:
            self.fast_report_.leave("fused_step", obstacle)
            self._update_ = self.optimizer_.step

    def _prepare_gradients(self, *, has_closed_form: bool) -> None:
        """Keep a closed form that holds still: a recording writes into its memory."""
        before, signature = self._signature_, signature_of(self)
        closed = self._closed_form_
        if not has_closed_form:
            self._closed_form_ = None
        elif closed is None or signature != before or not closed.is_connected():
            self._closed_form_ = closed_form_of(self)
        if signature != before or closed is not self._closed_form_:
            self._graphed_ = None
        self._signature_ = signature

    def _prepare_graph(self) -> None:
        """Find out whether steps are replayed; recordings of what has changed are gone."""
        recorder = recorder_for(self.device_)
        if recorder is None:
            if self.cuda_graph is True:
                self.fast_report_.leave("cuda_graph", f"the device is {self.device_.type}")
            return
        # What was given up once is not tried again.
        obstacle = self.fast_report_.cuda_graph or obstacle_to_graph(self)
        if obstacle is not None:
            self._graphed_ = None
            self.fast_report_.leave("cuda_graph", obstacle)
        elif self._graphed_ is None:
            self._graphed_ = GraphedSteps(self, recorder)

    def _is_known_unchanged(self) -> bool:
        """Say whether what the last epoch found out about gradients still holds."""
        return (
            self._update_ is not None
            and all(
                type(cb) in SAFE_CALLBACKS or isinstance(cb, StepCallback)
                for _, cb in self.callbacks_
            )
            and (self._closed_form_ is None or self._closed_form_.is_connected())
        )

    def _obstacle_to_closed_form(self) -> str | None:
        """Say why autograd is needed, or None if it is not."""
        raise NotImplementedError

    def _trained_parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer_.param_groups for p in group["params"]]

    def _clip_gradients(self, parameters: list[Tensor]) -> None:
        if self.max_grad_norm is not None:
            clip_gradients(parameters, self.max_grad_norm)

    def _compiles_for(self, n_rows: int) -> int | None:
        """Return the one size of batches that is compiled for; None where nothing is compiled.

        Another compilation for a last batch takes longer than the batch ever would, and a graph
        wants its module compiled for this size.
        """
        return n_rows if self.compile else None

    @contextmanager
    def _uncompiled(self) -> Iterator[None]:
        """Take module and criterion past the compiler."""
        # A criterion that was compiled for two sizes is compiled for any, and then anew for rows
        # that lie elsewhere.
        parts = {f"{name}_": vars(self)[f"{name}_"] for name in self._modules + self._criteria}
        vars(self).update({name: unwrap_compiled(part) for name, part in parts.items()})
        try:
            yield
        finally:
            vars(self).update(parts)


SAFE_CALLBACKS = (EpochTimer, PrintLog)
"""Callbacks that leave layers, hooks and criterion as they are."""
