"""Cross-fitted ensembles of classifiers and of regressors."""

import numpy as np

from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.ensembles.cross_fitted._base import CrossFitted
from skensemble.ensembles.cross_fitted._names import NamesOfMethod
from skensemble.ensembles.cross_fitted._parameters import HasMethod
from skensemble.ensembles.methods import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor


class CrossFittedEnsembleClassifier(NamesOfMethod, HasMethod, CrossFitted, EnsembleClassifier):
    """Cross-fitted ensemble of classifier nets: weighted by the rows that each net has not seen.

    K nets are trained by the method of an ensemble, by default with snapshots at the ends of cycles
    that grow. Each leaves out one fold of the rows. At each snapshot every net predicts the rows
    that it has left out, so that each row has an honest prediction of each snapshot, while all rows
    are trained on. The weights of the snapshots are those whose mean of these predictions has the
    least log-loss: an early stop and an average in one.

    All nets see the same batches; the loss gives the rows of a net's own fold a weight of 0. So
    nets of one architecture are trained in lock-step, as one population. Batch normalisation sees
    the columns of what a net leaves out, and ``class_weight="balanced"`` counts its labels.

    `fit` costs up to K times what one net costs, in lock-step less, prediction a forward pass for
    each member whose weight is not 0.

    Parameters
    ----------
    estimator : BaseEnsemble, NeuralNetClassifier, torch.nn.Module, its class or None, default=None
        The ensemble that trains each net, of any method; it is cloned, never changed. Its own
        `m` and `weights` stay at their defaults. A net, a module or its class, or None, is trained
        by ``SnapshotEnsembleClassifier(estimator, M=5, cycle_mult=2.0)``.
    n_nets : int, default=8
        Number of nets, rounded up to whole groups, in which each fold is left out once.
    cv : int, splitter or iterable of splits, default=4
        Which rows are left out: a number of folds of shuffled rows, with all classes alike,
        a splitter of scikit-learn, or pairs of indices to train on and to leave out. Each row has
        to be left out exactly once.
    weights : "out_of_fold" or "uniform", default="out_of_fold"
        How the members are weighted: by what the rows say that their nets have left out, a weight
        for each position in the training and group of nets, or all alike. It may be changed after
        `fit`.
    m : int or None, default=None
        Number of last positions in the training to average; None is all. The weights of what is
        left are renormalised. It may be changed after `fit`.
    max_cycles : int or None, default=None
        Most cycles that a group of nets may have. Beyond those of `estimator` another one,
        `cycle_mult` times as long, follows while the last one has lowered the group's out-of-fold
        loss by at least 0.5 %. None adds none.
    store_oof : bool, default=True
        Whether to keep what was predicted for the rows that were left out, and its score.
    lockstep : bool or "auto", default="auto"
        Whether to train the nets together, as one population of stacked weights, where that can be.
        False trains one after another. The members are the same up to rounding.
    n_jobs : int or None, default=None
        Processes that train at the same time, each its share of the nets, in lock-step where that
        can be; None is 1, -1 all cores. Up to rounding the members do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and hold-out of rows, and noise; None takes the net's `random_state`.
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
        The net as it was trained, sized to the data and not initialised.

    See Also
    --------
    SnapshotEnsembleClassifier : What trains each net by default, and one net's own ensemble.
    DeepEnsembleClassifier : Nets that see all rows, weighted alike.
    CrossFittedEnsembleRegressor : The same for targets.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.
    .. [2] van der Laan et al., "Super Learner", Statistical Applications in Genetics and Molecular
       Biology 6, 2007: weights from cross-validated predictions.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import CrossFittedEnsembleClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> ensemble = CrossFittedEnsembleClassifier(n_nets=4, random_state=0).fit(scale(X), y)
    >>> ensemble.oof_score_ > 0.9
    True
    >>> ensemble.weights_.shape
    (20,)
    """

    _default_method = SnapshotEnsembleClassifier

    def _keep_oof(self, output: np.ndarray) -> None:
        self.oof_decision_function_ = output


