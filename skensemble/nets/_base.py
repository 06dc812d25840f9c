"""What the classifier and the regressor net share: scikit-learn's manners over skorch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils import Tags
from skorch import NeuralNet
from skorch.callbacks import EpochTimer, PassthroughScoring, PrintLog
from torch import Tensor, nn

from skensemble._interrupts import watched_interrupts
from skensemble._warn import warn_user
from skensemble.data import with_own_weights
from skensemble.modules import input_layers, unwrap_compiled
from skensemble.nets._divergence import divergence_of, has_finite_weights, is_too_large, loss_seen
from skensemble.nets._epoch import LeanEpochs
from skensemble.nets._faults import NamedFaults, naming_batch_faults
from skensemble.nets._loss import batch_loss, weighted_loss
from skensemble.nets._names import NetNames
from skensemble.nets._net_data import NetData
from skensemble.nets._parameters import check_net_parameters
from skensemble.nets._part_arguments import PartArguments
from skensemble.nets._real_device import RealDevice
from skensemble.nets.gradients import obstacle_to_closed_form
from skensemble.seeding import draw_seed, initialize_seeded, streams_of, training_seeded


class Net(NetNames, NamedFaults, LeanEpochs, NetData, PartArguments, RealDevice, NeuralNet):
    """Base of `NetClassifier` and `NetRegressor`.

    A subclass turns what users call `y` into what torch learns from, in `_learn_targets` and
    `_encode_targets`.
    """

    _n_trainings_ = -1
    _asked_for_: tuple[str, ...] = ()

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> "Net":
        """Train the net from fresh weights.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows; or a dict of arrays or a dataset, whose sizes are not filled in.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any kind, or targets. None for a dataset that holds them, or for an iterator
            of one's own that brings them along.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, each divided by their mean over all rows: only their
            size against each other counts, in batches of any size. Rows of weight 0 are left out.
            A criterion of one's own needs a `reduction` that is the mean or the sum of its losses.
        **fit_params : dict
            As in `skorch.NeuralNet.fit`.

        Returns
        -------
        self : Net

        Raises
        ------
        InvalidParameterError
            If rows, targets, weights or an argument of the net break a rule.
        DivergenceError
            If the loss or the weights are no longer finite.
        KeyboardInterrupt
            If Ctrl-C was pressed; the net has learnt up to there.
        """
        fresh = not (self.warm_start and self.initialized_)
        first = self._is_first(fresh)
        X, y, sample_weight = self._check_data(X, y, sample_weight, first=first)
        return self._train(X, y, sample_weight, fresh, _routing_method="fit", **fit_params)

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        classes: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> "Net":
        """Train on from the weights that are there, or from fresh ones at the first call.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or targets, as in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All the classes there will be, for a first call of a classifier whose rows do not
            show them all.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, as in `fit`.
        **fit_params : dict
            As in `skorch.NeuralNet.partial_fit`.

        Returns
        -------
        self : Net

        Raises
        ------
        InvalidParameterError, DivergenceError, KeyboardInterrupt
            As in `fit`.
        """
        fresh = not self.initialized_
        first = self._is_first(fresh)
        X, y, sample_weight = self._check_data(X, y, sample_weight, first=first, classes=classes)
        return self._train(X, y, sample_weight, fresh, **fit_params)

    def fit_loop(
        self, X: Any, y: Any = None, epochs: Any = None, *, sample_weight: Any = None, **kwargs: Any
    ) -> "Net":
        """Run the epochs, as in `skorch.NeuralNet.fit_loop`, on targets as the user gives them."""
        self._sample_weight_, self._is_training_ = sample_weight, True
        try:
            with self._on_real_device():
                return super().fit_loop(X, y, epochs, **kwargs)
        finally:
            self._sample_weight_, self._is_training_ = None, False
            self._shown_ = None

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """End the training of a net by itself if its loss is not finite."""
        super().on_epoch_end(net, **kwargs)
        loss = self._mean_loss_
        if not self._is_alone_ or not is_too_large(loss):
            return
        is_first = len(self.history) == self._n_epochs_before_ + 1
        if not is_first or not is_too_large(self._first_loss_):
            raise divergence_of(self, loss_seen(loss))
        # No step has led there, as skorch's own users know; an ensemble refuses it.
        self._is_alone_ = False
        warn_user(
            f"The loss is not finite from the first batch on: {type(self.criterion_).__name__} "
            f"cannot take what {type(self.module_).__name__} gives, or what y holds."
        )

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the module's output after the criterion's non-linearity.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        output : ndarray of shape (n_samples, n_outputs)

        Raises
        ------
        NotFittedError
            If the net has no weights yet.
        InvalidParameterError
            If rows are not what the net was fitted on.
        """
        self.check_is_fitted()
        return super().predict_proba(self._check_rows(X))

    def initialize(self) -> "Net":
        """Check the net's own arguments and build its parts, as in `skorch.NeuralNet`."""
        self.check_training_readiness()
        # As in skorch, a fit may do no more than initialise.
        check_net_parameters(self, least_epochs=0)
        self.find_device()
        self._scales_bytes_ = "channel_mean" in self.get_params_for("module")
        return super().initialize()

    @naming_batch_faults
    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module on a batch, under autocast where the precision asks for it."""
        x = self._in_format(self._as_floats(self._on_device(x)))
        if isinstance(x, Mapping):
            args, fit_params = (), self._merge_x_and_fit_params(x, fit_params)
        else:
            args = (x,)
        autocast = self._precision().autocast
        if autocast is None:
            return self.module_(*args, **fit_params)
        with torch.autocast(self.device_.type, dtype=autocast):
            output = self.module_(*args, **fit_params)
        is_tuple = isinstance(output, tuple)
        return tuple(part.float() for part in output) if is_tuple else output.float()

    @naming_batch_faults
    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Loss of a batch; with weights of rows, that of `weighted_loss`."""
        y_true = self._on_device(y_true)
        if isinstance(y_true, tuple | list):
            y_pred, target = self._aligned(y_pred, y_true[0])
            y_true = target, *y_true[1:]
        else:
            y_pred, y_true = self._aligned(y_pred, y_true)
        if isinstance(unwrap_compiled(self.criterion_), nn.NLLLoss):
            # As in skorch, such a module gives probabilities.
            y_pred = torch.log(y_pred + torch.finfo(y_pred.dtype).eps)
        if self._sample_weight_ is not None and isinstance(y_true, tuple | list):
            return weighted_loss(self.criterion_, y_pred, *y_true)
        return batch_loss(self.criterion_, y_pred, y_true)

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> tuple[Any, Any]:
        """Split as in `skorch.NeuralNet`; weights of rows have a mean of 1 in each part."""
        train, valid = super().get_split_datasets(X, y, **fit_params)
        return with_own_weights(train), with_own_weights(valid)

    def _aligned(self, y_pred: Any, y_true: Any) -> tuple[Any, Any]:
        """Bring an output and its targets to the shapes and types that the criterion takes."""
        return y_pred, y_true

    def _obstacle_to_closed_form(self) -> str | None:
        if not self.fast:
            return f"fast={self.fast!r}"
        if not type(self).__module__.startswith("skensemble.nets."):
            return f"{type(self).__name__} is a subclass, which may change anything"
        if not input_layers(self.module_).are_in_batches:
            return "the module encodes or drops columns of rows that come whole"
        return obstacle_to_closed_form(self)

    def check_data(self, X: Any, y: Any = None) -> None:
        """Do nothing: `fit` has checked the data, and its classes are not to be learnt again."""

    @property
    def n_iter_(self) -> int:
        """Epochs that were made since the net has got its weights."""
        if not self.initialized_:
            raise AttributeError(f"{type(self).__name__} has no n_iter_ before it is fitted.")
        return len(self.history)

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        # The net notes the losses of an epoch itself, and a quiet one says nothing; callbacks of
        # these names are there for those who look on or who name them, as skorch's users do.
        is_quiet = np.ndim(self.verbose) == 0 and not self.verbose
        callbacks = [("epoch_timer", EpochTimer())]
        if not is_quiet or self._names_callback("train_loss"):
            callbacks.append(("train_loss", PassthroughScoring("train_loss", on_train=True)))
        if not is_quiet or self._names_callback("valid_loss"):
            callbacks.append(("valid_loss", PassthroughScoring("valid_loss")))
        callbacks += self._default_scores()
        if not is_quiet or self._names_callback("print_log"):
            callbacks.append(("print_log", PrintLog()))
        return callbacks

    def _default_scores(self) -> list[tuple[str, Any]]:
        """Return the callbacks that score rows which a split holds out."""
        return []

    def _names_callback(self, name: str) -> bool:
        """Say whether an argument of the user's concerns a default callback."""
        names = {*vars(self), *self._asked_for_}
        return any(asked.startswith(f"callbacks__{name}") for asked in names)

    def set_params(self, **params: Any) -> "Net":
        """Set arguments of the net and of its parts, as in `skorch.NeuralNet.set_params`."""
        vars(self)["_asked_for_"] = tuple(params)
        try:
            return super().set_params(**params)
        finally:
            vars(self).pop("_asked_for_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags

    def _get_param_names(self) -> list[str]:
        # skorch counts a private set of its own among the parameters.
        return [name for name in super()._get_param_names() if not name.startswith("_")]

    def _train(self, X: Any, y: Any, sample_weight: Any, fresh: bool, **fit_params: Any) -> "Net":
        if sample_weight is not None:
            fit_params["sample_weight"] = sample_weight
        streams = streams_of(draw_seed(self.random_state))
        device = self.find_device()
        if fresh:
            initialize_seeded(self, streams, device)
        else:
            self._warn_of_bytes(X)
        self._n_trainings_ = 0 if fresh else self._n_trainings_ + 1
        X = self._settle_rows(X)
        seed = streams.of_training(self._n_trainings_)
        self._is_alone_, self._n_epochs_before_ = True, len(self.history or ())
        try:
            with training_seeded(seed, device), watched_interrupts() as interrupts:
                super().partial_fit(X, y, **fit_params)
            # skorch ends the training over a KeyboardInterrupt, whoever has raised it.
            if interrupts.was_pressed:
                raise KeyboardInterrupt
            if self._is_alone_ and not has_finite_weights(self):
                raise divergence_of(self, "the weights are not finite")
        finally:
            self._is_alone_ = False
        return self
