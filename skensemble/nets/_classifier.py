from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochScoring
from torch import Tensor, nn

from skensemble._checks import InvalidParameterError
from skensemble.data import RowBatches, encode, learn_classes, sorted_classes
from skensemble.modules import MLP
from skensemble.nets._base import Net
from skensemble.nets._class_weight import with_class_weight
from skensemble.nets._one_output import as_two_columns, has_one_output
from skensemble.nets._probabilities import log_of_probabilities


class NetClassifier(Net, NeuralNetClassifier):
    """A skorch classifier net with scikit-learn's manners.

    It shuffles, holds nothing out, prints nothing, takes labels of any kind and weights of rows,
    and is sized to the data. Alone it is the single model of every comparison; within an ensemble
    it is what each member is trained from.

    Parameters
    ----------
    module : torch.nn.Module class or instance, default=MLP
        What is trained. Arguments of its constructor are set with the prefix ``module__``;
        `n_features`, `n_outputs` and `n_classes` are filled in where it has them, for images
        `n_channels`, and for images of bytes `channel_mean` and `channel_std`. An instance is
        copied.
    criterion : torch criterion class, default=torch.nn.CrossEntropyLoss
        Loss; with the default the module gives logits.
    classes : list or None, default=None
        All the labels there will be, in any order, where the rows may not show each of them. The
        columns of `predict_proba` are sorted whatever the order is, as scikit-learn's metrics want
        them; skorch gives `classes_` in the order of the list.
    class_weight : dict, "balanced" or None, default=None
        Factors of the weights of rows, by label, 1 for labels that are not named. "balanced" gives
        each class the same weight in sum, `sample_weight` included. Only the size of the factors
        against each other counts; `criterion__weight` is torch's own, which divides by the weights
        of each batch.
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
        All other arguments of `skorch.NeuralNetClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; those of `classes`, if it is given.
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

    def __init__(
        self,
        module: Any = MLP,
        *,
        criterion: Any = nn.CrossEntropyLoss,
        classes: Any = None,
        class_weight: Any = None,
        optimizer: Any = torch.optim.SGD,
        lr: float = 0.1,
        max_epochs: int = 40,
        batch_size: int = 64,
        optimizer__momentum: float = 0.9,
        optimizer__nesterov: bool = True,
        optimizer__weight_decay: float = 1e-4,
        max_grad_norm: float | None = None,
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
            classes=classes,
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
        self.class_weight = class_weight
        self.max_grad_norm = max_grad_norm
        self.precision = precision
        self.fast = fast
        self.cuda_graph = cuda_graph
        self.channels_last = channels_last
        self.augment = augment
        self.random_state = random_state
        self.check_names(self._params_to_validate)

    def _get_predict_nonlinearity(self) -> Callable[..., Tensor]:
        transform = super()._get_predict_nonlinearity()
        return partial(as_two_columns, transform) if has_one_output(self) else transform

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
        self._require_coding("classes_")
        codes = self.predict_proba(X).argmax(axis=1)
        return codes if self._coding() is None else self.classes_[codes]

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`, in nats; minus infinity for a probability of 0.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)

        Raises
        ------
        InvalidParameterError
            If the net gives scores instead of probabilities.
        """
        return log_of_probabilities(self.predict_proba(X), self)

    def take_coding(self, coding: np.ndarray) -> None:
        """Learn codes of these classes, as an ensemble does.

        Parameters
        ----------
        coding : ndarray of shape (n_classes,)
            Sorted classes.
        """
        self.classes_inferred_ = coding
        self.n_outputs_ = 1 if has_one_output(self) and len(coding) == 2 else len(coding)

    def _aligned(self, y_pred: Any, y_true: Any) -> tuple[Any, Any]:
        if not has_one_output(self) or not isinstance(y_pred, Tensor):
            return y_pred, y_true
        y_true = y_true.to(y_pred.dtype)
        return y_pred, y_true.reshape(y_pred.shape) if y_true.numel() == y_pred.numel() else y_true

    def _default_scores(self) -> list[tuple[str, Any]]:
        if not callable(self.train_split) and not self._names_callback("valid_acc"):
            return []
        accuracy = EpochScoring("accuracy", name="valid_acc", lower_is_better=False)
        return [("valid_acc", accuracy)]

    def _coding(self) -> np.ndarray | None:
        return getattr(self, "classes_", None)

    def _is_plain(self) -> bool:
        known = self._coding()
        return known is None or (known.dtype.kind in "iu" and (known == range(len(known))).all())

    def _coding_state(self) -> dict[str, Any]:
        classes = self._coding()
        if classes is None or classes.dtype.kind not in "biufUO":
            return {}
        # Python's own types are all that torch loads without trust in the file.
        is_text = classes.dtype.kind in "UO"
        return {"classes": classes.tolist(), "dtype": "object" if is_text else str(classes.dtype)}

    def _load_coding_state(self, state: dict[str, Any]) -> None:
        self.take_coding(np.array(state["classes"], dtype=state["dtype"]))

    def _forget_targets(self) -> None:
        for name in ("classes_inferred_", "n_outputs_"):
            vars(self).pop(name, None)

    @property
    def classes_(self) -> np.ndarray:
        """Labels, sorted, of shape (n_classes,)."""
        if hasattr(self, "classes_inferred_"):
            return self.classes_inferred_
        if self.classes is None or not len(self.classes):
            raise AttributeError(f"{type(self).__name__} has no attribute 'classes_'")
        return sorted_classes(self.classes)

    def _check_classes(self, classes: Any) -> None:
        """Hold classes that are announced to those that the net has learnt."""
        for name, value in (("classes", self.classes), ("classes of partial_fit", classes)):
            if value is not None and sorted_classes(value).tolist() != self.classes_.tolist():
                raise InvalidParameterError(
                    f"{name} must be those that the net has learnt, {self.classes_.tolist()!r}, "
                    f"got {value!r}. A fit with warm_start=False learns others."
                )

    def _learn_targets(
        self, y: np.ndarray, sample_weight: np.ndarray | None, classes: Any = None
    ) -> None:
        known = self.classes if classes is None else classes
        self.take_coding(learn_classes(y, known)[0])
        self._check_classes(classes)

    def _weigh(self, codes: Any, sample_weight: Any) -> Any:
        return with_class_weight(self.class_weight, self.classes_, codes, sample_weight)

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        return encode(y, self.classes_)

    def _decode_targets(self, codes: np.ndarray) -> np.ndarray:
        return self.classes_[codes]
