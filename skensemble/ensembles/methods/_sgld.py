from functools import partial
from typing import Any, ClassVar

import torch
from skorch import NeuralNet

from skensemble._checks import check_int, check_real, reject
from skensemble._typing import Moment, Schedule
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.nets import device_of
from skensemble.posteriors import LangevinNoise, n_effective_rows, temperature_of
from skensemble.schedules import cyclic_cosine, is_cycle_end, is_in_sampling_part, is_sample
from skensemble.training import Data, Step, Trace, copying, train


class _CyclicalSGLD:
    """Samples of one training that adds noise in the last part of each cycle."""

    # The weight decay is the prior, for which the net's own would be wide.
    _default_parameters: ClassVar[dict[str, Any]] = {"optimizer__weight_decay": 1e-3}

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 5,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        samples_per_cycle: int = 3,
        sampling_fraction: float = 0.2,
        temperature: float = 1.0,
        alpha_zero: float = 0.1,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.samples_per_cycle = samples_per_cycle
        self.sampling_fraction = sampling_fraction
        self.temperature = temperature
        self.alpha_zero = alpha_zero
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_int("samples_per_cycle", self.samples_per_cycle, 1)
        check_real("sampling_fraction", self.sampling_fraction, 0, high=1, low_open=True)
        check_real("temperature", self.temperature, 0)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)

    def _n_members(self) -> int:
        return self.M * self.samples_per_cycle

    def _part(self) -> dict[str, Any]:
        names = ("M", "sampling_fraction", "samples_per_cycle")
        return {name: getattr(self, name) for name in names}

    def _course_ahead(self) -> tuple[Schedule, Moment]:
        schedule = partial(cyclic_cosine, M=self.M, alpha_zero=self.alpha_zero)
        return schedule, partial(is_sample, **self._part())

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        if not isinstance(net.optimizer_, torch.optim.SGD):
            rule = "a net whose optimizer is torch.optim.SGD, whose noise has a formula"
            raise reject("estimator", rule, type(net.optimizer_))
        generator = torch.Generator(device_of(net)).manual_seed(seed)
        noise = LangevinNoise(net.optimizer_, n_effective_rows(data), generator)
        part, (schedule, is_due) = self._part(), self._course_ahead()
        moment, keep, temperature = partial(is_in_sampling_part, **part), copying(collect, net), 0.0

        def observe(step: Step) -> bool:
            """Add the noise of a step, and hand over a sample where one is due."""
            nonlocal temperature
            before = step.t - 1
            begins = not before or not moment(before, step.T)
            if self.temperature and (begins or is_cycle_end(before, step.T, M=self.M)):
                # The noise of targets is known from the loss with which sampling begins.
                scale = temperature_of(net, step.loss, self._n_outputs())
                temperature = self.temperature * scale
            noise.add(temperature)
            if is_cycle_end(step.t, step.T, M=self.M):
                noise.stop()
            return is_due(step.t, step.T) and keep(step)

        return train(net, data, schedule=schedule, moment=moment, observe=observe)


class CyclicalSGLDClassifier(_CyclicalSGLD, EnsembleClassifier):
    """Cyclical stochastic gradient Langevin dynamics of classifier nets.

    After [1]_, one net is trained under the cyclic cosine of a snapshot ensemble. In the last part
    of each cycle noise is added to each step, so that the weights wander as draws from the
    posterior do; `samples_per_cycle` of them are kept. The prior is the net's weight decay, the
    likelihood the training loss.

    `fit` costs what one net costs, prediction m forward passes. The optimizer has to be SGD.
    Gradient clipping (`max_grad_norm` of the nets here) and too high a rate bend the distribution;
    `temperature` below 1 makes it narrower. Nesterov momentum is plain momentum while noise is
    added.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier(optimizer__weight_decay=0.001)``. Epochs, batches
        and the module's own arguments are set there.
    M : int, default=5
        Number of cycles.
    m : int, "auto" or None, default=None
        Number of last members to average; None is all, "auto" the number with the least log-loss on
        the validation rows of `fit`. It may be changed after `fit`.
    weights : {"uniform", "validation"}, default="uniform"
        Whether the last m members count alike, or by weights of least log-loss on the validation
        rows of `fit`; "auto" finds `m` by equal ones. "uniform" may be set after `fit`, and unset.
    validation_fraction : float or None, default=None
        Fraction of the rows of `fit` to hold out as validation rows, instead of `X_val`.
    samples_per_cycle : int, default=3
        Members that each cycle gives, the last one at its end.
    sampling_fraction : float, default=0.2
        Fraction of the steps of a cycle, its last ones, in which noise is added; at least
        `samples_per_cycle` steps.
    temperature : float, default=1.0
        Factor of the variance of the noise; 1 samples the posterior, 0 adds none.
    alpha_zero : float, default=0.1
        Learning rate at the start of each cycle.
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
    SnapshotEnsembleClassifier : The same cycles without noise.
    SWAGClassifier : Draws around a single mean.
    CyclicalSGLDRegressor : The same for targets.

    References
    ----------
    .. [1] Zhang et al., "Cyclical stochastic gradient MCMC for Bayesian deep learning", ICLR 2020,
       algorithm 1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import CyclicalSGLDClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = CyclicalSGLDClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class CyclicalSGLDRegressor(_CyclicalSGLD, EnsembleRegressor):
    """Cyclical stochastic gradient Langevin dynamics of regressor nets.

    After [1]_, one net is trained under the cyclic cosine of a snapshot ensemble. In the last part
    of each cycle noise is added to each step, so that the weights wander as draws from the
    posterior do; `samples_per_cycle` of them are kept. The prior is the net's weight decay, the
    likelihood the training loss.

    `fit` costs what one net costs, prediction m forward passes. The optimizer has to be SGD.
    Gradient clipping (`max_grad_norm` of the nets here) and too high a rate bend the distribution;
    `temperature` below 1 makes it narrower. Nesterov momentum is plain momentum while noise is
    added.

    Targets are standardised inside. The variance of their noise is taken from the training loss
    with which each sampling part begins.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor(optimizer__weight_decay=0.001)``. Epochs, batches and
        the module's own arguments are set there.
    M : int, default=5
        Number of cycles.
    m : int, "auto" or None, default=None
        Number of last members to average; None is all, "auto" the number with the least squared
        error on the validation rows of `fit`. It may be changed after `fit`.
    weights : {"uniform", "validation"}, default="uniform"
        Whether the last m members count alike, or by weights of least squared error on validation
        rows of `fit`; "auto" finds `m` by equal ones. "uniform" may be set after `fit`, and unset.
    validation_fraction : float or None, default=None
        Fraction of the rows of `fit` to hold out as validation rows, instead of `X_val`.
    samples_per_cycle : int, default=3
        Members that each cycle gives, the last one at its end.
    sampling_fraction : float, default=0.2
        Fraction of the steps of a cycle, its last ones, in which noise is added; at least
        `samples_per_cycle` steps.
    temperature : float, default=1.0
        Factor of the variance of the noise; 1 samples the posterior, 0 adds none.
    alpha_zero : float, default=0.1
        Learning rate at the start of each cycle.
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
    SnapshotEnsembleRegressor : The same cycles without noise.
    SWAGRegressor : Draws around a single mean.
    CyclicalSGLDClassifier : The same for labels.

    References
    ----------
    .. [1] Zhang et al., "Cyclical stochastic gradient MCMC for Bayesian deep learning", ICLR 2020,
       algorithm 1.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import CyclicalSGLDRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = CyclicalSGLDRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
