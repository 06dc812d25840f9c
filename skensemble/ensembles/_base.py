"""The life cycle that all ensembles share: fit, members, weights, persistence."""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from torch import nn

from skensemble._checks import check_int
from skensemble._interrupts import interrupts_put_off
from skensemble._typing import State
from skensemble.data import check_rows
from skensemble.ensembles._answers import N_CHECKED, check_first_member, check_last_member
from skensemble.ensembles._collector import Collect, Collector
from skensemble.ensembles._continuation import Begun, FitMembers, NoPartialFit
from skensemble.ensembles._fitted_state import FittedState, unchanged_on_error
from skensemble.ensembles._held_out import check_fraction
from skensemble.ensembles._html import ShowsItself
from skensemble.ensembles._member_weights import WeighsMembers
from skensemble.ensembles._net import (
    check_output_width,
    fill_sizes,
    n_units,
)
from skensemble.ensembles._net_faults import naming_net_faults
from skensemble.ensembles._other_members import TakesMembers
from skensemble.ensembles._parameters import NamedParameters
from skensemble.ensembles._progress import Progress
from skensemble.ensembles._rows import LearnsRows, Validation
from skensemble.ensembles._stops import take_weights_at_stop
from skensemble.ensembles._stored_members import Ranges
from skensemble.ensembles._validation_rows import warn_if_scaled_apart
from skensemble.ensembles._warnings import (
    warn_if_constant,
    warn_if_early_members_spoil,
    warn_if_overruled,
)
from skensemble.members import structure_of
from skensemble.nets import check_trainable, device_of
from skensemble.seeding import (
    building_seeded,
    draw_seed,
    initialize_seeded,
    streams_of,
    training_seeded,
)
from skensemble.training import Data, Trace, held_layers


