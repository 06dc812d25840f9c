"""What cross-fitting promises: an honest score, and better weights for no further training."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import CrossFittedEnsembleClassifier, ensembles
from skensemble.ensembles import methods
from tests.conftest import SMALL_ENSEMBLES
from tests.ensembles.cross_fitted.conftest import answers, classifier, left_out, regressor

METHODS = [name for name in methods.__all__ if name.endswith("Classifier")]
WIDE = {"module__hidden_units": (64,), "max_epochs": 60}


@pytest.mark.filterwarnings("ignore:A cycle of", "ignore:n_averaged", "ignore:The members fit")
@pytest.mark.parametrize("name", methods.__all__)
def test_every_method_trains_the_nets(hard, name):
    (X, y), (fresh, labels) = hard
    of = ensembles.CrossFittedEnsembleClassifier
    if name.endswith("Regressor"):
        of = ensembles.CrossFittedEnsembleRegressor
        y, labels = 10 * X[:, 0] + 5, 10 * fresh[:, 0] + 5
    method = SMALL_ENSEMBLES[name](random_state=None)
    ensemble = of(method, n_nets=2, cv=2, random_state=0).fit(X, y)
    n = method._n_members()
    assert ensemble.member_positions_.tolist() == [s for s in range(n) for _ in range(2)]
    assert ensemble.member_nets_.tolist() == [0, 1] * n
    least = 0.6 if name.endswith("Classifier") else 0.3
    assert ensemble.score(fresh, labels) > least
    assert ensemble.oof_score_ == pytest.approx(ensemble.score(fresh, labels), abs=0.15)


def test_members_are_those_of_the_method_trained_without_a_fold(hard):
    (X, y), (fresh, _) = hard
    ensemble = classifier(cv=left_out(len(X), 2), n_nets=2).fit(X, y)
    members = ensemble.member_predict_proba(fresh)
    # Other rows where a net has left them out change the other net alone.
    changed = X.copy()
    changed[::2] += 1
    others = classifier(cv=left_out(len(X), 2), n_nets=2).fit(changed, y)
    others = others.member_predict_proba(fresh)
    assert (others[ensemble.member_nets_ == 0] == members[ensemble.member_nets_ == 0]).all()
    assert (others[ensemble.member_nets_ == 1] != members[ensemble.member_nets_ == 1]).any()


def test_labels_of_nothing_are_learnt_by_heart_and_score_no_better_than_chance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 30)).astype(np.float32), rng.integers(0, 2, 300)
    ensemble = classifier(WIDE, M=2, n_nets=4, cv=4).fit(X, y)
    ensemble.set_params(weights="uniform")
    assert ensemble.score(X, y) > 0.95
    # Three standard errors of a coin.
    assert abs(ensemble.oof_score_ - 0.5) < 3 * 0.5 / 300**0.5


@pytest.mark.slow
def test_a_few_rows_of_noise_score_no_better_than_knowing_nothing():
    losses = []
    for seed in range(100, 116):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(40, 5)).astype(np.float32), rng.permutation(np.arange(40) % 2)
        ensemble = CrossFittedEnsembleClassifier(random_state=seed).fit(X, y)
        losses.append(log_loss(y, ensemble.oof_decision_function_))
    # Weights fitted to the rows that they score give .67 on average.
    assert np.mean(losses) > np.log(2)


def test_a_column_that_holds_the_label_of_the_rows_trained_on_is_seen_through():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)).astype(np.float32), rng.integers(0, 2, 300)
    # The net that leaves out the odd rows learns to read the label off a column of even rows.
    X[::2, 0] = 10 * (2 * y[::2] - 1)
    X[1::2, 0] = 10 * rng.choice([-1, 1], 150)
    ensemble = classifier(WIDE, M=2, n_nets=2, cv=left_out(300, 2)).fit(X, y)
    leaky = ensemble.member_predict_proba(X)[ensemble.member_nets_ == 1].mean(0).argmax(1)
    assert (leaky[::2] == y[::2]).all()
    assert abs((leaky[1::2] == y[1::2]).mean() - 0.5) < 3 * 0.5 / 150**0.5
    assert ensemble.oof_score_ < 0.6


def test_rows_that_stand_there_twice_leak_unless_they_are_a_group():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 30)).astype(np.float32), rng.integers(0, 2, 150)
    twice, labels, groups = np.r_[X, X], np.r_[y, y], np.r_[np.arange(150), np.arange(150)]
    leaky = classifier(WIDE, M=2, n_nets=4, cv=4).fit(twice, labels)
    assert leaky.oof_score_ > 0.7
    for cv in (4, GroupKFold(4)):
        honest = classifier(WIDE, M=2, n_nets=4, cv=cv).fit(twice, labels, groups=groups)
        assert abs(honest.oof_score_ - 0.5) < 3 * 0.5 / 150**0.5


@pytest.mark.slow
def test_the_score_is_that_of_fresh_rows_within_its_error():
    gaps = []
    for seed in range(6):
        X, y = make_classification(3400, 8, n_informative=5, flip_y=0.2, random_state=seed)
        ensemble = classifier(n_nets=4, cv=4, random_state=seed).fit(X[:400], y[:400])
        gaps.append(ensemble.oof_score_ - ensemble.score(X[400:], y[400:]))
    # Accuracies near .85, of 400 rows each.
    error = (0.85 * 0.15 / (400 * len(gaps))) ** 0.5
    assert abs(np.mean(gaps)) < 3 * error
    assert np.std(gaps) < 3 * error * len(gaps) ** 0.5


def test_weights_of_left_out_rows_lose_less_than_equal_ones_on_fresh_rows(hard):
    (X, y), (fresh, labels) = hard
    long = WIDE | {"max_epochs": 200}
    ensemble = classifier(long, M=4, of_method={"cycle_mult": 2.0}).fit(X, y)
    fitted = log_loss(labels, ensemble.predict_proba(fresh))
    ensemble.set_params(weights="uniform")
    assert fitted < log_loss(labels, ensemble.predict_proba(fresh)) - 0.005


@pytest.mark.filterwarnings("ignore:A cycle of 9 steps")
def test_groups_that_gain_go_on_and_others_do_not(hard):
    (X, y), _ = hard
    short = classifier({"max_epochs": 2}, M=2, of_method={"cycle_mult": 2.0}, max_cycles=12)
    ensemble = short.fit(X, y)
    n = ensemble.member_positions_.max() + 1
    assert 2 < n <= 12
    lengths = np.diff(np.unique(ensemble.member_steps_), prepend=0)
    # 26 steps in cycles of 1 and 2 parts; then each is twice as long as the one before.
    assert lengths.tolist()[:4] == [9, 17, 34, 68]
    assert ensemble.n_steps_ == len(ensemble.learning_rates_) == lengths.sum()
    assert (ensemble.learning_rates_[[0, 9, 26, 60]] == 0.1).all()
    assert len(ensemble.weights_) == len(ensemble.members_) == len(ensemble.member_nets_)


def test_groups_of_rows_have_to_be_as_many_as_rows(hard):
    (X, y), _ = hard
    with pytest.raises(ValueError, match="groups must be None or one for each of 400 rows, got 3"):
        classifier().fit(X, y, groups=np.zeros(3))


def test_groups_of_rows_that_are_dropped_are_dropped_too(hard):
    (X, y), _ = hard
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    groups = np.arange(len(y)) // 10
    ensemble = classifier(cv=GroupKFold(2)).fit(X, y, sample_weight=weight, groups=groups)
    fold = ensemble.test_fold_
    for group in np.unique(groups):
        assert len(set(fold[(groups == group) & (weight > 0)])) == 1
    assert set(fold) == {-1, 0, 1}


def test_groups_are_routed(hard):
    (X, y), _ = hard
    groups = np.arange(len(y)) // 10
    with config_context(enable_metadata_routing=True):
        ensemble = classifier(M=1).set_fit_request(groups=True)
        pipeline = make_pipeline(StandardScaler(), ensemble).fit(X, y, groups=groups)
    alone = classifier(M=1).fit(StandardScaler().fit_transform(X), y, groups=groups)
    assert (pipeline[-1].oof_decision_function_ == alone.oof_decision_function_).all()


def test_searches_and_cross_validation(hard):
    (X, y), _ = hard
    grid = {"estimator__M": [1, 2], "estimator__alpha_zero": [0.05], "weights": ["uniform"]}
    search = GridSearchCV(classifier(n_nets=2), grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.6
    assert cross_val_score(classifier(n_nets=2, M=1), X, y, cv=2).min() > 0.6


def test_spread_of_a_regressor_is_the_weighted_one(hard):
    (X, _), (fresh, _) = hard
    ensemble = regressor().fit(X, 100 * X[:, 0] * X[:, 1])
    mean, std = ensemble.predict(fresh, return_std=True)
    members, weights = ensemble.member_predict(fresh), ensemble.weights_
    np.testing.assert_allclose(mean, weights @ members, rtol=1e-3, atol=1e-2)
    expected = np.sqrt(weights @ (members - mean) ** 2)
    np.testing.assert_allclose(std, expected, rtol=1e-2, atol=1e-2)


def test_several_targets(hard):
    (X, _), _ = hard
    y = np.c_[X[:, 0] * 10, X[:, 1] - 3]
    ensemble = regressor().fit(X, y)
    assert ensemble.oof_prediction_.shape == (400, 2)
    assert ensemble.oof_score_ > 0.5


def test_a_failed_fit_leaves_the_ensemble_as_it_was(hard):
    (X, y), (fresh, _) = hard
    ensemble = classifier().fit(X, y)
    expected, before = answers(ensemble, fresh), vars(ensemble).copy()
    with pytest.raises(ValueError, match="diverged"):
        ensemble.set_params(estimator__alpha_zero=1e38).fit(X, y)
    assert vars(ensemble) == before
    assert (answers(ensemble, fresh) == expected).all()


def test_a_refit_starts_afresh(hard):
    (X, y), (fresh, _) = hard
    ensemble = classifier(M=1).fit(X, y)
    ensemble.set_params(estimator__M=3, cv=4)
    again = answers(ensemble.fit(X, y), fresh)
    assert (again == answers(clone(ensemble).fit(X, y), fresh)).all()
    assert len(ensemble.members_) == 12