class CrossFittedEnsembleRegressor(NamesOfMethod, HasMethod, CrossFitted, EnsembleRegressor):
    """Cross-fitted ensemble of regressor nets: weighted by the rows that each net has not seen.

    K nets are trained by the method of an ensemble, by default with snapshots at the ends of cycles
    that grow. Each leaves out one fold of the rows. At each snapshot every net predicts the rows
    that it has left out, so that each row has an honest prediction of each snapshot, while all rows
    are trained on. The weights of the snapshots are those whose mean of these predictions has the
    least squared error: an early stop and an average in one.

    All nets see the same batches; the loss gives the rows of a net's own fold a weight of 0. So
    nets of one architecture are trained in lock-step, as one population. Batch normalisation sees
    the columns of what a net leaves out, and the scale of the targets is that of all rows.

    `fit` costs up to K times what one net costs, in lock-step less, prediction a forward pass for
    each member whose weight is not 0.

    Parameters
    ----------
    estimator : BaseEnsemble, NeuralNetRegressor, torch.nn.Module, its class or None, default=None
        The ensemble that trains each net, of any method; it is cloned, never changed. Its own
        `m` and `weights` stay at their defaults. A net, a module or its class, or None, is trained
        by ``SnapshotEnsembleRegressor(estimator, M=5, cycle_mult=2.0)``.
    n_nets : int, default=8
        Number of nets, rounded up to whole groups, in which each fold is left out once.
    cv : int, splitter or iterable of splits, default=4
        Which rows are left out: a number of folds of shuffled rows,
        a splitter of scikit-learn, or pairs of indices to train on and to leave out. Each row has
        to be left out exactly once.
    weights : "out_of_fold" or "uniform", default="out_of_fold"
        How the members are weighted: by what the rows say that their nets have left out, a weight
        for each position in the training and group of nets, or all alike. It may be changed after
        `fit`.
    m : int or None, default=None
        Number of last positions in the training to average; None is all. The weights of what is
        left are renormalised. It may be changed after `fit`.
    max_cycles : int or None, default=None
        Most cycles that a group of nets may have. Beyond those of `estimator` another one,
        `cycle_mult` times as long, follows while the last one has lowered the group's out-of-fold
        loss by at least 0.5 %. None adds none.
    store_oof : bool, default=True
        Whether to keep what was predicted for the rows that were left out, and its score.
    lockstep : bool or "auto", default="auto"
        Whether to train the nets together, as one population of stacked weights, where that can be.
        False trains one after another. The members are the same up to rounding.
    n_jobs : int or None, default=None
        Processes that train at the same time, each its share of the nets, in lock-step where that
        can be; None is 1, -1 all cores. Up to rounding the members do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and hold-out of rows, and noise; None takes the net's `random_state`.
    verbose : int, default=0
        1 prints a line for each cycle, with the out-of-fold loss so far.

    Attributes
    ----------
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
    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Weighted mean of predictions by nets that have left the row out, with `m` and `weights` as
        they were in `fit`. The weights, too, are fitted to rows of other folds. nan for rows of
        weight 0; of more than 200,000 rows as many are predicted, spread evenly.
    test_fold_ : ndarray of shape (n_samples,)
        Fold in which each row was left out, -1 for rows of weight 0; net k leaves out fold
        ``k % n_folds``.
    oof_score_ : float
        R squared of that on the rows that were left out: an honest one.
    target_scaler_ : TargetScaler
        Mean and scale of the targets, taken off before training and put back in `predict`.
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
        Mean training loss of each epoch over all nets, of standardised targets.
    history_ : skorch.history.History
        What the history of a net has of each epoch, without its batches, and the loss of all.
    n_iter_ : int
        Epochs that were made.
    validation_scores_ : ndarray of shape (n_members,)
        R squared of the equal mean on the validation rows after each member, where there are any.
    template_net_ : skorch.NeuralNetRegressor
        The net as it was trained, sized to the data and not initialised.

    See Also
    --------
    SnapshotEnsembleRegressor : What trains each net by default, and one net's own ensemble.
    DeepEnsembleRegressor : Nets that see all rows, weighted alike.
    CrossFittedEnsembleClassifier : The same for labels.

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.
    .. [2] van der Laan et al., "Super Learner", Statistical Applications in Genetics and Molecular
       Biology 6, 2007: weights from cross-validated predictions.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skensemble import CrossFittedEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = CrossFittedEnsembleRegressor(n_nets=4, random_state=0).fit(scale(X), y)
    >>> ensemble.oof_score_ > 0.4
    True
    >>> ensemble.weights_.shape
    (20,)
    """

    _default_method = SnapshotEnsembleRegressor

    def _keep_oof(self, output: np.ndarray) -> None:
        self.oof_prediction_ = self.target_scaler_.inverse(output)
