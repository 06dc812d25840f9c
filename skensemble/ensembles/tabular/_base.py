"""Cross-fitted snapshots on a table: its columns read, encoded for each group, and trained on."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import Tags, _safe_indexing
from sklearn.utils.validation import _num_samples, check_is_fitted
from skorch import NeuralNet

from skensemble._checks import reject
from skensemble.data import as_numpy, check_labelled_rows, give_back
from skensemble.ensembles._held_out import HeldOut
from skensemble.ensembles.cross_fitted._base import CrossFitted
from skensemble.ensembles.cross_fitted._course import Course
from skensemble.ensembles.cross_fitted._nets import NetInTraining
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold
from skensemble.ensembles.cross_fitted._positions import Positions
from skensemble.ensembles.tabular._groups import group_of
from skensemble.ensembles.tabular._parameters import HasTable
from skensemble.ensembles.tabular._plan import Plan
from skensemble.ensembles.tabular._progress import TableProgress
from skensemble.modules import EncodingTables
from skensemble.preprocessing import TableCoder, fit_tables
from skensemble.training import Data, Trace

LEAST_GAIN = 0.01
"""Share of its out-of-fold loss that a cycle has to save a group for another one to follow."""

MOST_FEATURES = 2048
"""Bins, cosines or atoms of all numbers of a table; each number has the same share at most."""

N_KNOTS = 256
"""Values of a number whose rank is kept: few enough that looking them up takes no time."""

ROWS_PER_BATCH = 64
"""Rows of the table for each row of a batch."""

SMALLEST_BATCH, LARGEST_BATCH = 32, 256


def batch_size_of(n_rows: int) -> int:
    """Return the rows of a batch: a power of two near a 64th of all, within bounds.

    Examples
    --------
    >>> [batch_size_of(n) for n in (100, 4000, 10_000, 1_000_000)]
    [32, 64, 128, 256]
    """
    nearest = 2.0 ** np.round(np.log2(max(n_rows, 1) / ROWS_PER_BATCH))
    return int(np.clip(nearest, SMALLEST_BATCH, LARGEST_BATCH))


class LearnsTable(HasTable, CrossFitted):
    """Mixin: fits a table as it comes, whatever kinds of columns it has."""

    _progress = TableProgress
    _advice_if_constant = "Maybe no column says anything of y; otherwise lower alpha_zero."

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
        """Learn a table as it comes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Of pandas or polars, or an array. Numbers, bools, categories and strings, missing values
            among them.
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
        self : TabularSnapshotClassifier or TabularSnapshotRegressor

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule, or a column cannot be read; a `ValueError`.
        DivergenceError
            If the loss of a net stops being finite. After any error a fitted ensemble is as it was
            before the call.
        KeyboardInterrupt
            If Ctrl-C is pressed. Before all nets have reached the end of a cycle the ensemble is as
            it was before the call; afterwards it holds the members of the cycles that all have
            reached.
        """
        validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return super().fit(X, y, sample_weight, groups=groups, **validation)

    def _learn_data(
        self, net: NeuralNet, X: Any, y: Any, sample_weight: Any, *rest: Any, **options: Any
    ) -> tuple[Data, HeldOut | None]:
        self._plan_ = Plan(self._cycles(), self._most_cycles(), self.time_budget)
        self._seen_ = _rows_that_count(X, sample_weight)
        data, held_out = super()._learn_data(net, X, y, sample_weight, *rest, **options)
        del self._seen_
        give_back(data.X.nbytes)
        self._tables_ = [self._tables_of(0, data.X)]
        net.set_params(
            batch_size=batch_size_of(data.X.shape[0]),
            module__encoding=self._tables_[0],
        )
        return data, held_out

    def _check_labelled_rows(
        self, X: Any, y: Any, dtype: Any, *, reset: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        if reset:
            rows = X if self._seen_ is None else _safe_indexing(X, self._seen_)
            self._coder_ = TableCoder(self.categorical_features).fit(rows, owner=self)
        coded = self._check_table(X)
        # The rows are checked; an estimator of this kind checks the targets beside as many others.
        stand_in = np.broadcast_to(np.float32(0), (len(coded), 1))
        checks = {"dtype": np.float32, "classify": is_classifier(self), "reset": True}
        return coded, check_labelled_rows(type(self)(), stand_in, y, **checks)[1]

    def _check_rows(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._check_table(X)

    def _with_members(self, members: Any, X: Any) -> Any:
        rule = "one whose nets see the same rows, not one of tables, encoded for each group of nets"
        raise reject("ensemble", rule, type(self))

    def _check_table(self, X: Any) -> np.ndarray:
        return self._coder_.transform(X, owner=self)

    def _templates(self, n_groups: int, data: Data) -> list[NeuralNet]:
        self._tables_ += [self._tables_of(k, data.X) for k in range(1, n_groups)]
        return [
            clone(self.template_net_).set_params(module__encoding=tables)
            for tables in self._tables_
        ]

    def _tables_of(self, k: int, coded: np.ndarray) -> EncodingTables:
        """Learn how the nets of the k-th group see the columns of coded rows."""
        group, n_levels = group_of(k), self._coder_.n_levels_
        # Of a wide table each number has fewer features: a step would take seconds.
        most = MOST_FEATURES // max(1, (n_levels == 0).sum())
        return fit_tables(
            coded,
            n_levels,
            n_bins=min(group.n_bins, most),
            n_cosines=min(group.n_cosines, most),
            n_atoms=min(group.n_atoms, most),
            n_knots=N_KNOTS,
        )

    def _features_of(self, group: int) -> Any:
        return self._tables_[group].kept

    def _fit_members(self, *arguments: Any, **options: Any) -> Trace:
        trace = super()._fit_members(*arguments, **options)
        # What the clock said is no part of what was learnt.
        del self._plan_
        return trace

    def _train_rounds(
        self,
        nets: Sequence[NetInTraining],
        positions: Positions,
        out_of_fold: OutOfFold,
        course: Course,
    ) -> None:
        """Train all nets cycle by cycle, beyond the plan those of groups that gain from it."""
        with ExitStack() as stack:
            for tables in self._tables_:
                stack.enter_context(tables.keeping())
            self._train_cycles(nets, positions, out_of_fold, course)

    def _train_cycles(
        self,
        nets: Sequence[NetInTraining],
        positions: Positions,
        out_of_fold: OutOfFold,
        course: Course,
    ) -> None:
        groups, plan = list(range(len(nets) // positions.n_folds)), self._plan_
        give_back(nets[0].data.X.nbytes)
        while n_steps := plan.next_cycle():
            if plan.is_beyond:
                groups = out_of_fold.growing(groups, LEAST_GAIN)
                if not groups:
                    break
                positions.progress.expect_another()
                n_more = len(groups) * positions.n_folds
                self._n_members_planned_ = len(self.members_) + n_more
            plan.begin_cycle(n_steps)
            train = partial(NetInTraining.train_further, n_steps=n_steps)
            self._train_round(nets, positions, groups, train, course)
            if course.trace.stopped_by:
                break

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.three_d_array = False
        tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = True
        return tags


def _rows_that_count(X: Any, sample_weight: Any) -> np.ndarray | None:
    """Return which rows have a weight above 0; None for all, and for weights that are to fail."""
    if sample_weight is None:
        return None
    weight = np.asarray(as_numpy(sample_weight))
    if weight.shape != (_num_samples(X),) or weight.dtype.kind not in "buif":
        return None
    return np.flatnonzero(weight) if weight.any() and not weight.all() else None
