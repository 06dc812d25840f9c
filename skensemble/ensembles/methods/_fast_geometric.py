from functools import partial
from typing import Any

from skorch import NeuralNet

from skensemble._checks import check_int, check_real
from skensemble._typing import Moment, Schedule
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.schedules import fast_geometric, is_low_rate
from skensemble.training import Data, Trace, copying, train


class _FastGeometricEnsemble:
    """Weights of one training at the low points of short cycles."""

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 5,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        alpha_1: float = 0.05,
        alpha_2: float = 0.0005,
        pretrain_fraction: float = 0.8,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.alpha_1 = alpha_1
        self.alpha_2 = alpha_2
        self.pretrain_fraction = pretrain_fraction
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        check_real("alpha_1", self.alpha_1, 0, low_open=True)
        check_real("alpha_2", self.alpha_2, 0, high=self.alpha_1)
        check_real("pretrain_fraction", self.pretrain_fraction, 0, high=1, high_open=True)

    def _n_members(self) -> int:
        return self.M

    def _course_ahead(self) -> tuple[Schedule, Moment]:
        schedule = partial(
            fast_geometric,
            M=self.M,
            alpha_zero=self.alpha_zero,
            alpha_1=self.alpha_1,
            alpha_2=self.alpha_2,
            pretrain_fraction=self.pretrain_fraction,
        )
        return schedule, partial(is_low_rate, M=self.M, pretrain_fraction=self.pretrain_fraction)

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        schedule, moment = self._course_ahead()
        return train(net, data, schedule=schedule, moment=moment, observe=copying(collect, net))


class FastGeometricEnsembleClassifier(_FastGeometricEnsemble, EnsembleClassifier):
    """Fast geometric ensemble of classifier nets: members along a path of low loss.

    After [1]_, one net is pretrained for `pretrain_fraction` of the steps. Then the learning rate
    swings M times between `alpha_1` and `alpha_2`, along straight lines; where it is lowest, a copy
    of the weights is kept. The probabilities of the last m copies are averaged.

    `fit` costs what one net costs, prediction m forward passes. Members come from one region of the
    weights: prefer it to a snapshot ensemble where the budget is too short for M cycles from a high
    rate.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier()``. Epochs, batches and the module's own arguments
        are set there.
    M : int, default=5
        Number of cycles after pretraining, and of members.
    m : int, "auto" or None, default=None
        Number of last members to average; None is all, "auto" the number with the least log-loss on
        the validation rows of `fit`. It may be changed after `fit`.
    weights : {"uniform", "validation"}, default="uniform"
        Whether the last m members count alike, or by weights of least log-loss on the validation
        rows of `fit`; "auto" finds `m` by equal ones. "uniform" may be set after `fit`, and unset.
    validation_fraction : float or None, default=None
        Fraction of the rows of `fit` to hold out as validation rows, instead of `X_val`.
    alpha_zero : float, default=0.1
        Learning rate at the start.
    alpha_1 : float, default=0.05
        Highest learning rate of a cycle.
    alpha_2 : float, default=0.0005
        Lowest learning rate of a cycle.
    pretrain_fraction : float, default=0.8
        Fraction of the steps before members are made; at least 0 and below 1.
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
    SnapshotEnsembleClassifier : Cycles from the start of the training.
    SWAClassifier : The mean of such weights, at the cost of one forward pass.
    FastGeometricEnsembleRegressor : The same for targets.

    References
    ----------
    .. [1] Garipov et al., "Loss surfaces, mode connectivity, and fast ensembling of DNNs", NeurIPS
       2018, equation 4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import FastGeometricEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = FastGeometricEnsembleClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class FastGeometricEnsembleRegressor(_FastGeometricEnsemble, EnsembleRegressor):
    """Fast geometric ensemble of regressor nets: members along a path of low loss.

    After [1]_, one net is pretrained for `pretrain_fraction` of the steps. Then the learning rate
    swings M times between `alpha_1` and `alpha_2`, along straight lines; where it is lowest, a copy
    of the weights is kept. The predictions of the last m copies are averaged.

    `fit` costs what one net costs, prediction m forward passes. Members come from one region of the
    weights: prefer it to a snapshot ensemble where the budget is too short for M cycles from a high
    rate.

    Targets are standardised inside.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor()``. Epochs, batches and the module's own arguments
        are set there.
    M : int, default=5
        Number of cycles after pretraining, and of members.
    m : int, "auto" or None, default=None
        Number of last members to average; None is all, "auto" the number with the least squared
        error on the validation rows of `fit`. It may be changed after `fit`.
    weights : {"uniform", "validation"}, default="uniform"
        Whether the last m members count alike, or by weights of least squared error on validation
        rows of `fit`; "auto" finds `m` by equal ones. "uniform" may be set after `fit`, and unset.
    validation_fraction : float or None, default=None
        Fraction of the rows of `fit` to hold out as validation rows, instead of `X_val`.
    alpha_zero : float, default=0.1
        Learning rate at the start.
    alpha_1 : float, default=0.05
        Highest learning rate of a cycle.
    alpha_2 : float, default=0.0005
        Lowest learning rate of a cycle.
    pretrain_fraction : float, default=0.8
        Fraction of the steps before members are made; at least 0 and below 1.
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
    SnapshotEnsembleRegressor : Cycles from the start of the training.
    SWARegressor : The mean of such weights, at the cost of one forward pass.
    FastGeometricEnsembleClassifier : The same for labels.

    References
    ----------
    .. [1] Garipov et al., "Loss surfaces, mode connectivity, and fast ensembling of DNNs", NeurIPS
       2018, equation 4.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import FastGeometricEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = FastGeometricEnsembleRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
