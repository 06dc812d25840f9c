"""Tables of all kinds of columns, and what is refused of them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import ConvergenceWarning

from skensemble import InvalidParameterError
from skensemble.ensembles.tabular._base import LearnsTable
from tests.ensembles.tabular.conftest import classifier, make_table


def polars_of(X):
    """Make a table of polars of one of pandas; its gaps are null."""
    gapless = {
        name: column.astype(object).where(column.notna(), None) for name, column in X.items()
    }
    return pl.DataFrame({name: list(column) for name, column in gapless.items()})


@pytest.fixture
def trainings(monkeypatch):
    """Count the trainings that begin."""
    begun = []
    train_rounds = LearnsTable._train_rounds

    def counted(self, *arguments):
        """Note the training."""
        begun.append(self)
        return train_rounds(self, *arguments)

    monkeypatch.setattr(LearnsTable, "_train_rounds", counted)
    return begun


def test_columns_are_found_by_name(table, fitted):
    X, _ = table
    expected = fitted.predict_proba(X)
    assert (fitted.predict_proba(X[X.columns[::-1]]) == expected).all()
    assert fitted.feature_names_in_.tolist() == X.columns.tolist()
    assert fitted.n_features_in_ == 5
    # Without names they are those of `fit` in turn.
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert (fitted.predict_proba(X.to_numpy()) == expected).all()


def test_columns_of_validation_rows_are_found_by_name(table):
    X, y = table
    scores = [
        classifier().fit(X, y, X_val=own, y_val=y).validation_scores_.tolist()
        for own in (X, X[X.columns[::-1]])
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.drop(columns="grade"), "now missing:\n- grade"),
        (lambda X: X.assign(more=1), "unseen at fit time:\n- more"),
        (lambda X: X.rename(columns={"size": "Size"}), "unseen at fit time:\n- Size"),
        (lambda X: X.assign(size="big"), "Column 'size' must hold numbers, got 'big'"),
        (lambda X: X.assign(color=1.0), r"Column 'color' must be text, as in fit, got 1\.0"),
        (lambda X: X.assign(size=np.inf), "Column 'size' must be finite numbers.*got inf"),
        (lambda X: X.to_numpy()[:, :4], "X has 4 features, but .* is expecting 5"),
    ],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_other_columns_than_those_of_fit_are_refused(table, fitted, change, message):
    with pytest.raises(ValueError, match=message):
        fitted.predict_proba(change(table[0]))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Timestamp("2020-01-01"), "Column 'odd' must hold numbers or categories, got dates"),
        (
            [f"name {i}" for i in range(240)],
            "Column 'odd' must have levels that rows share.*got 240",
        ),
        ([np.inf] + [0.0] * 239, "Column 'odd' must be finite numbers.*got inf"),
        ([[1]] * 240, r"Column 'odd' must hold numbers or categories, got \[1\]"),
        ([1j] * 240, "Column 'odd' must hold numbers or categories"),
    ],
)
def test_columns_that_no_net_can_learn_from_are_refused_by_name(table, column, message, trainings):
    X, y = table
    with pytest.raises(InvalidParameterError, match=message):
        classifier().fit(X.assign(odd=column), y)
    assert not trainings
    classifier(max_steps=1).fit(X, y)
    assert len(trainings) == 1


def test_a_table_of_polars_is_as_good(table):
    X, y = table
    own = polars_of(X)
    assert own["color"].null_count() == X["color"].isna().sum() > 0
    # Levels of this one are sorted where pandas has no order but theirs.
    expected = classifier().fit(X.astype({"grade": object}), y).predict_proba(X)
    model = classifier().fit(own, y)
    np.testing.assert_array_equal(model.predict_proba(own), expected)
    np.testing.assert_array_equal(model.predict_proba(own[own.columns[::-1]]), expected)


def test_missing_values_are_missing_however_they_are_written(table, fitted):
    X, _ = table
    expected = fitted.predict_proba(X)
    other = X.astype({"size": "Float64", "color": "string"})
    assert other["size"].isna().sum() == X["size"].isna().sum()
    np.testing.assert_array_equal(fitted.predict_proba(other), expected)


def test_what_only_predict_sees_is_predicted(table, fitted):
    X, _ = table
    for odd in (X.assign(color="mauve"), X.assign(count=np.nan), X.assign(size=1e12)):
        proba = fitted.predict_proba(odd)
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    # Levels that are not known are alike.
    odd = [fitted.predict_proba(X.assign(color=color)) for color in ("mauve", "pink")]
    assert (odd[0] == odd[1]).all()
    assert (odd[0] != fitted.predict_proba(X)).any()


@pytest.mark.parametrize("value", [np.nan, None, 3.0, "same"])
def test_a_column_of_nothing_new_changes_no_feature_but_of_gaps(table, value):
    X, y = table
    odd = X.assign(odd=value)
    model = classifier(max_steps=2).fit(odd, y)
    n_more = sum(column == 5 for column in model._tables_[1].columns)
    assert n_more == (0 if value in (3.0, "same") else 1)
    assert np.isfinite(model.predict_proba(odd)).all()


def test_a_table_of_constants_is_fitted():
    X, y = np.ones((40, 2)), np.arange(40) % 2
    with pytest.warns(ConvergenceWarning, match="the same output for all rows"):
        model = classifier(cv=2).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), 0.5, atol=0.1)


def test_categories_may_be_listed(table):
    X, y = table
    model = classifier(max_steps=2, categorical_features=["count"]).fit(X, y)
    # Six levels of counts; strings and levels stay categories.
    assert model._tables_[0].kinds.count("level") == 6 + 3
    with pytest.raises(
        InvalidParameterError, match=r"categorical_features must be a list of .*nope"
    ):
        classifier(categorical_features=["nope"]).fit(X, y)
    with pytest.raises(InvalidParameterError, match="Column 'color' must hold numbers, got"):
        classifier(categorical_features=None).fit(X, y)


def test_arrays_are_tables_of_numbers(table):
    X, y = table
    numbers = X[["size", "count"]].to_numpy()
    model = classifier().fit(numbers, y)
    assert not hasattr(model, "feature_names_in_")
    assert model.predict_proba(numbers).shape == (240, 3)
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(numbers[0])


def test_learning_uses_every_kind_of_column():
    X, _ = make_table(400)
    for target in (X["size"].fillna(0) > 100, X["is_new"], X["grade"] == "low", X["count"] > 2):
        model = classifier(M=2, max_steps=None, n_nets=2).fit(X, target)
        # Four standard errors below .95.
        assert model.oof_score_ > 0.95 - 4 * (0.05 * 0.95 / 400) ** 0.5
