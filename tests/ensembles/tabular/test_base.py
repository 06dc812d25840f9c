"""What the two promise of a table: honest scores, weights of rows, ways that give the same."""

import pickle
from copy import copy, deepcopy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from skensemble.ensembles.cross_fitted import _out_of_fold
from skensemble.ensembles.tabular._base import batch_size_of
from tests.ensembles.tabular.conftest import classifier, left_out, make_table, regressor, values_of

LEARNING = {"M": 2, "max_steps": None, "hidden_units": (32,), "alpha_zero": 0.01}
"""Two cycles, of 100 and of 200 steps."""


@pytest.mark.parametrize(
    ("n_rows", "size"),
    [(0, 32), (1, 32), (2047, 32), (2048, 32), (2897, 64), (8192, 128), (2**20, 256)],
)
def test_a_batch_is_a_power_of_two_near_a_64th_of_the_rows(n_rows, size):
    # 2,897 / 64 is just above 2^5.5.
    assert batch_size_of(n_rows) == size


def test_the_net_gets_that_batch(table, fitted):
    assert fitted.template_net_.batch_size == 32
    X, y = make_table(3000)
    assert classifier(max_steps=1).fit(X, y).template_net_.batch_size == 64


def test_the_output_is_the_weighted_mean_of_members(table):
    X, y = table
    model = classifier(**LEARNING).fit(X, y)
    members = model.member_predict_proba(X)
    assert members.shape == (8, 240, 3)
    for m in (None, 2, 1):
        model.m = m
        for weights in ("uniform", "out_of_fold"):
            model.weights = weights
            assert model.weights_.sum() == pytest.approx(1)
            mean = np.tensordot(model.weights_, members, axes=1)
            np.testing.assert_allclose(model.predict_proba(X), mean, rtol=1e-4, atol=1e-6)
        model.weights = "uniform"
        assert model.weights_.tolist() == [0, 0, 0, 0] * (m == 1) + [1 / (4 * (m or 2))] * (
            4 * (m or 2)
        )
    model.m = None
    *_, last = model.staged_predict_proba(X)
    np.testing.assert_allclose(last, model.predict_proba(X), rtol=1e-4, atol=1e-6)
    assert model.member_positions_.tolist() == [0] * 4 + [1] * 4
    assert model.member_nets_.tolist() == [0, 1, 2, 3] * 2
    assert model.member_steps_.tolist() == [100] * 4 + [300] * 4
    assert model.n_steps_ == len(model.learning_rates_) == 300


def test_rates_rise_at_first_and_fall_in_each_cycle(table):
    rates = classifier(**LEARNING).fit(*table).learning_rates_
    # The first 150 steps are warmed up: step t has t / 150 of its rate.
    assert rates[0] == pytest.approx(0.01 / 150, rel=0.02)
    assert rates[99] < 1e-3 * 0.01
    assert rates[100] == pytest.approx(0.01 * 101 / 150, rel=0.02)
    assert rates[299] < 1e-3 * 0.01
    assert rates[149:].argmax() == 0


def test_parameters_stay_as_they_were_given(table):
    hidden, cv = [8], left_out(240, 2)
    model = classifier(hidden_units=hidden, cv=cv, max_steps=2)
    before = model.get_params()
    model.fit(*table)
    after = model.get_params()
    assert all(after[name] is value for name, value in before.items())
    assert hidden == [8]


def test_clones_copies_and_pickles_are_the_same(table, fitted):
    X, y = table
    expected = fitted.predict_proba(X)
    for twin in (copy(fitted), deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert (twin.predict_proba(X) == expected).all()
        # Those of a group are one stack, which encodes a row once for all of them.
        assert [len(own.members) for own in twin._predictor_.stacked.stacks] == [2, 2]
        assert len({id(member[0].tables) for member in twin._predictor_.members}) == 2
        assert (twin.weights_ == fitted.weights_).all()
    again = clone(fitted)
    assert not hasattr(again, "members_")
    assert (again.fit(X, y).predict_proba(X) == expected).all()
    twin = deepcopy(fitted)
    twin.m, twin.weights = 1, "uniform"
    assert fitted.m is None
    assert fitted.weights == "out_of_fold"


def test_a_refit_starts_afresh(table):
    X, y = table
    model = classifier().fit(X[["size"]], y)
    again = model.set_params(n_nets=2).fit(X, y)
    expected = classifier(n_nets=2).fit(X, y).predict_proba(X)
    assert (again.predict_proba(X) == expected).all()
    assert len(model.members_) == 2
    assert model.n_features_in_ == 5


@pytest.mark.parametrize(
    "break_it",
    [
        lambda model, X, y: model.fit(X.assign(size="text" + X.index.astype(str)), y),
        lambda model, X, y: model.set_params(M=0).fit(X, y),
        lambda model, X, y: model.set_params(cv=2.5).fit(X, y),
        lambda model, X, y: model.fit(X[["size"]], y, sample_weight=np.zeros(240)),
    ],
)
def test_a_fit_that_fails_leaves_all_as_it_was(table, break_it):
    X, y = table
    model = classifier().fit(X, y)
    before, expected = vars(model).copy(), model.predict_proba(X)
    with pytest.raises(ValueError, match=r"Column 'size'|M must be|cv must be|non-zero"):
        break_it(model, X, y)
    after = vars(model.set_params(M=2, cv=2))
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before if name not in ("M", "cv"))
    assert (model.predict_proba(X) == expected).all()


