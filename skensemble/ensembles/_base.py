"""The life cycle that all ensembles share: fit, members, weights, persistence."""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from torch import nn

from skensemble._checks import InvalidParameterError, check_int, reject
from skensemble._typing import State
from skensemble.data import (
    check_labelled_rows,
    check_rows,
    check_weights,
    drop_zero_weight_rows,
    n_values_per_row,
)
from skensemble.ensembles._collector import Collect, Collector
from skensemble.ensembles._fitted_state import FittedState, unchanged_on_error
from skensemble.ensembles._held_out import HeldOut
from skensemble.ensembles._net import check_output_width, fill_sizes, make_net, rows_dtype
from skensemble.ensembles._net_faults import naming_net_faults
from skensemble.ensembles._parameters import NamedParameters
from skensemble.ensembles._progress import Progress
from skensemble.ensembles._validation_rows import naming_validation_rows, warn_if_scaled_apart
from skensemble.ensembles._warnings import warn_if_constant, warn_if_overruled
from skensemble.members import MemberTemplate, structure_of
from skensemble.nets import Net, check_trainable, device_of
from skensemble.seeding import (
    building_seeded,
    draw_seed,
    initialize_seeded,
    streams_of,
    training_seeded,
)
from skensemble.training import Data, Trace


class BaseEnsemble(NamedParameters, FittedState, CallbackSupportMixin, BaseEstimator, ABC):
    """Base of all ensembles: everything but how members come about and what they predict.

    A method implements `_check_parameters`, `_n_members` and `_fit_members`; the classifier and
    the regressor base implement the rest.
    """

    _default_parameters: ClassVar[dict[str, Any]] = {}
    """Arguments of the net that stands for ``estimator=None``."""

    _default_net: type[Net]
    _accepted_net: type[NeuralNet]

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
            Weights of the rows in the training loss. Rows of weight 0 are left out.
        X_val, y_val : default=None
            Validation rows and their labels or targets, of the same kind; never trained on.
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
            If Ctrl-C is pressed before the first member, or while members are drawn when the
            training is over; in a training the members so far are kept.
        """
        validation = (X_val, y_val, sample_weight_val)
        with unchanged_on_error(self):
            return self._fit(X, y, sample_weight, validation)

    @with_callbacks
    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any]
    ) -> "BaseEnsemble":
        net = make_net(
            self.estimator, self._default_net, self._accepted_net, self._default_parameters
        )
        warn_if_overruled(net, self)
        device = device_of(net)
        if not isinstance(self.verbose, bool):
            check_int("verbose", self.verbose, 0)
        self._check_parameters()
        self._check_m()
        self._clear_fit()
        data = self._learn_data(net, X, y, sample_weight)
        held_out = self._hold_out(rows_dtype(net), *validation)
        if held_out is not None:
            warn_if_scaled_apart(data.X, held_out.X)
        fill_sizes(net, n_features=n_values_per_row(data.X), n_outputs=self._n_outputs())
        self.template_net_ = clone(net)
        streams = streams_of(draw_seed(self._seed_source(net)))
        with naming_net_faults(net, data.X):
            initialize_seeded(net, streams, device)
        check_trainable(net, self._n_outputs())
        self._transform_ = net._get_predict_nonlinearity()
        with building_seeded(streams.weights, device), naming_net_faults(net, data.X):
            check_output_width(net, self._transform_, data.X[:2], self._n_outputs())
        self._predictor_ = self._make_predictor(device)
        self.members_: list[State] = []
        self._n_members_planned_ = self._n_members()
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        progress = Progress(self, self._n_members_planned_, X=X, y=y, metadata=metadata)
        template = MemberTemplate(self._member_template(net.module_))
        collect = Collector(self, template, progress, held_out)
        with training_seeded(streams.training, device):
            trace = self._fit_members(net, data, collect, streams.method)
        collect.finish(trace)
        warn_if_constant(self._predictor_, data, net.criterion_, trace.last_loss)
        progress.end()
        return self

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

    def _member_template(self, module: nn.Module) -> nn.Module:
        """Return a module that predicts once it has the state of a member."""
        return structure_of(module)

    @abstractmethod
    def _learn_targets(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
        """Learn the coding of the targets, and encode them."""

    @abstractmethod
    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        """Encode the targets of validation rows."""

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
        return check_rows(self, X, dtype=rows_dtype(self.template_net_))

    def _member_outputs(self, X: Any) -> np.ndarray:
        X = self._check_rows(X)
        return self._predictor_.outputs(X, range(len(self.members_)))

    def _mean_output(self, X: Any) -> np.ndarray:
        X = self._check_rows(X)
        return self._predictor_.mean(X, self._weights())

    def _seed_source(self, net: NeuralNet) -> Any:
        own = self.random_state
        return getattr(net, "random_state", None) if own is None else own

    def _learn_data(self, net: NeuralNet, X: Any, y: Any, sample_weight: Any) -> Data:
        if sample_weight is not None and not isinstance(net, Net):
            rule = f"None for a {type(net).__name__} (take {self._default_net.__name__})"
            raise reject("sample_weight", rule, sample_weight)
        X, y = check_labelled_rows(
            self,
            X,
            y,
            dtype=rows_dtype(net),
            classify=isinstance(self, ClassifierMixin),
            reset=True,
        )
        sample_weight = check_weights(sample_weight, X, dtype=X.dtype)
        X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)
        codes = self._learn_targets(y, sample_weight)
        return Data(X, codes.astype(X.dtype) if codes.dtype.kind == "f" else codes, sample_weight)

    def _hold_out(self, dtype: Any, X: Any, y: Any, sample_weight: Any) -> HeldOut | None:
        if (X is None) != (y is None):
            there, missing = ("y_val", "X_val") if X is None else ("X_val", "y_val")
            raise InvalidParameterError(f"{missing} must be given with {there}, got None.")
        if X is None:
            if sample_weight is not None:
                raise reject("sample_weight_val", "None without X_val", sample_weight)
            if isinstance(self.m, str):
                raise reject("m", "an int or None for a fit without X_val and y_val", self.m)
            return None
        classify = isinstance(self, ClassifierMixin)
        with naming_validation_rows():
            X, y = check_labelled_rows(self, X, y, dtype=dtype, classify=classify, reset=False)
            sample_weight = check_weights(sample_weight, X, dtype=np.float64)
        X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)
        y = self._encode_targets(y)
        return HeldOut(X, y, sample_weight, losses=self._row_losses, score=self._score_output)
