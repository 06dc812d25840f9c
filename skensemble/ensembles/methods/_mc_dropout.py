from typing import Any, ClassVar

import numpy as np
from skorch import NeuralNet
from torch import nn

from skensemble._checks import check_int, check_real, reject
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.ensembles._stops import collect_draws
from skensemble.members import (
    MAIN,
    MemberState,
    names_of_masks,
    structure_of,
    with_fixed_dropout,
    with_masks,
)
from skensemble.modules import fix_dropout
from skensemble.seeding import spawn_seeds
from skensemble.training import Data, Trace, train_to_end

TRIED_DRAWS = 8
"""Draws of the masks that are tried before the training."""


class _MCDropout:
    """One training, and M draws of which units its dropout leaves out."""

    _default_parameters: ClassVar[dict[str, Any]] = {"module__dropout": 0.1}

    def __init__(
        self,
        estimator: Any = None,
        *,
        M: int = 20,
        m: int | str | None = None,
        weights: str = "uniform",
        validation_fraction: float | None = None,
        alpha_zero: float = 0.1,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.M = M
        self.m = m
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.alpha_zero = alpha_zero
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)

    def _n_members(self) -> int:
        return self.M

    def _member_template(self, module: nn.Module) -> nn.Module:
        template = structure_of(module)
        fix_dropout(template)
        return template

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        fixed = with_fixed_dropout(net)
        names = names_of_masks(fixed)
        if not names:
            rule = "a net with layers of torch.nn.Dropout (module__dropout=0.1 gives MLP some)"
            raise reject("estimator", rule, type(net.module_))
        seeds = np.array(spawn_seeds(seed, self.M * len(names))).reshape(self.M, len(names))
        # A draw is a seed for each layer.
        draws = [{n: np.array(s) for n, s in zip(names, own, strict=True)} for own in seeds]
        self._check_row_axis(fixed, names, seed, data.X)
        trace = train_to_end(net, data, self._course_ahead()[0])
        if trace.stopped_by:
            return trace
        # The weights are the same arrays in all members.
        weights = with_fixed_dropout(net)
        drawn = (with_masks(weights, draw) for draw in draws)
        return collect_draws(collect, drawn, trace, net.module_)

    def _check_row_axis(self, fixed: MemberState, names: list[str], seed: int, X: Any) -> None:
        """Refuse a net whose masks would belong to places in a batch, and not to the member."""
        if X.shape[0] < 2:
            return
        predictor = self._make_predictor(self._predictor_.device)
        # Two places of a batch may happen to lose the same units: several draws will not.
        for k, own in enumerate(spawn_seeds(seed, TRIED_DRAWS)):
            draw = dict(zip(names, map(np.array, spawn_seeds(own, len(names))), strict=True))
            predictor.add(None, with_masks(fixed, draw))
            beside, alone = (predictor.outputs(X[i:2], [k])[0, -1] for i in (0, 1))
            if not np.allclose(beside, alone, rtol=1e-2, atol=1e-3, equal_nan=True):
                rule = "a net with the rows on the first axis where it drops units"
                got = type(fixed.parts[MAIN])
                raise reject("estimator", f"{rule}, as batch_first=True gives", got)


class MCDropoutClassifier(_MCDropout, EnsembleClassifier):
    """Monte Carlo dropout of classifier nets: one net, M draws of the units it leaves out.

    After [1]_, one net with dropout is trained under one half cosine that falls from `alpha_zero`.
    In prediction its dropout stays on, batch normalisation does not. Each member is one draw of the
    units that are left out, for all rows: what a row gives does not depend on the rows beside it.

    `fit` costs what one net costs, memory one set of weights, prediction m forward passes. Dropout
    has to be in layers, `torch.nn.Dropout` and its siblings, with the rows on the first axis; what
    a module does with `torch.nn.functional.dropout`, as `torch.nn.LSTM` and attention do, is
    switched off in prediction.

    Parameters
    ----------
    estimator : skorch.NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetClassifier`; None is ``NetClassifier(module__dropout=0.1)``. Epochs, batches and the
        module's own arguments are set there.
    M : int, default=20
        Number of draws, and of members.
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
    VariationalClassifier : Learns how far each weight may vary.
    DeepEnsembleClassifier : Nets trained apart.
    MCDropoutRegressor : The same for targets.

    References
    ----------
    .. [1] Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import MCDropoutClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = MCDropoutClassifier(random_state=0).fit(scale(X), y)
    >>> ensemble.predict_proba(scale(X)).shape
    (150, 3)
    """


class MCDropoutRegressor(_MCDropout, EnsembleRegressor):
    """Monte Carlo dropout of regressor nets: one net, M draws of the units it leaves out.

    After [1]_, one net with dropout is trained under one half cosine that falls from `alpha_zero`.
    In prediction its dropout stays on, batch normalisation does not. Each member is one draw of the
    units that are left out, for all rows: what a row gives does not depend on the rows beside it.

    `fit` costs what one net costs, memory one set of weights, prediction m forward passes. Dropout
    has to be in layers, `torch.nn.Dropout` and its siblings, with the rows on the first axis; what
    a module does with `torch.nn.functional.dropout`, as `torch.nn.LSTM` and attention do, is
    switched off in prediction.

    Targets are standardised inside.

    Parameters
    ----------
    estimator : skorch.NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The net to train: it is cloned, never changed. A module, or a class of them, is trained by a
        `NetRegressor`; None is ``NetRegressor(module__dropout=0.1)``. Epochs, batches and the
        module's own arguments are set there.
    M : int, default=20
        Number of draws, and of members.
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
    VariationalRegressor : Learns how far each weight may vary.
    DeepEnsembleRegressor : Nets trained apart.
    MCDropoutClassifier : The same for labels.

    References
    ----------
    .. [1] Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import MCDropoutRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = MCDropoutRegressor(random_state=0).fit(scale(X), y)
    >>> mean, std = ensemble.predict(scale(X), return_std=True)
    >>> mean.shape, std.shape
    ((442,), (442,))
    """
