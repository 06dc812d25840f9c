from functools import partial
from typing import Any, ClassVar

import torch
from skorch import NeuralNet

from skensemble._checks import check_int, check_real, reject
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.ensembles._stops import collect_draws
from skensemble.modules import make_variational, unwrap_compiled
from skensemble.posteriors import MeanField
from skensemble.schedules import has_pretrained, two_cosines
from skensemble.seeding import spawn_seeds
from skensemble.training import Data, Step, Trace, train


class _Variational:
    """Draws from a factorised Gaussian that one training fits."""

    # The weight decay is the prior, for which the net's own would be wide.
    _default_parameters: ClassVar[dict[str, Any]] = {"optimizer__weight_decay": 1e-3}
    _rate = staticmethod(two_cosines)

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 20,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        tail_lr: float = 0.01,
        pretrain_fraction: float = 0.5,
        prior_variance: float | None = None,
        beta: float | None = None,
        std_lr: float = 0.01,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.tail_lr = tail_lr
        self.pretrain_fraction = pretrain_fraction
        self.prior_variance = prior_variance
        self.beta = beta
        self.std_lr = std_lr
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        check_real("tail_lr", self.tail_lr, 0, low_open=True)
        within = {"high": 1, "low_open": True, "high_open": True}
        check_real("pretrain_fraction", self.pretrain_fraction, 0, **within)
        check_real("std_lr", self.std_lr, 0)
        for name in ("prior_variance", "beta"):
            if getattr(self, name) is not None:
                check_real(name, getattr(self, name), 0, low_open=True)

    def _n_members(self) -> int:
        return self.M

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        layers = make_variational(unwrap_compiled(net.module_))
        if not layers:
            rule = "a net with trainable linear or convolution layers below its root"
            raise reject("estimator", rule, type(net.module_))
        fit_seed, draw_seed = spawn_seeds(seed, 2)
        own = {"prior_variance": self.prior_variance, "beta": self.beta, "std_lr": self.std_lr}
        posterior = MeanField(net, data, layers, **own, seed=fit_seed)

        def observe(step: Step) -> None:
            """Begin with the distributions where the pretraining has ended, then train them."""
            _ = posterior.step() if posterior.has_begun else posterior.begin(step.loss)

        schedule, _ = self._course_ahead()
        moment = partial(has_pretrained, pretrain_fraction=self.pretrain_fraction)
        trace = train(net, data, schedule=schedule, moment=moment, observe=observe)
        generator = torch.Generator().manual_seed(draw_seed)
        # Before the distributions have begun, all draws are the weights themselves.
        n_draws = self.M if posterior.has_begun else min(1, len(trace.learning_rates))
        draws = (posterior.draw(generator) for _ in range(n_draws))
        return collect_draws(collect, draws, trace, net.module_)


class VariationalClassifier(_Variational, EnsembleClassifier):
    """Variational inference of classifier nets: a Gaussian for each weight.

    After [1]_, one net is pretrained for `pretrain_fraction` of the steps. Then each weight of its
    linear and convolution layers becomes a Gaussian, whose mean and standard deviation are trained
    to be close to the posterior; linear layers draw their outputs instead of their weights [2]_. M
    members are drawn from it. Biases and other weights stay single values, as do frozen ones.

    `fit` costs two to four times what one net costs, prediction m forward passes. Without `beta`
    the loss is the evidence lower bound, which leaves nets of many weights underfitted: choose a
    smaller `beta` on held-out rows. The likelihood is the training loss, which must be a log-loss
    of classes or the squared error.

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
    tail_lr : float, default=0.01
        Learning rate at the start of the second stage; both fall along a half cosine.
    pretrain_fraction : float, default=0.5
        Fraction of the steps before members are made; above 0 and below 1.
    prior_variance : float or None, default=None
        Variance of the weights in the Gaussian prior; None is the variance that the net's weight
        decay stands for, or 1 without one.
    beta : float or None, default=None
        Weight of the divergence from the prior beside the mean loss of a row; None is that of the
        evidence lower bound, 1 over the number of rows for a log-loss.
    std_lr : float, default=0.01
        Learning rate of the standard deviations, which Adam updates.
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
    KFACLaplaceClassifier : A Gaussian without further training.
    MCDropoutClassifier : Draws of the units that are left out.
    VariationalRegressor : The same for targets.

    References
    ----------
    .. [1] Blundell et al., "Weight uncertainty in neural networks", ICML 2015.
    .. [2] Kingma et al., "Variational dropout and the local reparameterization trick", 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import VariationalClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = VariationalClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class VariationalRegressor(_Variational, EnsembleRegressor):
    """Variational inference of regressor nets: a Gaussian for each weight.

    After [1]_, one net is pretrained for `pretrain_fraction` of the steps. Then each weight of its
    linear and convolution layers becomes a Gaussian, whose mean and standard deviation are trained
    to be close to the posterior; linear layers draw their outputs instead of their weights [2]_. M
    members are drawn from it. Biases and other weights stay single values, as do frozen ones.

    `fit` costs two to four times what one net costs, prediction m forward passes. Without `beta`
    the loss is the evidence lower bound, which leaves nets of many weights underfitted: choose a
    smaller `beta` on held-out rows. The likelihood is the training loss, which must be a log-loss
    of classes or the squared error.

    Targets are standardised inside. The variance of their noise is taken from the training loss at
    the end of pretraining.

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
    tail_lr : float, default=0.01
        Learning rate at the start of the second stage; both fall along a half cosine.
    pretrain_fraction : float, default=0.5
        Fraction of the steps before members are made; above 0 and below 1.
    prior_variance : float or None, default=None
        Variance of the weights in the Gaussian prior; None is the variance that the net's weight
        decay stands for, or 1 without one.
    beta : float or None, default=None
        Weight of the divergence from the prior beside the mean loss of a row; None is that of the
        evidence lower bound, 1 over the number of rows for a log-loss.
    std_lr : float, default=0.01
        Learning rate of the standard deviations, which Adam updates.
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
    KFACLaplaceRegressor : A Gaussian without further training.
    MCDropoutRegressor : Draws of the units that are left out.
    VariationalClassifier : The same for labels.

    References
    ----------
    .. [1] Blundell et al., "Weight uncertainty in neural networks", ICML 2015.
    .. [2] Kingma et al., "Variational dropout and the local reparameterization trick", 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import VariationalRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = VariationalRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