def test_labels_of_noise_score_as_chance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 20)), rng.integers(0, 2, 300)
    model = classifier(**LEARNING).fit(X, y)
    model.set_params(weights="uniform")
    assert model.score(X, y) > 0.8
    # Three standard errors of a coin.
    assert abs(model.oof_score_ - 0.5) < 3 * 0.5 / 300**0.5


def test_a_column_that_holds_the_label_of_the_rows_trained_on_is_seen_through():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    # The net that leaves out the odd rows learns to read the label off the even ones. Of the odd
    # ones the column says nothing: it is right for half the rows of each label.
    leak = y.copy()
    for label in (0, 1):
        own = np.flatnonzero((y == label) & (np.arange(300) % 2 == 1))
        leak[own[::2]] = 1 - label
    X = pd.DataFrame({"leak": np.array(["no", "yes"])[leak], "noise": rng.normal(size=300)})
    model = classifier(**LEARNING | {"n_nets": 2, "cv": left_out(300, 2)}).fit(X, y)
    leaky = model.member_predict_proba(X)[model.member_nets_ == 1].mean(0).argmax(1)
    assert (leaky[::2] == y[::2]).all()
    assert abs((leaky[1::2] == y[1::2]).mean() - 0.5) < 3 * 0.5 / 150**0.5
    assert model.test_fold_.tolist() == [0, 1] * 150
    assert model.oof_score_ < 0.6


def test_predictions_out_of_fold_are_those_of_nets_that_left_the_row_out(table):
    X, y = table
    model = classifier(**LEARNING, weights="uniform").fit(X, y)
    members = model.member_predict_proba(X)
    for fold in (0, 1):
        own = members[model.member_nets_ % 2 == fold].mean(axis=0)
        rows = model.test_fold_ == fold
        np.testing.assert_allclose(
            model.oof_decision_function_[rows], own[rows], rtol=1e-4, atol=1e-6
        )
    assert (model.classes_[model.oof_decision_function_.argmax(1)] == y).mean() == pytest.approx(
        model.oof_score_
    )


@pytest.mark.parametrize("make", [classifier, regressor])
def test_rows_of_weight_0_count_for_nothing(table, make):
    X, y = table
    y = y if make is classifier else values_of(X, y)
    weight = np.linspace(0.5, 2, 240)
    weight[::3] = 0
    kept = weight > 0
    odd = X.copy()
    # Neither in medians and bins, nor in levels.
    odd.loc[~kept, "size"] = 1e6
    odd.loc[~kept, "color"] = [f"odd {i}" for i in range((~kept).sum())]
    model = make().fit(odd, y, sample_weight=weight)
    alone = make().fit(X[kept], y[kept], sample_weight=weight[kept])
    np.testing.assert_allclose(model.predict(X), alone.predict(X), rtol=1e-6)
    assert model._coder_.centers_.tolist() == alone._coder_.centers_.tolist()
    assert "_seen_" not in vars(model)
    assert (model.test_fold_[~kept] == -1).all()
    assert (model.test_fold_[kept] == alone.test_fold_).all()
    assert model.oof_score_ == pytest.approx(alone.oof_score_)
    output = model.oof_decision_function_ if make is classifier else model.oof_prediction_
    assert np.isnan(output[~kept]).all()
    assert np.isfinite(output[kept]).all()


class Thirds:
    """A splitter that does not say beforehand how many folds it makes."""

    def split(self, X, y=None, groups=None):
        """Leave out each third row."""
        return iter(left_out(len(X), 3))