class BaseEnsemble(
    ShowsItself,
    NamedParameters,
    LearnsRows,
    WeighsMembers,
    TakesMembers,
    FittedState,
    CallbackSupportMixin,
    BaseEstimator,
    ABC,
):
    """Base of all ensembles: everything but how members come about and what they predict.

    A method implements `_check_parameters`, `_n_members` and `_fit_members`; the classifier and
    the regressor base implement the rest.
    """

    validation_fraction: float | None = None
    """Fraction of the rows to hold out; a method that takes it as a parameter sets its own."""

    partial_fit: Any = NoPartialFit()

    _counts_members_alike = True
    """Whether early members count as much as late ones of one training, which they may spoil."""

    _kept_name = "snapshot"
    """What is kept after a step that is due, as pictures call it."""

    _advice_if_constant = "Scale the inputs (StandardScaler in a Pipeline), or lower alpha_zero."

    _progress: type[Progress] = Progress

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "BaseEnsemble":
        """Train the members.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Training rows.
        y : array-like of shape (n_samples,) or, for a regressor, (n_samples, n_outputs)
            Labels of any kind, or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, each divided by their mean over all rows: only their
            size against each other counts, in batches of any size. Rows of weight 0 are left out.
            A criterion of one's own needs a `reduction` that is the mean or the sum of its losses.
            To a method that draws from a posterior, weights that are whole numbers also say how
            many rows there are.
            `class_weight` of the net multiplies them.
        X_val, y_val : default=None
            Validation rows and their labels or targets, of the same kind; never trained on. Instead
            of them, `validation_fraction` holds out some of the rows.
        sample_weight_val : array-like of shape (n_samples_val,), default=None
            Weights of the validation rows.

        Returns
        -------
        self : BaseEnsemble

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule; a `ValueError`, as are those of bad rows.
        DivergenceError
            If the loss stops being finite; a `ValueError` too. After any error a fitted ensemble is
            as it was before the call.
        KeyboardInterrupt
            If Ctrl-C is pressed. Before the first member the ensemble is as it was before the call;
            afterwards it holds the members so far.
        """
        validation = (X_val, y_val, sample_weight_val)
        with unchanged_on_error(self):
            was_interrupted = self._fit(X, y, sample_weight, validation)
        if was_interrupted:
            raise KeyboardInterrupt
        return self

    @with_callbacks
    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: Validation) -> bool:
        """Train a net from its beginning; True if Ctrl-C was pressed and members are there."""
        begun = self._begin(X, y, sample_weight, validation)
        return self._train_members(begun, self._fit_members, self._n_members(), X=X, y=y)

    def _begin(
        self, X: Any, y: Any, sample_weight: Any, validation: Validation, classes: Any = None
    ) -> Begun:
        net = self._make_net()
        warn_if_overruled(net, self._schedules())
        device = device_of(net)
        self._check_call(validation)
        self._check_m()
        self._clear_fit()
        streams = streams_of(draw_seed(self._seed_source(net)))
        data, held_out = self._learn_data(
            net, X, y, sample_weight, validation, seed=streams.validation, classes=classes
        )
        if held_out is not None and self.validation_fraction is None:
            warn_if_scaled_apart(data.X, held_out.X)
        n_outputs = n_units(net, self._n_outputs())
        fill_sizes(net, X=data.X, n_outputs=n_outputs)
        self.template_net_ = clone(net)
        with naming_net_faults(net, data.X):
            initialize_seeded(net, streams, device)
        check_trainable(net, self._n_outputs())
        data = self._settle(net, data, held_out)
        self._transform_ = net._get_predict_nonlinearity()
        with building_seeded(streams.weights, device), naming_net_faults(net, data.X):
            check_output_width(net, self._transform_, data.X[:2], self._n_outputs())
        self._predictor_ = self._make_predictor(device)
        self._ranges_ = Ranges(data.X)
        self.members_: list[State] = []
        self._n_members_planned_ = self._n_members()
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        return Begun(net, data, held_out, streams, metadata)

    def _train_members(
        self, begun: Begun, fit_members: FitMembers, n_members: int, **seen: Any
    ) -> bool:
        """Train a net that has begun until there are some number of members."""
        net, data, held_out, streams, metadata = begun
        progress = self._progress(self, n_members, **seen, metadata=metadata)
        rows = data.X[:N_CHECKED]
        collect = Collector(self, net, progress, held_out, rows)
        with training_seeded(streams.training, device_of(net)):
            trace = fit_members(net, data, collect, streams.method)
        take_weights_at_stop(collect, net, trace)
        with interrupts_put_off() as interrupts:
            collect.finish(trace)
            self._predictor_.stack()
            self._held_layers_ = held_layers(net)
            if not trace.was_interrupted:
                check_first_member(self._predictor_, rows, collect.first_answer)
                self._check_members(net, data)
                known = self._predictor_, data, net.criterion_, trace.last_loss
                warn_if_constant(*known, self._advice_if_constant)
                if held_out is None and self._counts_members_alike:
                    warn_if_early_members_spoil(self, data, net.criterion_, trace)
            progress.end()
        return trace.was_interrupted or interrupts.was_pressed

    def _check_call(self, validation: Validation) -> None:
        if not isinstance(self.verbose, bool):
            check_int("verbose", self.verbose, 0)
        self._check_parameters()
        self._check_weights()
        check_fraction(self.validation_fraction, validation)

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuse bad constructor arguments, before any data is looked at."""

    @abstractmethod
    def _n_members(self) -> int:
        """Members that a whole fit gives."""

    @abstractmethod
    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        """Train the net and hand each member to `collect`, oldest first.

        The seed is for what the method draws itself.
        """

    def _check_members(self, net: NeuralNet, data: Data) -> None:
        """Hold the last member to what the net answers with its weights."""
        check_last_member(
            self._predictor_,
            net,
            self.members_[-1],
            data.X[:N_CHECKED],
            is_at_end=self.member_steps_[-1] == self.n_steps_,
        )

    def _member_template(self, module: nn.Module) -> nn.Module:
        """Return a module that predicts once it has the state of a member."""
        return structure_of(module)

    @abstractmethod
    def _learn_targets(
        self, net: NeuralNet, y: np.ndarray, sample_weight: np.ndarray | None
    ) -> np.ndarray:
        """Learn the coding of the targets, which the net has a say in, and encode them."""

    def _weigh(self, net: NeuralNet, codes: np.ndarray, sample_weight: Any) -> Any:
        """Return the weights of the rows in the loss, from encoded targets and the user's own."""
        return sample_weight

    @abstractmethod
    def _encode_targets(self, y: np.ndarray, name: str = "y_val") -> np.ndarray:
        """Encode further targets, of validation rows among others."""

    @abstractmethod
    def _coding(self) -> Any:
        """Return what a net of our own decodes with, in `Net.take_coding`."""

    @abstractmethod
    def _n_outputs(self) -> int:
        """Width of a member's output."""

    @staticmethod
    @abstractmethod
    def _row_losses(output: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Loss of each row, of shape (n_samples,), from encoded targets."""

    @staticmethod
    @abstractmethod
    def _score_output(output: np.ndarray, y: np.ndarray, sample_weight: Any) -> float:
        """Score of an output, higher is better, from encoded targets."""

    def _score(self, output: np.ndarray, y: np.ndarray, sample_weight: Any) -> float:
        """Score an output as `score` would."""
        return self._score_output(output, y, sample_weight)

    @classmethod
    @lru_cache
    def _get_param_names(cls) -> list[str]:
        # scikit-learn inspects the signature anew whenever parameters are read.
        return super()._get_param_names()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags

    def _check_rows(self, X: Any) -> Any:
        check_is_fitted(self)
        return check_rows(self, X, dtype=self._rows_dtype_, keeps_pixels=self._keeps_pixels_)

    def _member_outputs(self, X: Any) -> np.ndarray:
        X = self._check_rows(X)
        return self._predictor_.outputs(X, range(len(self.members_)))

    def _mean_output(self, X: Any) -> np.ndarray:
        X = self._check_rows(X)
        return self._predictor_.mean(X, self._weights())
