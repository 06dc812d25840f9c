from collections.abc import Callable
from typing import Any

import numpy as np

from skensemble._checks import check_int, check_real, reject
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._cycles import TrainsCycles
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.schedules import NAMED, warmup_steps


class _Snapshot(TrainsCycles):
    """Snapshots of one training at the ends of M cycles."""

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 5,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        lr_min: float = 0.0,
        schedule: str | Callable[..., float] = "cosine",
        cycle_mult: float = 1.0,
        alpha_mult: float = 1.0,
        warmup: float = 0,
        cold_restart: bool = False,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.lr_min = lr_min
        self.schedule = schedule
        self.cycle_mult = cycle_mult
        self.alpha_mult = alpha_mult
        self.warmup = warmup
        self.cold_restart = cold_restart
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        check_real("lr_min", self.lr_min, 0, high=self.alpha_zero)
        check_real("cycle_mult", self.cycle_mult, 0, low_open=True)
        check_real("alpha_mult", self.alpha_mult, 0, low_open=True)
        # Refuses what is no length.
        warmup_steps(1, self.warmup)
        is_named = isinstance(self.schedule, str) and self.schedule in NAMED
        if not is_named and not callable(self.schedule):
            raise reject("schedule", f"one of {list(NAMED)} or a callable", self.schedule)
        if not isinstance(self.cold_restart, bool | np.bool_):
            raise reject("cold_restart", "True or False", self.cold_restart)


class SnapshotEnsembleClassifier(_Snapshot, EnsembleClassifier):
    """Snapshot ensemble of classifier nets: M members at the price of training one.

    After [1]_, one net is trained under a learning rate that falls from `alpha_zero` along a half
    cosine in each of M cycles. A copy of the weights is kept at the end of each cycle; the
    probabilities of the last m copies are averaged. `fit` costs what one net costs, prediction m
    forward passes.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier()``. Epochs, batches and the module's own
        arguments are set there.
    M : int, default=5
        Number of cycles, and of members.
    m : int, "auto" or None, default=None
        Number of last members to average; None is all, "auto" the number with the least log-loss
        on the validation rows of `fit`. It may be changed after `fit`.
    weights : {"uniform", "validation"}, default="uniform"
        Whether the last m members count alike, or by weights of least log-loss on the validation
        rows of `fit`; "auto" finds `m` by equal ones. "uniform" may be set after `fit`, and unset.
    validation_fraction : float or None, default=None
        Fraction of the rows of `fit` to hold out as validation rows, instead of `X_val`.
    alpha_zero : float, default=0.1
        Learning rate at the start of each cycle.
    lr_min : float, default=0.0
        Learning rate that a cycle falls towards.
    schedule : str or callable, default="cosine"
        Learning rate at each optimizer step: a name in `skensemble.schedules.NAMED`, such as
        "cosine", "triangular" or "step" (the paper's baseline *NoCycle*), or a callable that
        returns the rate of step t of T, from 1, as ``schedule(t, T)``. Either gets `M`,
        `alpha_zero`, `lr_min`, `cycle_mult` and `alpha_mult` as keywords where it takes them.
    cycle_mult : float, default=1.0
        Length of a cycle over that of the cycle before.
    alpha_mult : float, default=1.0
        Peak of a cycle over that of the cycle before.
    warmup : int or float, default=0
        First steps, at rates that rise along a straight line from 0 to what `schedule` says: their
        number, or as a float their fraction of all steps. Further cycles do not warm up again.
    cold_restart : bool, default=False
        Whether network and optimizer start afresh at each cycle: the paper's baseline
        *SingleCycle*.
    warm_start : bool, default=False
        Whether a further `fit` with a larger M adds cycles, as long as the last one, where the last
        fit has stopped. Net and optimizer are kept for it, in pickles too.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and hold-out of rows, and noise; None takes the net's `random_state`.
    verbose : int, default=0
        1 prints a line for each member.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    members_ : list of dict
        Weights of each member by name, as arrays on the CPU, oldest first.
    weights_ : ndarray of shape (n_members,)
        Weight of each member in the average; 0 for those that are left out.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they are all strings.
    n_steps_ : int
        Optimizer steps that were made.
    member_steps_ : ndarray of shape (n_members,)
        Steps after which the members were taken, from 1.
    learning_rates_ : ndarray of shape (`n_steps_`,)
        Learning rate of each step.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean training loss of each epoch.
    history_ : skorch.history.History
        What the net's history has of each epoch, without its batches.
    n_iter_ : int
        Epochs that were made.
    validation_scores_ : ndarray of shape (n_members,)
        Accuracy of the ensemble on the validation rows after each member, where there are any.
    weighted_validation_score_ : float
        Accuracy on the validation rows with weights that were fitted to them.
    template_net_ : skorch.NeuralNetClassifier
        The net as it was trained, sized to the data and not initialised.

    See Also
    --------
    NetClassifier : The single net.
    SnapshotEnsembleRegressor : The same for targets.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import SnapshotEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = SnapshotEnsembleClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    >>> ensemble.weights_
    array([0.2, 0.2, 0.2, 0.2, 0.2])
    """


