from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from skorch import NeuralNet

from skensemble._checks import check_int, check_real, reject
from skensemble._typing import Moment, Schedule, State
from skensemble.ensembles._apart import check_ways, in_processes, train_and_pack, train_apart
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.lockstep import run_together
from skensemble.schedules import cyclic_cosine, is_cycle_end
from skensemble.seeding import check_rebuildable, spawn_seeds
from skensemble.training import Data, Trace, join_traces


class _DeepEnsemble:
    """Nets trained apart, each from weights and in an order of its own."""

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 5,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        lockstep: bool | str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.lockstep = lockstep
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        if self.lockstep is True and self.n_jobs not in (None, 1):
            raise reject(
                "n_jobs", "None with lockstep=True, which trains in one process", self.n_jobs
            )
        check_ways(self.lockstep, self.n_jobs)

    def _n_members(self) -> int:
        return self.M

    def _check_members(self, net: NeuralNet, data: Data) -> None:
        """Do nothing: each net was trained by itself, and the last one is looked at there."""

    def _course_ahead(self) -> tuple[Schedule, Moment]:
        # One net after another, as `learning_rates_` has them.
        schedule = partial(cyclic_cosine, M=self.M, alpha_zero=self.alpha_zero)
        return schedule, partial(is_cycle_end, M=self.M)

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        check_rebuildable(net)
        schedule = partial(cyclic_cosine, M=1, alpha_zero=self.alpha_zero)
        seeds = spawn_seeds(seed, self.M)
        fit_one = train_apart if self._is_in_one_process() else train_and_pack
        nets = [
            partial(fit_one, self.template_net_, data, schedule, one, one == seeds[-1])
            for one in seeds
        ]
        traces: list[Trace] = []
        try:
            for state, trace in self._trained(nets):
                traces.append(trace)
                if trace.stopped_by:
                    break
                step = replace(join_traces(traces).last_step(net.module_), T=self.M * trace.n_steps)
                if collect(state, step):
                    break
        except KeyboardInterrupt:
            # While other processes train, it is raised here; the nets that came back are kept.
            if not traces:
                raise
            traces[-1] = replace(traces[-1], stopped_by="ctrl-c")
        return replace(join_traces(traces), n_steps=self.M * traces[0].n_steps)

    def _is_in_one_process(self) -> bool:
        return bool(self.lockstep) and self.n_jobs in (None, 1)

    def _trained(self, nets: list[Callable[[], Any]]) -> Iterator[tuple[State, Trace]]:
        if not self._is_in_one_process():
            for packed, trace in in_processes(nets, self.n_jobs):
                yield packed.unpack(), trace
            return
        for fit in run_together(nets):
            if fit.error is not None:
                raise fit.error
            yield fit.result


class DeepEnsembleClassifier(_DeepEnsemble, EnsembleClassifier):
    """Deep ensemble of classifier nets: M nets trained apart.

    After [1]_, M nets are trained independently of each other, each from weights and in an order of
    its own, under one half cosine that falls from `alpha_zero`. The probabilities of the last m
    nets are averaged.

    `fit` costs M times what one net costs, prediction m forward passes. The other methods
    are compared with it: prefer it where training time does not count.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier()``. Epochs, batches and the module's own arguments
        are set there.
    M : int, default=5
        Number of nets.
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
    lockstep : bool or "auto", default="auto"
        Whether to train the nets together, as one population of stacked weights, where that can be:
        "auto" does it if `n_jobs` is None or 1. The members are the same up to rounding, but
        Ctrl-C then keeps none, and scikit-learn's callbacks hear of them at the end.
    n_jobs : int or None, default=None
        Processes that train nets at the same time; None is 1, -1 all cores. Up to rounding the
        members do not depend on it.
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
    SnapshotEnsembleClassifier : M members at the price of training one.
    NetClassifier : The single net.
    DeepEnsembleRegressor : The same for targets.

    References
    ----------
    .. [1] Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using
       deep ensembles", NeurIPS 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import DeepEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = DeepEnsembleClassifier(M=2, random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class DeepEnsembleRegressor(_DeepEnsemble, EnsembleRegressor):
    """Deep ensemble of regressor nets: M nets trained apart.

    After [1]_, M nets are trained independently of each other, each from weights and in an order of
    its own, under one half cosine that falls from `alpha_zero`. The predictions of the last m nets
    are averaged.

    `fit` costs M times what one net costs, prediction m forward passes. The other methods
    are compared with it: prefer it where training time does not count.

    Targets are standardised inside.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor()``. Epochs, batches and the module's own arguments
        are set there.
    M : int, default=5
        Number of nets.
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
    lockstep : bool or "auto", default="auto"
        Whether to train the nets together, as one population of stacked weights, where that can be:
        "auto" does it if `n_jobs` is None or 1. The members are the same up to rounding, but
        Ctrl-C then keeps none, and scikit-learn's callbacks hear of them at the end.
    n_jobs : int or None, default=None
        Processes that train nets at the same time; None is 1, -1 all cores. Up to rounding the
        members do not depend on it.
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
    SnapshotEnsembleRegressor : M members at the price of training one.
    NetRegressor : The single net.
    DeepEnsembleClassifier : The same for labels.

    References
    ----------
    .. [1] Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using
       deep ensembles", NeurIPS 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import DeepEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = DeepEnsembleRegressor(M=2, random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
