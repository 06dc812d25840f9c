from collections.abc import Iterator
from functools import partial
from typing import Any

from skorch import NeuralNet

from skensemble._checks import check_int, check_real
from skensemble._typing import Moment, Schedule, State
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.ensembles._stops import collect_draws
from skensemble.ensembles._warnings import warn_if_few
from skensemble.members import copy_member
from skensemble.posteriors import fit_iterate_gaussian, load_weight_vector
from skensemble.schedules import constant_tail, is_tail_point
from skensemble.training import Data, Trace


class _SWAG:
    """Draws from the Gaussian of the weights that one training passes through."""

    _kept_name = "averaged"

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 20,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        swa_lr: float = 0.05,
        pretrain_fraction: float = 0.75,
        n_averaged: int = 20,
        max_rank: int = 20,
        covariance_scale: float = 0.5,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.swa_lr = swa_lr
        self.pretrain_fraction = pretrain_fraction
        self.n_averaged = n_averaged
        self.max_rank = max_rank
        self.covariance_scale = covariance_scale
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        check_real("swa_lr", self.swa_lr, 0, low_open=True)
        check_real("pretrain_fraction", self.pretrain_fraction, 0, high=1, high_open=True)
        check_int("n_averaged", self.n_averaged, 2)
        check_int("max_rank", self.max_rank, 0)
        check_real("covariance_scale", self.covariance_scale, 0)

    def _n_members(self) -> int:
        return self.M

    def _course_ahead(self) -> tuple[Schedule, Moment]:
        schedule = partial(
            constant_tail,
            alpha_zero=self.alpha_zero,
            tail_lr=self.swa_lr,
            pretrain_fraction=self.pretrain_fraction,
        )
        moment = partial(
            is_tail_point, n_averaged=self.n_averaged, pretrain_fraction=self.pretrain_fraction
        )
        return schedule, moment

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        schedule, moment = self._course_ahead()
        iterates, trace = fit_iterate_gaussian(
            net, data, schedule=schedule, moment=moment, max_rank=self.max_rank
        )
        warn_if_few(trace, self.n_averaged)

        def draws() -> Iterator[State]:
            """Draw the states of members."""
            for weights in iterates.draws(self.M, self.covariance_scale, seed):
                load_weight_vector(net, data, weights)
                yield copy_member(net)

        return collect_draws(collect, draws(), trace, net.module_)


class SWAGClassifier(_SWAG, EnsembleClassifier):
    """SWA-Gaussian of classifier nets: members drawn around the mean of many weights.

    After [1]_, one net is pretrained for `pretrain_fraction` of the steps, and goes on at the
    constant learning rate `swa_lr`. The weights at `n_averaged` equally spaced steps give a
    Gaussian: their mean, the variance of each, and the last `max_rank` deviations as a covariance
    across all layers. M members are drawn from it; the statistics of batch normalisation are
    computed anew for each.

    `fit` costs what one net costs, and a pass over the rows for each member where there is batch
    normalisation; prediction costs m forward passes. With `covariance_scale` 0 it is SWA; with
    `covariance_scale` 1 and `max_rank` 0 it is SWAG-diagonal.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier()``. Epochs, batches and the module's own arguments
        are set there.
    M : int, default=20
        Number of members that are drawn.
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
    swa_lr : float, default=0.05
        Learning rate after pretraining.
    pretrain_fraction : float, default=0.75
        Fraction of the steps before members are made; at least 0 and below 1.
    n_averaged : int, default=20
        Number of weights that are averaged, equally spaced after pretraining.
    max_rank : int, default=20
        Number of last deviations to keep, the paper's K; fewer than 2 make the covariance diagonal.
    covariance_scale : float, default=0.5
        Factor of the covariance.
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
    SWAClassifier : The mean alone.
    KFACLaplaceClassifier : A Gaussian from the curvature of the loss.
    CyclicalSGLDClassifier : Draws from several regions of the weights.
    SWAGRegressor : The same for targets.

    References
    ----------
    .. [1] Maddox et al., "A simple baseline for Bayesian uncertainty in deep learning", NeurIPS
       2019, equation 1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import SWAGClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = SWAGClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class SWAGRegressor(_SWAG, EnsembleRegressor):
    """SWA-Gaussian of regressor nets: members drawn around the mean of many weights.

    After [1]_, one net is pretrained for `pretrain_fraction` of the steps, and goes on at the
    constant learning rate `swa_lr`. The weights at `n_averaged` equally spaced steps give a
    Gaussian: their mean, the variance of each, and the last `max_rank` deviations as a covariance
    across all layers. M members are drawn from it; the statistics of batch normalisation are
    computed anew for each.

    `fit` costs what one net costs, and a pass over the rows for each member where there is batch
    normalisation; prediction costs m forward passes. With `covariance_scale` 0 it is SWA; with
    `covariance_scale` 1 and `max_rank` 0 it is SWAG-diagonal.

    Targets are standardised inside.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor()``. Epochs, batches and the module's own arguments
        are set there.
    M : int, default=20
        Number of members that are drawn.
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
    swa_lr : float, default=0.05
        Learning rate after pretraining.
    pretrain_fraction : float, default=0.75
        Fraction of the steps before members are made; at least 0 and below 1.
    n_averaged : int, default=20
        Number of weights that are averaged, equally spaced after pretraining.
    max_rank : int, default=20
        Number of last deviations to keep, the paper's K; fewer than 2 make the covariance diagonal.
    covariance_scale : float, default=0.5
        Factor of the covariance.
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
    SWARegressor : The mean alone.
    KFACLaplaceRegressor : A Gaussian from the curvature of the loss.
    CyclicalSGLDRegressor : Draws from several regions of the weights.
    SWAGClassifier : The same for labels.

    References
    ----------
    .. [1] Maddox et al., "A simple baseline for Bayesian uncertainty in deep learning", NeurIPS
       2019, equation 1.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import SWAGRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = SWAGRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