@pytest.mark.parametrize(
    "cv", [LeaveOneGroupOut(), GroupKFold(3), Thirds(), left_out(240, 3)], ids=lambda cv: type(cv)
)
def test_rows_are_left_out_as_a_splitter_says(table, cv):
    groups = np.arange(240) % 3
    model = classifier(cv=cv, max_steps=2).fit(*table, groups=groups)
    folds = [set(model.test_fold_[groups == k]) for k in range(3)]
    assert sorted(folds, key=list) == [{0}, {1}, {2}]
    # Two groups of three nets hold the four that were asked for.
    assert model.n_nets_ == len(model.members_) == 6
    assert len(model._tables_) == 2


def test_bad_weights_of_rows_are_refused(table):
    X, y = table
    for weight, message in [
        (np.zeros(240), "at least one non-zero"),
        (-np.ones(240), "Negative values"),
        (np.ones(3), r"expected \(240,\)"),
        (np.full(240, np.nan), "NaN"),
        (["a"] * 240, "sample_weight|could not convert"),
    ]:
        with pytest.raises(ValueError, match=message):
            classifier().fit(X, y, sample_weight=weight)


def test_only_the_size_of_weights_against_each_other_counts(table):
    X, y = table
    weight = np.arange(240) % 3 + 1.0
    one, twice = (classifier().fit(X, y, sample_weight=k * weight) for k in (1, 2))
    np.testing.assert_allclose(one.predict_proba(X), twice.predict_proba(X), rtol=1e-5)
    assert one.oof_score_ == pytest.approx(twice.oof_score_)
    plain = classifier().fit(X, y)
    assert not np.allclose(one.predict_proba(X), plain.predict_proba(X), rtol=1e-3)
    as_list = classifier().fit(X, y, sample_weight=weight.tolist())
    assert (as_list.predict_proba(X) == one.predict_proba(X)).all()


def test_of_many_rows_some_are_left_out_and_predicted(table, monkeypatch):
    X, y = table
    full = classifier(weights="uniform").fit(X, y)
    monkeypatch.setattr(_out_of_fold, "MOST_ROWS", 100)
    model = classifier(weights="uniform").fit(X, y)
    seen = np.linspace(0, 239, 100).astype(int)
    assert (model.test_fold_ == full.test_fold_).all()
    expected = np.full((240, 3), np.nan)
    expected[seen] = full.oof_decision_function_[seen]
    np.testing.assert_allclose(model.oof_decision_function_, expected, rtol=1e-5, atol=1e-7)
    found = model.oof_decision_function_[seen].argmax(axis=1)
    assert model.oof_score_ == pytest.approx((found == y[seen]).mean())
    fitted = classifier().fit(X, y)
    assert fitted.weights_.sum() == pytest.approx(1)


def test_thinned_rows_keep_their_weight(table, monkeypatch):
    X, y = table
    monkeypatch.setattr(_out_of_fold, "MOST_ROWS", 100)
    weight = np.arange(240) % 4.0
    model = regressor().fit(X, values_of(X, y), sample_weight=weight)
    kept = np.flatnonzero(weight)
    seen = kept[np.linspace(0, len(kept) - 1, 100).astype(int)]
    assert np.flatnonzero(np.isfinite(model.oof_prediction_)).tolist() == seen.tolist()
    t, found, w = values_of(X, y)[seen], model.oof_prediction_[seen], weight[seen]
    error, whole = np.average((t - found) ** 2, weights=w), np.average(t, weights=w)
    expected = 1 - error / np.average((t - whole) ** 2, weights=w)
    assert model.oof_score_ == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_advice_is_for_tables_where_nothing_was_learnt():
    X, y = np.random.default_rng(0).normal(size=(200, 1)), np.arange(200) % 2
    with pytest.warns(ConvergenceWarning, match="no column says anything of y"):
        classifier(alpha_zero=1e-30, max_steps=2).fit(np.zeros_like(X), y)


def test_numbers_of_a_wide_table_have_fewer_features_each(monkeypatch):
    monkeypatch.setattr("skensemble.ensembles.tabular._base.MOST_FEATURES", 12)
    X = np.random.default_rng(0).normal(size=(60, 4))
    model = classifier(max_steps=2).fit(X, np.arange(60) % 2)
    # 3 cosines, or bins, beside the value and the rank.
    assert [tables.n_features for tables in model._tables_] == [4 * 5, 4 * 5]
    narrow = classifier(max_steps=2).fit(X[:, :1], np.arange(60) % 2)
    assert [tables.n_features for tables in narrow._tables_] == [12 + 2, 8 + 2]
