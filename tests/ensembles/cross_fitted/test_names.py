"""Names that a cross-fitted ensemble does not have, answered with what works."""

import pytest

from skensemble import (
    CrossFittedEnsembleClassifier,
    InvalidParameterError,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from tests.ensembles.cross_fitted.conftest import classifier

CROSSED = "CrossFittedEnsembleClassifier"


@pytest.mark.parametrize(
    ("names", "call"),
    [
        ({"M": 5}, f"{CROSSED}(SnapshotEnsembleClassifier(M=5))"),
        (
            {"alpha_zero": 0.1, "cv": 3},
            f"{CROSSED}(SnapshotEnsembleClassifier(alpha_zero=0.1), cv=3)",
        ),
        ({"max_epochs": 3}, f"{CROSSED}(SnapshotEnsembleClassifier(NetClassifier(max_epochs=3)))"),
        ({"n_estimators": 3}, f"{CROSSED}(n_nets=3)"),
        ({"folds": 3, "K": 4}, f"{CROSSED}(cv=3, n_nets=4)"),
        ({"n_net": 3}, f"{CROSSED}(n_nets=3)"),
        ({"store_off": False}, f"{CROSSED}(store_oof=False)"),
    ],
)
def test_a_wrong_keyword_is_answered_with_the_call_that_works(names, call):
    with pytest.raises(InvalidParameterError) as raised:
        CrossFittedEnsembleClassifier(**names)
    assert str(raised.value).endswith(f"Write {call}.")
    made = eval(call, {
        CROSSED: CrossFittedEnsembleClassifier,
        "NetClassifier": NetClassifier,
        "SnapshotEnsembleClassifier": SnapshotEnsembleClassifier,
    })  # fmt: skip
    assert isinstance(made, CrossFittedEnsembleClassifier)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("estimator__max_epochs", "set_params(estimator__estimator__max_epochs=3)"),
        ("max_epochs", "set_params(estimator__estimator__max_epochs=3)"),
        ("estimator__n_cycles", "set_params(estimator__M=3)"),
        ("M", "set_params(estimator__M=3)"),
        ("folds", "set_params(cv=3)"),
    ],
)
def test_a_wrong_parameter_is_answered_with_the_one_that_works(name, call):
    ensemble = classifier()
    with pytest.raises(InvalidParameterError) as raised:
        ensemble.set_params(**{name: 3})
    assert str(raised.value).endswith(f"Write {call}.")
    assert isinstance(eval(f"e.{call}", {"e": ensemble}), CrossFittedEnsembleClassifier)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("estimator__M", "SnapshotEnsembleClassifier(M=...)"),
        ("estimator__max_epochs", "SnapshotEnsembleClassifier(NetClassifier(max_epochs=...))"),
    ],
)
def test_parameters_of_a_method_that_is_not_written_out(name, use):
    with pytest.raises(InvalidParameterError) as raised:
        CrossFittedEnsembleClassifier().set_params(**{name: 3})
    assert f"Use {CROSSED}(estimator={use})." in str(raised.value)


def test_what_is_like_nothing_gets_the_list():
    with pytest.raises(InvalidParameterError, match="Valid parameters are: cv, estimator"):
        CrossFittedEnsembleClassifier(xyzzy=3)
