"""Bad arguments, and names that people type for others."""

import pickle

import pytest
import torch
from sklearn.base import clone

from skensemble import (
    InvalidParameterError,
    TabularSnapshotClassifier,
    TabularSnapshotRegressor,
)
from skensemble.ensembles.tabular._parameters import ALIASES, SCALE_RATE, WARMUP
from tests.ensembles.tabular.conftest import classifier, regressor, values_of

BAD = [
    ("M", 0, "M must be an int >= 1, got 0"),
    ("M", 2.5, r"M must be an int >= 1, got 2\.5"),
    ("n_nets", 0, "n_nets must be an int >= 1, got 0"),
    ("n_nets", True, "n_nets must be an int >= 1, got True"),
    ("cv", 1, "cv must be an int >= 2, .* got 1"),
    ("cv", "four", "cv must be an int >= 2, .* got 'four'"),
    ("hidden_units", 0, "hidden_units must be an int >= 1, got 0"),
    ("hidden_units", (8, 0), "hidden_units must be an int >= 1, got 0"),
    ("hidden_units", "abc", "hidden_units must be an int >= 1, got 'a'"),
    ("max_steps", 0, "max_steps must be an int >= 1, got 0"),
    ("max_steps", 1.5, r"max_steps must be an int >= 1, got 1\.5"),
    ("max_cycles", 0, "max_cycles must be an int >= 1, got 0"),
    ("time_budget", 0, "time_budget must be a finite number > 0, got 0"),
    ("time_budget", "1 h", "time_budget must be a finite number > 0, got '1 h'"),
    ("alpha_zero", 0, "alpha_zero must be a finite number > 0, got 0"),
    ("alpha_zero", float("nan"), "alpha_zero must be a finite number > 0, got nan"),
    ("categorical_features", "all", "categorical_features must be 'from_dtype', .* got 'all'"),
    ("categorical_features", [9], r"categorical_features must be .* in 0\.\.4, got \[9\]"),
    ("weights", "best", "weights must be 'uniform' or 'out_of_fold', got 'best'"),
    ("random_state", "a", "random_state must be None, an int .* got 'a'"),
    ("n_jobs", 0, "n_jobs must be None or an int other than 0, got 0"),
    ("device", "tpu", "device must be 'auto' or a device that torch knows, got 'tpu'"),
    ("verbose", -1, "verbose must be an int >= 0, got -1"),
]


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_a_bad_argument_is_refused_by_name_rule_and_value(table, make, name, value, message):
    with pytest.raises(InvalidParameterError, match=message):
        make(**{name: value}).fit(*table)


def test_every_parameter_has_a_bad_argument_here():
    names = set(TabularSnapshotClassifier().get_params())
    assert names == {name for name, *_ in BAD} | {"class_weight"}
    assert set(TabularSnapshotRegressor().get_params()) == names - {"class_weight"}


@pytest.mark.parametrize("value", ["even", [1, 2], {0: -1.0}])
def test_bad_weights_of_classes_are_refused(table, value):
    with pytest.raises(InvalidParameterError, match=r"class_weight(\[0\])? must be .*got"):
        classifier(class_weight=value).fit(*table)


@pytest.mark.parametrize(
    ("names", "words"),
    [({own: 3}, f"{alias}=3") for own, alias in ALIASES.items()]
    + [
        ({"n_net": 3}, "n_nets=3"),
        ({"max_step": 3}, "max_steps=3"),
        ({"lr": 0.1, "n_folds": 3}, "alpha_zero=0.1, cv=3"),
        ({"alpha_zero": 0.1, "seed": 3}, "alpha_zero=0.1, random_state=3"),
    ],
    ids=str,
)
def test_a_wrong_name_is_answered_with_the_one_that_works(names, words):
    for kind in (TabularSnapshotClassifier, TabularSnapshotRegressor):
        with pytest.raises(InvalidParameterError) as raised:
            kind(**names)
        assert str(raised.value).endswith(f"Write {kind.__name__}({words}).")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"learning_rate": 0.1}, "alpha_zero=0.1"),
        ({"n_cycles": 3, "n_models": 2}, "M=3, n_nets=2"),
        # Those that are there need not be written again.
        ({"M": 2, "seed": 3}, "random_state=3"),
    ],
    ids=str,
)
def test_a_wrong_name_of_set_params_is_answered_too(names, words):
    model = TabularSnapshotClassifier()
    with pytest.raises(InvalidParameterError) as raised:
        model.set_params(**names)
    assert str(raised.value).endswith(f"Write set_params({words}).")
    assert model.M == 3


