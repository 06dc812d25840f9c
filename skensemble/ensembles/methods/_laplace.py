from collections.abc import Iterator
from copy import deepcopy
from typing import Any, ClassVar

import torch
from skorch import NeuralNet

from skensemble._checks import check_int, check_real
from skensemble._typing import State
from skensemble.averaging import last_m_weights
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.ensembles._stops import collect_draws
from skensemble.ensembles._warnings import warn_if_draws_are_wide
from skensemble.members import copy_member
from skensemble.modules import unwrap_compiled
from skensemble.posteriors import fit_kronecker
from skensemble.seeding import spawn_seeds
from skensemble.training import Data, Trace, refresh_batch_norm, train_to_end

SOME_ROWS = 1000
"""Training rows on which the members are held against the net that they were drawn around."""


class _KFACLaplace:
    """Draws from a Gaussian around the weights of one training, by the curvature of its loss."""

    # The weight decay is the prior, for which the net's own would be wide.
    _default_parameters: ClassVar[dict[str, Any]] = {"optimizer__weight_decay": 1e-3}

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 20,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        std_scale: float = 1.0,
        prior_variance: float | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.std_scale = std_scale
        self.prior_variance = prior_variance
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        check_real("std_scale", self.std_scale, 0)
        if self.prior_variance is not None:
            check_real("prior_variance", self.prior_variance, 0, low_open=True)

    def _n_members(self) -> int:
        return self.M

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        trace = train_to_end(net, data, self._course_ahead()[0])
        if trace.stopped_by:
            return trace
        module, step = unwrap_compiled(net.module_), trace.last_step(net.module_)
        fit_seed, draw_seed = spawn_seeds(seed, 2)
        posterior = fit_kronecker(
            net, data, loss=step.loss, prior_variance=self.prior_variance, seed=fit_seed
        )
        generator = torch.Generator().manual_seed(draw_seed)
        trained = deepcopy(module.state_dict())

        def draws() -> Iterator[State]:
            """Draw the states of members."""
            for _ in range(self.M):
                module.load_state_dict(trained)
                posterior.move(module, self.std_scale, generator)
                refresh_batch_norm(net, data)
                yield copy_member(net)

        trace = collect_draws(collect, draws(), trace, module)
        if trace.was_interrupted:
            return trace
        rows = slice(0, SOME_ROWS)
        mean = self._predictor_.mean(data.X[rows], last_m_weights(len(self.members_)))
        remedy = "Choose a smaller std_scale or prior_variance"
        warn_if_draws_are_wide(self._row_losses(mean, data.y[rows]), step.loss, remedy)
        return trace


class KFACLaplaceClassifier(_KFACLaplace, EnsembleClassifier):
    """Laplace approximation of classifier nets: members drawn by the curvature of the loss.

    After [1]_, one net is trained under one half cosine that falls from `alpha_zero`. The curvature
    of the loss at its weights, as a Kronecker product for each linear and convolution layer, gives
    a Gaussian, from which M members are drawn: weights that the rows determine well hardly move.
    Other weights stay; the statistics of batch normalisation are computed anew for each member.

    `fit` costs what one net costs and two to four epochs more, prediction m forward passes.
    Convolutions over one or two axes without groups are taken in. All layers must get the rows on
    the first axis of their inputs. A net with hardly any training error has little curvature, and
    its draws follow the prior, which is wide: choose `std_scale` or `prior_variance` on held-out
    rows.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier(optimizer__weight_decay=0.001)``. Epochs, batches
        and the module's own arguments are set there.
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
    std_scale : float, default=1.0
        Factor of the standard deviations of the draws.
    prior_variance : float or None, default=None
        Variance of the weights in the Gaussian prior; None is the variance that the net's weight
        decay stands for, or 1 without one.
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
    SWAGClassifier : A Gaussian from the course of the training.
    VariationalClassifier : A Gaussian that is trained.
    KFACLaplaceRegressor : The same for targets.

    References
    ----------
    .. [1] Ritter et al., "A scalable Laplace approximation for neural networks", ICLR 2018,
       equations 8 and 9.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import KFACLaplaceClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = KFACLaplaceClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class KFACLaplaceRegressor(_KFACLaplace, EnsembleRegressor):
    """Laplace approximation of regressor nets: members drawn by the curvature of the loss.

    After [1]_, one net is trained under one half cosine that falls from `alpha_zero`. The curvature
    of the loss at its weights, as a Kronecker product for each linear and convolution layer, gives
    a Gaussian, from which M members are drawn: weights that the rows determine well hardly move.
    Other weights stay; the statistics of batch normalisation are computed anew for each member.

    `fit` costs what one net costs and two to four epochs more, prediction m forward passes.
    Convolutions over one or two axes without groups are taken in. All layers must get the rows on
    the first axis of their inputs. A net with hardly any training error has little curvature, and
    its draws follow the prior, which is wide: choose `std_scale` or `prior_variance` on held-out
    rows.

    Targets are standardised inside. The variance of their noise is taken from the training loss.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor(optimizer__weight_decay=0.001)``. Epochs, batches and
        the module's own arguments are set there.
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
    std_scale : float, default=1.0
        Factor of the standard deviations of the draws.
    prior_variance : float or None, default=None
        Variance of the weights in the Gaussian prior; None is the variance that the net's weight
        decay stands for, or 1 without one.
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
    SWAGRegressor : A Gaussian from the course of the training.
    VariationalRegressor : A Gaussian that is trained.
    KFACLaplaceClassifier : The same for labels.

    References
    ----------
    .. [1] Ritter et al., "A scalable Laplace approximation for neural networks", ICLR 2018,
       equations 8 and 9.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import KFACLaplaceRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = KFACLaplaceRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
