"""Cross-fitted ensembles: nets that leave out a fold each, weighted by what they left out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.callback import with_callbacks
from skorch import NeuralNet

from skensemble._checks import reject
from skensemble.ensembles._answers import N_CHECKED, check_last_member
from skensemble.ensembles._collector import Collector
from skensemble.ensembles._fitted_state import unchanged_on_error
from skensemble.ensembles._rows import Validation
from skensemble.ensembles.cross_fitted._course import Course, mean_trace, trace_until
from skensemble.ensembles.cross_fitted._folds import Split, among, splits_of, warn_if_unseen
from skensemble.ensembles.cross_fitted._nets import (
    NetInTraining,
    leaving_out,
    streams_of_nets,
)
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold, no_features
from skensemble.ensembles.cross_fitted._positions import Positions
from skensemble.ensembles.cross_fitted._progress import CycleProgress
from skensemble.ensembles.cross_fitted._together import train_nets
from skensemble.ensembles.cross_fitted._weights import WeighsPositions
from skensemble.lockstep import digest_of
from skensemble.seeding import check_rebuildable, spawn_seeds
from skensemble.training import Data, Trace

OF_ONE_FIT = frozenset({"members_", "_predictor_", "_n_members_planned_"})
"""What an ensemble learns in a fit of its own."""


class CrossFitted(WeighsPositions):
    """Mixin: K nets, trained by the method of an ensemble, each without one fold of the rows.

    An estimator has the parameters `n_nets`, `cv`, `weights` and `max_cycles`, and says by
    `_make_method` what trains a net.
    """

    store_oof = True
    lockstep: bool | str = "auto"
    n_jobs: int | None = None

    _progress = CycleProgress
    _counts_members_alike = False

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train the nets, each without one fold, and fit the weights on what they left out.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Training rows.
        y : array-like of shape (n_samples,) or, for a regressor, (n_samples, n_outputs)
            Labels of any kind, or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss and in the score of what was left out; only their size
            against each other counts. Rows of weight 0 are left out by all.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are left out together: by a splitter that asks for groups, and by an
            int as `cv`.
        X_val, y_val : default=None
            Validation rows and their labels or targets, which only add `validation_scores_`.
        sample_weight_val : array-like of shape (n_samples_val,), default=None
            Weights of the validation rows.

        Returns
        -------
        self : BaseEnsemble

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule; a `ValueError`, as are those of bad rows.
        DivergenceError
            If the loss of a net stops being finite. After any error a fitted ensemble is as it was
            before the call.
        KeyboardInterrupt
            If Ctrl-C is pressed. Before all nets have reached the end of a cycle the ensemble is as
            it was before the call; afterwards it holds the members of the cycles that all have
            reached.
        """
        validation = (X_val, y_val, sample_weight_val)
        with unchanged_on_error(self):
            was_interrupted = self._fit_nets(X, y, sample_weight, groups, validation)
        if was_interrupted:
            raise KeyboardInterrupt
        return self

    @with_callbacks
    def _fit_nets(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, validation: Validation
    ) -> bool:
        begun = self._begin(X, y, sample_weight, validation)
        fit_members = partial(self._fit_members, groups=groups)
        return self._train_members(begun, fit_members, self._n_planned(), X=X, y=y)

    def _splits(self, data: Data, groups: Any, seed: int) -> list[Split]:
        """Split the rows to train on; a split that is written out counts all that were given."""
        cv, n_given = self.cv, data.n_given or len(data.y)
        if groups is not None and len(groups) != n_given:
            raise reject("groups", f"None or one for each of {n_given} rows", len(groups))
        if data.index is not None:
            groups = None if groups is None else np.asarray(groups)[data.index]
            cv = among(cv, data.index, n_given)
        classify = is_classifier(self)
        splits = splits_of(cv, data.X, data.given, groups, classify=classify, seed=seed)
        if classify:
            warn_if_unseen(data.given, splits)
        return splits

    def _fit_members(
        self, net: NeuralNet, data: Data, collect: Collector, seed: int, groups: Any = None
    ) -> Trace:
        """Train all nets, and hand on their members by position."""
        check_rebuildable(net)
        fold_seed, net_seed = spawn_seeds(seed, 2)
        splits = self._splits(data, groups, fold_seed)
        n_folds = len(splits)
        self.n_nets_ = ceil(self.n_nets / n_folds) * n_folds
        self._n_members_planned_ = self._n_planned() * self.n_nets_
        # One look at all rows tells that the nets have the same ones.
        data = data._replace(rows_digest=digest_of([data.X, data.y]) if self.lockstep else None)
        rows = [leaving_out(data, train, net) for train, _ in splits]
        tests = [test for _, test in splits]
        # Of a large table these hold as much as some of its columns.
        del splits
        method, templates = self._make_method(), self._templates(self.n_nets_ // n_folds, data)
        nets = [
            NetInTraining(method, self._learnt(), templates[k // n_folds], rows[k % n_folds], own)
            for k, own in enumerate(streams_of_nets(net_seed, self.n_nets_))
        ]
        out_of_fold = OutOfFold(
            data.X,
            data.y,
            data.own_weight,
            tests=tests,
            fit_weights=self._fit_weights,
            is_uniform=self.weights == "uniform",
            losses=self._row_losses,
            features_of=self._features_of,
        )
        positions = Positions(
            nets, n_folds, collect, collect.progress, out_of_fold, self._weigh_parts
        )
        trace = self._train(nets, positions, out_of_fold)
        self._weigh_parts(positions)
        if self.store_oof:
            self._learn_oof(out_of_fold, data, tests)
        if not trace.was_interrupted:
            last = nets[-1]
            members = last.ensemble._predictor_, last.net, last.ensemble.members_[-1]
            check_last_member(*members, data.X[:N_CHECKED])
        return trace

    def _features_of(self, group: int) -> Any:
        """Return all rows as the nets of a group encode them, where they are kept; else None."""
        return no_features(group)

    def _n_planned(self) -> int:
        """Return the positions that a training is to have, without those that follow from it."""
        return self._make_method()._n_members()

    def _templates(self, n_groups: int, data: Data) -> list[NeuralNet]:
        """Return the net, sized to some rows, that those of each group are copies of."""
        return [self.template_net_] * n_groups

    def _learnt(self) -> dict[str, Any]:
        """Return what an ensemble has learnt of its rows before it trains."""
        learnt = {name: value for name, value in vars(self).items() if name.endswith("_")}
        return {k: v for k, v in learnt.items() if k[:2] != "__" and k not in OF_ONE_FIT}

    def _train(
        self, nets: Sequence[NetInTraining], positions: Positions, out_of_fold: OutOfFold
    ) -> Trace:
        """Train all nets, and tell the course of it; Ctrl-C leaves the positions of all nets."""
        course = Course()
        try:
            self._train_rounds(nets, positions, out_of_fold, course)
        except KeyboardInterrupt:
            cut = trace_until(positions.drop_unfinished(), course.trace)
            if cut is None:
                raise
            return replace(cut, stopped_by="ctrl-c")
        return course.trace

    def _train_rounds(
        self,
        nets: Sequence[NetInTraining],
        positions: Positions,
        out_of_fold: OutOfFold,
        course: Course,
    ) -> None:
        """Make the planned training, and further cycles for groups that gain from them."""
        groups = list(range(len(nets) // positions.n_folds))
        self._train_round(nets, positions, groups, NetInTraining.train, course)
        most = self.max_cycles or 0
        while not course.trace.stopped_by and positions.n_whole < most:
            groups = out_of_fold.growing(groups)
            if not groups:
                return
            last_cycle = int(np.diff(course.trace.moments, prepend=0)[-1])
            n_steps = round(nets[0].ensemble.cycle_mult * last_cycle)
            positions.progress.expect_another()
            further = partial(NetInTraining.train_further, n_steps=n_steps)
            self._train_round(nets, positions, groups, further, course)

    def _train_round(
        self,
        nets: Sequence[NetInTraining],
        positions: Positions,
        groups: Sequence[int],
        train: Callable[..., Trace],
        course: Course,
    ) -> None:
        """Let the nets of some groups train for a while."""
        takes = positions.begin(groups, course.n_steps)
        own = [nets[k] for k in positions.training]
        ways = {"lockstep": bool(self.lockstep), "n_jobs": self.n_jobs}
        course.add(mean_trace(train_nets(own, train, takes, **ways)))

    def _check_members(self, net: NeuralNet, data: Data) -> None:
        """Do nothing: the last member is held to its own net where that is at hand."""