@pytest.mark.parametrize("name", ["banana", "estimator__lr", "m"])
def test_a_name_of_nothing_is_answered_with_those_that_there_are(name):
    for call in (TabularSnapshotClassifier, TabularSnapshotClassifier().set_params):
        with pytest.raises(
            InvalidParameterError, match=f"'{name}'.*Valid parameters are: M, alpha"
        ):
            call(**{name: 3})
    with pytest.raises(InvalidParameterError, match=r"'class_weight'.*Valid parameters"):
        TabularSnapshotRegressor(class_weight="balanced")
    with pytest.raises(InvalidParameterError, match="must get all arguments by name"):
        TabularSnapshotClassifier(3)


def test_good_parameters_are_set():
    model = TabularSnapshotClassifier().set_params(M=2, alpha_zero=0.1)
    assert (model.M, model.alpha_zero) == (2, 0.1)
    assert clone(model).get_params() == model.get_params()
    assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()


@pytest.mark.parametrize("hidden_units", [8, (8,), [8], ()])
def test_hidden_layers_are_an_int_or_as_many_as_one_likes(table, hidden_units):
    model = classifier(hidden_units=hidden_units, max_steps=2).fit(*table)
    linear = [name for name in model.members_[0] if name.endswith("weight")]
    assert len(linear) == (1 if hidden_units == () else 2)


def test_the_net_is_the_one_of_the_method(table):
    model = classifier(alpha_zero=0.01, max_steps=2, class_weight="balanced").fit(*table)
    net = model.template_net_
    assert net.optimizer is torch.optim.AdamW
    assert net.lr == 0.01
    assert net.class_weight == "balanced"
    groups = dict(net.get_params()["optimizer__param_groups"])
    assert groups["*.scale"] == {"lr": SCALE_RATE * 0.01, "weight_decay": 0.0}
    assert groups["*.bias"] == {"weight_decay": 0.0}
    assert model._make_method().warmup == WARMUP
    assert model._make_method().cycle_mult == 2


def test_scales_of_columns_are_learnt(table):
    X, y = table
    model = classifier(max_steps=None, M=2).fit(X, values_of(X, y) > 1040)
    scales = [member["1.scale"] for member in model.members_]
    assert scales[0].shape == (5,)
    assert all(abs(own - 1).max() > 0.05 for own in scales)


def test_cycles_are_as_many_as_are_asked_for_or_as_steps_and_time_allow():
    def most(**parameters):
        """Return the most cycles of an estimator of three planned ones."""
        return TabularSnapshotClassifier(M=3, **parameters)._most_cycles()

    assert most() == 6
    assert most(max_cycles=4) == most(max_cycles=4, time_budget=9.0, max_steps=200) == 4
    # 100 and 200 steps are 300.
    assert most(max_steps=300) == most(max_steps=300, time_budget=9.0) == 2
    assert most(time_budget=9.0) == 20


@pytest.mark.parametrize("names", [{"estimator": None}, {"M": 2, "n_cycles": 3}])
def test_where_no_name_was_meant_all_are_listed(names):
    with pytest.raises(InvalidParameterError, match="Valid parameters are: M, alpha_zero"):
        TabularSnapshotClassifier(**names)
