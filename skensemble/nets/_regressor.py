from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.utils import Tags
from skorch import NeuralNetRegressor
from torch import Tensor, nn

from skensemble.data import RowBatches, TargetScaler
from skensemble.device import numpy_dtype
from skensemble.modules import MLP
from skensemble.nets._base import Net
from skensemble.nets._target_scale import is_standardized, refuse_domain, response_of


class NetRegressor(Net, NeuralNetRegressor):
    """A skorch regressor net with scikit-learn's manners.

    It shuffles, holds nothing out, prints nothing, takes weights of rows, is sized to the data and
    learns standardised targets, so that targets of any size train. Alone it is the single model
    of every comparison; within an ensemble it is what each member is trained from.

    Parameters
    ----------
    module : torch.nn.Module class or instance, default=MLP
        What is trained. Arguments of its constructor are set with the prefix ``module__``;
        `n_features`, `n_outputs` and `n_classes` are filled in where it has them, for images
        `n_channels`, and for images of bytes `channel_mean` and `channel_std`. An instance is
        copied.
    criterion : torch criterion class, default=torch.nn.MSELoss
        Loss, of standardised targets. A Gaussian likelihood (`torch.nn.GaussianNLLLoss`) takes a
        module that returns ``(mean, log_variance)``.
    target_scale : {"standard"} or None, default="standard"
        "standard" takes the mean off the targets and divides them by their standard deviation,
        before training, and puts both back in `predict`. None leaves targets as they are, for
        losses with a domain, such as those of counts (`torch.nn.PoissonNLLLoss`) or of shares
        (`torch.nn.BCEWithLogitsLoss`), which are refused with "standard". There `predict` gives
        counts and shares, unless `predict_nonlinearity` says otherwise.
    optimizer : torch optimizer class, default=torch.optim.SGD
        Update rule; its arguments are set with the prefix ``optimizer__``.
    lr : float, default=0.1
        Learning rate. An ensemble's schedule takes its place.
    max_epochs : int, default=40
        Passes over the training rows.
    batch_size : int, default=64
        Rows of a batch; -1 takes all rows.
    optimizer__momentum : float, default=0.9
        Momentum, for an optimizer that has it.
    optimizer__nesterov : bool, default=True
        Whether a momentum above 0 is Nesterov's.
    optimizer__weight_decay : float, default=1e-4
        L2 penalty on the weights, for an optimizer that has it.
    max_grad_norm : float or None, default=1.0
        Norm to which longer gradients are cut, over all weights together.
    iterator_train, iterator_valid : class, default=RowBatches
        What cuts rows into batches.
    iterator_train__shuffle : bool, default=True
        Whether the order of the rows is drawn anew in each epoch.
    train_split : callable or None, default=None
        What holds rows out within `fit`, as in skorch; nothing by default.
    verbose : int, default=0
        1 prints skorch's line for each epoch.
    device : str, default="auto"
        "auto" takes CUDA, else MPS, else the CPU.
    precision : {"float32", "float64", "bf16"}, default="float32"
        Floats of weights and rows; "bf16" computes products in bfloat16, with weights in float32.
    fast : bool, default=True
        Whether to train in lean epochs, with gradients in closed form and fused steps, where
        nobody could see a difference; `fast_report_` says why not. False leaves everything to
        skorch, autograd and the optimizer: the same training up to rounding, but slower, to debug.
    cuda_graph : {"auto", True, False}, default=False
        Whether gradients on a CUDA device are recorded once and replayed as a CUDA graph. A net
        that cannot be replayed is trained step by step, and `fast_report_` says why; True warns of
        it too. In float64 steps were those made one by one on an H200; what is saved is not
        measured yet, so it has to be asked for.
    channels_last : bool, default=False
        Whether convolutions see images in torch's format of that name, the faster one on a GPU with
        "bf16".
    augment : Augmentation, list of Augmentation or None, default=None
        How images are changed at random before each step, such as
        ``[RandomCrop(4), RandomFlip()]`` of `skensemble.augmentation`: on the device, in the bytes
        that they are kept in, drawn for an epoch at once.
    random_state : int, RandomState instance or None, default=None
        Seed for weight initialisation, row order and dropout.
    **kwargs : dict
        All other arguments of `skorch.NeuralNetRegressor`.

    Attributes
    ----------
    target_scaler_ : TargetScaler
        Mean and scale of the targets, taken off before training and put back in `predict`; 0 and 1
        with ``target_scale=None``.
    module_ : torch.nn.Module
        The trained module.
    history_ : skorch.history.History
        Loss and time of each epoch.
    fast_report_ : FastReport
        Why the last training left the fast ways, with `lean_epoch`, `closed_form`, `fused_step` and
        `cuda_graph`; None for those that it took.
    n_features_in_ : int
        Features seen in `fit`.

    See Also
    --------
    skensemble.SnapshotEnsembleRegressor : Many such nets at the price of one.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skensemble import NetRegressor
    >>> X, y = load_diabetes(return_X_y=True, scaled=True)
    >>> net = NetRegressor(module__hidden_units=(20,), random_state=0).fit(20 * X, y)
    >>> net.predict(20 * X).shape
    (442,)
    """

    def __init__(
        self,
        module: Any = MLP,
        *,
        criterion: Any = nn.MSELoss,
        target_scale: str | None = "standard",
        optimizer: Any = torch.optim.SGD,
        lr: float = 0.1,
        max_epochs: int = 40,
        batch_size: int = 64,
        optimizer__momentum: float = 0.9,
        optimizer__nesterov: bool = True,
        optimizer__weight_decay: float = 1e-4,
        max_grad_norm: float | None = 1.0,
        iterator_train: Any = RowBatches,
        iterator_valid: Any = RowBatches,
        iterator_train__shuffle: bool = True,
        train_split: Any = None,
        verbose: int = 0,
        device: Any = "auto",
        precision: str = "float32",
        fast: bool = True,
        cuda_graph: Any = False,
        channels_last: bool = False,
        augment: Any = None,
        random_state: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module,
            criterion=criterion,
            optimizer=optimizer,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            optimizer__momentum=optimizer__momentum,
            optimizer__nesterov=optimizer__nesterov,
            optimizer__weight_decay=optimizer__weight_decay,
            iterator_train=iterator_train,
            iterator_valid=iterator_valid,
            iterator_train__shuffle=iterator_train__shuffle,
            train_split=train_split,
            verbose=verbose,
            device=device,
            **kwargs,
        )
        self.target_scale = target_scale
        self.max_grad_norm = max_grad_norm
        self.precision = precision
        self.fast = fast
        self.cuda_graph = cuda_graph
        self.channels_last = channels_last
        self.augment = augment
        self.random_state = random_state
        self.check_names(self._params_to_validate)

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets in their own units.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        self._require_coding("target_scaler_")
        output = self.predict_proba(X)
        if self._coding() is None:
            return output
        return self.target_scaler_.inverse(output.reshape(len(output), -1))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def take_coding(self, coding: TargetScaler) -> None:
        """Learn targets standardised by this scale, as an ensemble does.

        Parameters
        ----------
        coding : TargetScaler
            Mean and scale of the targets.
        """
        self.target_scaler_ = coding
        self.n_outputs_ = coding.n_outputs

    def _aligned(self, y_pred: Any, y_true: Any) -> tuple[Any, Any]:
        if not isinstance(y_pred, Tensor) or y_pred.ndim != 1:
            return y_pred, y_true
        # A column beside a flat output would be compared row by row with every other row.
        return y_pred, y_true.reshape(y_pred.shape)

    def _coding(self) -> TargetScaler | None:
        return getattr(self, "target_scaler_", None)

    def _coding_state(self) -> dict[str, Any]:
        return {} if self._coding() is None else self.target_scaler_.to_state()

    def _load_coding_state(self, state: dict[str, Any]) -> None:
        self.take_coding(TargetScaler.from_state(state))

    def _forget_targets(self) -> None:
        for name in ("target_scaler_", "n_outputs_"):
            vars(self).pop(name, None)

    def initialize_criterion(self) -> "NetRegressor":
        """Build the criterion, and hold it against the scale of the targets."""
        super().initialize_criterion()
        if is_standardized(self):
            refuse_domain(self.criterion_, getattr(self, "n_outputs_", None))
        return self

    def _get_predict_nonlinearity(self) -> Callable[..., Any]:
        self.check_is_fitted()
        is_auto = isinstance(self.predict_nonlinearity, str) and self.predict_nonlinearity == "auto"
        response = response_of(self.criterion_) if is_auto else None
        return super()._get_predict_nonlinearity() if response is None else response

    def _learn_targets(
        self, y: np.ndarray, sample_weight: np.ndarray | None, classes: Any = None
    ) -> None:
        self.take_coding(TargetScaler(y, sample_weight, standardize=is_standardized(self)))

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        return self.target_scaler_.transform(y).astype(numpy_dtype(self.precision))

    def _decode_targets(self, codes: np.ndarray) -> np.ndarray:
        return self.target_scaler_.inverse(codes.reshape(len(codes), -1))
