"""The classifier of tables."""

from typing import Any

import numpy as np

from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles.methods import SnapshotEnsembleClassifier
from skensemble.ensembles.tabular._base import LearnsTable


class TabularSnapshotClassifier(LearnsTable, EnsembleClassifier):
    """Classifier of tables as they come: cross-fitted snapshots of nets that see columns encoded.

    `fit` takes a DataFrame, or an array, with numbers, bools, levels, strings and missing values.
    Numbers are scaled, ranked and encoded, categories become a column for each level. Groups of
    small nets see them in ways of their own. Each net of a group leaves out one fold of the rows
    and is trained under a cyclic learning rate; at the end of each cycle a snapshot of it predicts
    what it has left out. The weights of the snapshots are those whose mean of these predictions has
    the least log-loss: an early stop and an average in one, for which no row is held back.

    Text of more than 255 values, and dates, are refused by the name of their column.

    Parameters
    ----------
    M : int, default=3
        Number of cycles that are planned: the first has 100 steps, each one after it twice as many.
    n_nets : int, default=16
        Number of nets, rounded up to whole groups, in which each fold is left out once.
    cv : int, splitter or iterable of splits, default=4
        Which rows are left out: a number of folds of shuffled rows, with all classes alike,
        a splitter of scikit-learn, or pairs of indices to train on and to leave out. Each row has
        to be left out exactly once.
    hidden_units : int or sequence of int, default=(64, 64)
        Width of each hidden layer.
    max_steps : int or None, default=None
        Most steps of a net: as many planned cycles as fit in, but at least one, which is cut short
        where it has to be, and no others unless `max_cycles` asks for them. None makes all `M`.
    max_cycles : int or None, default=None
        Most cycles that a group of nets may have. Beyond those that are planned another one, twice
        as long, follows while the last one has lowered the group's out-of-fold loss by at least
        1 %. None is 6, and with a `time_budget` as many as there is time for.
    time_budget : float or None, default=None
        Seconds that `fit` may take, about: a cycle that would not end in time is cut short or left
        out, all but the first.
    alpha_zero : float, default=0.005
        Learning rate at the start of each cycle.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns are categories: names, indices or a mask. "from_dtype" are those of strings,
        objects that are not all numbers, bools and levels.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes by label, which multiply those of the rows in the loss. Probabilities are
        then those of rows of such weights.
    weights : "out_of_fold" or "uniform", default="out_of_fold"
        How the members are weighted: by what the rows say that their nets have left out, a weight
        for each position in the training and group of nets, or all alike. It may be changed after
        `fit`.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and hold-out of rows, and noise; None takes the net's `random_state`.
    n_jobs : int or None, default=None
        Processes that train at the same time, each its share of the nets, in lock-step where that
        can be; None is 1, -1 all cores. Up to rounding the members do not depend on it.
    device : str, default="auto"
        "auto" takes CUDA, else MPS, else the CPU.
    verbose : int, default=0
        1 prints a line for each cycle, with the out-of-fold loss so far.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    members_ : list of dict
        Weights of each member by name, as arrays on the CPU, by position in the training, then by
        net.
    weights_ : ndarray of shape (n_members,)
        Weight of each member in the average; those below 0.001 for a position and group are 0, as
        are those that `m` leaves out.
    member_positions_, member_nets_ : ndarray of shape (n_members,)
        Position in the training and net of each member, from 0.
    n_nets_ : int
        Nets that were trained.
    oof_decision_function_ : ndarray of shape (n_samples, n_classes)
        Weighted mean of probabilities by nets that have left the row out, with `m` and `weights` as
        they were in `fit`. The weights, too, are fitted to rows of other folds. nan for rows of
        weight 0; of more than 200,000 rows as many are predicted, spread evenly.
    test_fold_ : ndarray of shape (n_samples,)
        Fold in which each row was left out, -1 for rows of weight 0; net k leaves out fold
        ``k % n_folds``.
    oof_score_ : float
        Accuracy of that on the rows that were left out: an honest one.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they are all strings.
    n_steps_ : int
        Optimizer steps that were made by each net.
    member_steps_ : ndarray of shape (n_members,)
        Steps after which the members were taken, from 1.
    learning_rates_ : ndarray of shape (`n_steps_`,)
        Learning rate of each step.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean training loss of each epoch over all nets.
    history_ : skorch.history.History
        What the history of a net has of each epoch, without its batches, and the loss of all.
    n_iter_ : int
        Epochs that were made.
    validation_scores_ : ndarray of shape (n_members,)
        Accuracy of the equal mean on the validation rows after each member, where there are any.
    template_net_ : skorch.NeuralNetClassifier
        The net as it was trained, sized to the data and not initialised; that of the first group.

    See Also
    --------
    CrossFittedEnsembleClassifier : The same training of any net, on rows that are prepared.
    TabularSnapshotRegressor : The same for targets.
    skensemble.preprocessing.TableEncoder : What the nets see, as a transformer.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.
    .. [2] van der Laan et al., "Super Learner", Statistical Applications in Genetics and Molecular
       Biology 6, 2007: weights from cross-validated predictions.
    .. [3] Gorishniy et al., "On embeddings for numerical features in tabular deep learning",
       NeurIPS 2022: piecewise-linear encoding.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import load_wine
    >>> from skensemble import TabularSnapshotClassifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> X = X.assign(strength=pd.cut(X["alcohol"], 3, labels=["low", "middle", "high"]))
    >>> model = TabularSnapshotClassifier(M=3, random_state=0).fit(X, y)
    >>> model.oof_score_ > 0.9
    True
    >>> model.predict_proba(X).shape
    (178, 3)
    """

    _default_method = SnapshotEnsembleClassifier

    def __init__(
        self,
        *,
        M: int = 3,
        n_nets: int = 16,
        cv: Any = 4,
        hidden_units: Any = (64, 64),
        max_steps: int | None = None,
        max_cycles: int | None = None,
        time_budget: float | None = None,
        alpha_zero: float = 0.005,
        categorical_features: Any = "from_dtype",
        class_weight: Any = None,
        weights: str = "out_of_fold",
        random_state: Any = None,
        n_jobs: int | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.M = M
        self.n_nets = n_nets
        self.cv = cv
        self.hidden_units = hidden_units
        self.max_steps = max_steps
        self.max_cycles = max_cycles
        self.time_budget = time_budget
        self.alpha_zero = alpha_zero
        self.categorical_features = categorical_features
        self.class_weight = class_weight
        self.weights = weights
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    def _arguments_of_net(self) -> dict[str, Any]:
        return {"class_weight": self.class_weight}

    def _keep_oof(self, output: np.ndarray) -> None:
        self.oof_decision_function_ = output