class SnapshotEnsembleRegressor(_Snapshot, EnsembleRegressor):
    """Snapshot ensemble of regressor nets: M members at the price of training one.

    After [1]_, one net is trained under a learning rate that falls from `alpha_zero` along a half
    cosine in each of M cycles. A copy of the weights is kept at the end of each cycle; the
    predictions of the last m copies are averaged, and their spread tells where they disagree.
    Targets are standardised inside. `fit` costs what one net costs, prediction m forward passes.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor()``. Epochs, batches and the module's own
        arguments are set there.
    M : int, default=5
        Number of cycles, and of members.
    m : int, "auto" or None, default=None
        Number of last members to average; None is all, "auto" the number with the least squared
        error on the validation rows of `fit`. It may be changed after `fit`.
    weights : {"uniform", "validation"}, default="uniform"
        Whether the last m members count alike, or by weights of least squared error on validation
        rows of `fit`; "auto" finds `m` by equal ones. "uniform" may be set after `fit`, and unset.
    validation_fraction : float or None, default=None
        Fraction of the rows of `fit` to hold out as validation rows, instead of `X_val`.
    alpha_zero : float, default=0.1
        Learning rate at the start of each cycle.
    lr_min : float, default=0.0
        Learning rate that a cycle falls towards.
    schedule : str or callable, default="cosine"
        Learning rate at each optimizer step: a name in `skensemble.schedules.NAMED`, such as
        "cosine", "triangular" or "step" (the paper's baseline *NoCycle*), or a callable that
        returns the rate of step t of T, from 1, as ``schedule(t, T)``. Either gets `M`,
        `alpha_zero`, `lr_min`, `cycle_mult` and `alpha_mult` as keywords where it takes them.
    cycle_mult : float, default=1.0
        Length of a cycle over that of the cycle before.
    alpha_mult : float, default=1.0
        Peak of a cycle over that of the cycle before.
    warmup : int or float, default=0
        First steps, at rates that rise along a straight line from 0 to what `schedule` says: their
        number, or as a float their fraction of all steps. Further cycles do not warm up again.
    cold_restart : bool, default=False
        Whether network and optimizer start afresh at each cycle: the paper's baseline
        *SingleCycle*.
    warm_start : bool, default=False
        Whether a further `fit` with a larger M adds cycles, as long as the last one, where the last
        fit has stopped. Net and optimizer are kept for it, in pickles too.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and hold-out of rows, and noise; None takes the net's `random_state`.
    verbose : int, default=0
        1 prints a line for each member.

    Attributes
    ----------
    members_ : list of dict
        Weights of each member by name, as arrays on the CPU, oldest first.
    weights_ : ndarray of shape (n_members,)
        Weight of each member in the average; 0 for those that are left out.
    target_scaler_ : TargetScaler
        Mean and scale of the targets, taken off before training and put back in `predict`.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they are all strings.
    n_steps_ : int
        Optimizer steps that were made.
    member_steps_ : ndarray of shape (n_members,)
        Steps after which the members were taken, from 1.
    learning_rates_ : ndarray of shape (`n_steps_`,)
        Learning rate of each step.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean training loss of each epoch, of standardised targets.
    history_ : skorch.history.History
        What the net's history has of each epoch, without its batches.
    n_iter_ : int
        Epochs that were made.
    validation_scores_ : ndarray of shape (n_members,)
        R squared of the ensemble on the validation rows after each member, where there are any.
    weighted_validation_score_ : float
        R squared on the validation rows with weights that were fitted to them.
    template_net_ : skorch.NeuralNetRegressor
        The net as it was trained, sized to the data and not initialised.

    See Also
    --------
    NetRegressor : The single net.
    SnapshotEnsembleClassifier : The same for labels.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import SnapshotEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = SnapshotEnsembleRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
