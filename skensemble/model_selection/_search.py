from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.utils._param_validation import Interval

from skensemble.lockstep import DEFAULT_MEMORY_BYTES, Report
from skensemble.model_selection._backend import LockstepBackend


class _LockstepSearch:
    """Mixin for a search of scikit-learn, whose candidates are fitted together."""

    memory_bytes: int
    estimator: Any

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit all candidates on all folds, and refit the best.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Labels or targets.
        **params : dict
            As in the search of scikit-learn.

        Returns
        -------
        self : object
        """
        report = Report()
        with parallel_config(
            backend=LockstepBackend(memory_bytes=self.memory_bytes, report=report)
        ):
            super().fit(X, y, **params)  # type: ignore[misc]
        self.lockstep_report_ = report
        return self

    def _run_search(
        self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None
    ) -> None:
        """Run the search of scikit-learn, each candidate's names looked at before the first fit."""

        def evaluate(candidates: Iterable[Mapping[str, Any]], *args: Any, **kwargs: Any) -> Any:
            """Evaluate candidates whose names are all known."""
            candidates = list(candidates)
            check_names(self.estimator, candidates)
            return evaluate_candidates(candidates, *args, **kwargs)

        super()._run_search(evaluate, callback_ctx=callback_ctx)  # type: ignore[misc]


def check_names(estimator: Any, candidates: Iterable[Mapping[str, Any]]) -> None:
    """Refuse names of parameters that an estimator does not have.

    Parameters
    ----------
    estimator : estimator
    candidates : iterable of dict
        Values by name. Of candidates with the same names and the same parts, such as modules or
        other estimators, one is tried.

    Raises
    ------
    ValueError
        From the estimator's `set_params`.
    """
    seen = set()
    for candidate in candidates:
        parts = (id(value) for value in candidate.values() if _is_part(value))
        key = (frozenset(candidate), *parts)
        if key not in seen:
            seen.add(key)
            clone(estimator).set_params(**clone(candidate, safe=False))


def _is_part(value: Any) -> bool:
    return callable(value) or hasattr(value, "set_params")


class LockstepGridSearchCV(_LockstepSearch, GridSearchCV):
    """Exhaustive search whose nets are trained together.

    A drop-in for `sklearn.model_selection.GridSearchCV`, with the same arguments, attributes and,
    up to rounding, the same scores. Every candidate is fitted on every fold, by itself, but
    for the steps of its training: those of all nets of one architecture are made at once, as
    products of stacked matrices. It pays for small nets, where a step is nearly all overhead.

    Candidates that differ in `m` alone share one training. What cannot be trained together is
    trained by itself; `lockstep_report_` says why.

    Parameters
    ----------
    estimator : estimator
        An ensemble, or a pipeline that ends in one. Any other estimator is fitted as usual.
    param_grid : dict or list of dict
        Values to try, by name of the parameter.
    scoring : str, callable, list, tuple or dict, default=None
        As in `sklearn.model_selection.GridSearchCV`, as are the other arguments that it has.
    n_jobs : int, default=None
        Of no effect: all nets are trained in this process.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows.
    cv : int, cross-validation generator or iterable, default=None
        Folds.
    verbose : int, default=0
        Messages. The times that they and `cv_results_` give include waiting for other fits.
    pre_dispatch : int or str, default="2*n_jobs"
        If an int, fits are trained together in groups of this size; by default in groups of up to
        4096.
    error_score : "raise" or float, default=nan
        Score of a fit that fails, such as one that diverges; the others go on.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    memory_bytes : int, default=2**30
        Memory budget in bytes. New fits wait while the rows and weights of unfinished fits exceed
        it, and a group of nets trained together never uses more on its device.

    Attributes
    ----------
    lockstep_report_ : Report
        `groups` lists the populations that were trained, `alone` counts the trainings that were
        not, by reason.
    cv_results_ : dict of ndarray
        As in `sklearn.model_selection.GridSearchCV`, as are the other attributes that it has.

    See Also
    --------
    LockstepRandomizedSearchCV : The same for draws from distributions.
    skensemble.model_selection.LockstepBackend : The same for all that runs through joblib.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import LockstepGridSearchCV, SnapshotEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"M": [2, 4], "alpha_zero": [0.05, 0.2], "m": [1, None]}
    >>> search = LockstepGridSearchCV(SnapshotEnsembleClassifier(random_state=0), grid, cv=3)
    >>> search.fit(scale(X), y).lockstep_report_.groups
    [{'engine': 'closed form', 'n_nets': 12, 'n_fits': 24}]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GridSearchCV._parameter_constraints,
        "memory_bytes": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.memory_bytes = memory_bytes


class LockstepRandomizedSearchCV(_LockstepSearch, RandomizedSearchCV):
    """Randomised search whose nets are trained together.

    A drop-in for `sklearn.model_selection.RandomizedSearchCV`, with the same arguments, attributes
    and, up to rounding, the same scores; see `LockstepGridSearchCV`.

    Parameters
    ----------
    estimator : estimator
        An ensemble, or a pipeline that ends in one. Any other estimator is fitted as usual.
    param_distributions : dict or list of dict
        Lists or distributions to draw from, by name of the parameter.
    n_iter : int, default=10
        Number of candidates.
    scoring : str, callable, list, tuple or dict, default=None
        As in `sklearn.model_selection.RandomizedSearchCV`, as are the other arguments that it has.
    n_jobs : int, default=None
        Of no effect: all nets are trained in this process.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows.
    cv : int, cross-validation generator or iterable, default=None
        Folds.
    verbose : int, default=0
        Messages. The times that they and `cv_results_` give include waiting for other fits.
    pre_dispatch : int or str, default="2*n_jobs"
        If an int, fits are trained together in groups of this size; by default in groups of up to
        4096.
    random_state : int, RandomState instance or None, default=None
        What the candidates are drawn from.
    error_score : "raise" or float, default=nan
        Score of a fit that fails, such as one that diverges; the others go on.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    memory_bytes : int, default=2**30
        Memory budget in bytes. New fits wait while the rows and weights of unfinished fits exceed
        it, and a group of nets trained together never uses more on its device.

    Attributes
    ----------
    lockstep_report_ : Report
        `groups` lists the populations that were trained, `alone` counts the trainings that were
        not, by reason.
    cv_results_ : dict of ndarray
        As in `sklearn.model_selection.RandomizedSearchCV`, as are the other attributes that it has.

    See Also
    --------
    LockstepGridSearchCV : The same for all combinations of values.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import LockstepRandomizedSearchCV, SnapshotEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> candidates = {"M": [2, 3, 4], "alpha_zero": loguniform(0.01, 0.3)}
    >>> search = LockstepRandomizedSearchCV(
    ...     SnapshotEnsembleClassifier(random_state=0), candidates, n_iter=4, cv=3, random_state=0
    ... )
    >>> search.fit(scale(X), y).lockstep_report_.groups
    [{'engine': 'closed form', 'n_nets': 12, 'n_fits': 12}]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RandomizedSearchCV._parameter_constraints,
        "memory_bytes": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.memory_bytes = memory_bytes
