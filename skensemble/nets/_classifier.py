from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skensemble.data import RowBatches, encode, learn_classes
from skensemble.modules import MLP
from skensemble.nets._base import Net


class NetClassifier(Net, NeuralNetClassifier):
    """A skorch classifier net with scikit-learn's manners.

    It shuffles, holds nothing out, prints nothing, takes labels of any kind and weights of rows,
    and is sized to the data. Alone it is the single model of every comparison; within an ensemble
    it is what each member is trained from.

    Parameters
    ----------
    module : torch.nn.Module class or instance, default=MLP
        What is trained. Arguments of its constructor are set with the prefix ``module__``;
        `n_features`, `n_outputs` and `n_classes` are filled in where it has them. An instance is
        copied. The built-in `MLP` gets ``activation="silu"`` unless `module__activation` is set.
    criterion : torch criterion class, default=torch.nn.CrossEntropyLoss
        Loss; with the default the module gives logits.
    optimizer : torch optimizer class, default=torch.optim.SGD
        Update rule; its arguments are set with the prefix ``optimizer__``.
    lr : float, default=0.1
        Learning rate. An ensemble's schedule takes its place.
    max_epochs : int, default=80
        Passes over the training rows.
    batch_size : int, default=64
        Rows of a batch; -1 takes all rows.
    optimizer__momentum : float, default=0.9
        Momentum, for an optimizer that has it.
    optimizer__nesterov : bool, default=True
        Whether a momentum above 0 is Nesterov's.
    optimizer__weight_decay : float, default=1e-3
        L2 penalty on the weights, for an optimizer that has it.
    max_grad_norm : float or None, default=None
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
        Floats of weights and rows; "bf16" computes under autocast with weights in float32.
    fast : bool, default=True
        Whether to train in lean epochs, with gradients in closed form and fused steps, where
        nobody could see a difference; `fast_report_` says why not. False leaves everything to
        skorch, autograd and the optimizer: the same training up to rounding, but slower, to debug.
    random_state : int, RandomState instance or None, default=None
        Seed for weight initialisation, row order and dropout.
    **kwargs : dict
        All other arguments of `skorch.NeuralNetClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    module_ : torch.nn.Module
        The trained module.
    history_ : skorch.history.History
        Loss and time of each epoch.
    fast_report_ : FastReport
        Why the last training left the fast ways, with `lean_epoch`, `closed_form` and `fused_step`;
        None for those that it took.
    n_features_in_ : int
        Features seen in `fit`.

    See Also
    --------
    skensemble.SnapshotEnsembleClassifier : Many such nets at the price of one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import NetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NetClassifier(module__hidden_units=(20,), random_state=0).fit(scale(X), y)
    >>> net.predict_proba(scale(X)).shape
    (150, 3)
    """

    # Chosen by benchmarks/defaults.py; a regressor does better with "relu".
    _mlp_activation = "silu"

    def __init__(
        self,
        module: Any = MLP,
        *,
        criterion: Any = nn.CrossEntropyLoss,
        optimizer: Any = torch.optim.SGD,
        lr: float = 0.1,
        max_epochs: int = 80,
        batch_size: int = 64,
        optimizer__momentum: float = 0.9,
        optimizer__nesterov: bool = True,
        optimizer__weight_decay: float = 1e-3,
        max_grad_norm: float | None = None,
        iterator_train: Any = RowBatches,
        iterator_valid: Any = RowBatches,
        iterator_train__shuffle: bool = True,
        train_split: Any = None,
        verbose: int = 0,
        device: Any = "auto",
        precision: str = "float32",
        fast: bool = True,
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
        self.max_grad_norm = max_grad_norm
        self.precision = precision
        self.fast = fast
        self.random_state = random_state
        self.check_names(self._params_to_validate)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _learn_targets(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        self.classes_inferred_, _ = learn_classes(y)
        self.n_outputs_ = len(self.classes_)

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        return encode(y, self.classes_)
