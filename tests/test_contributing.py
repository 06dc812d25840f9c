"""The method that CONTRIBUTING.md writes out is a method: copied as it stands, it works."""

import importlib.util
import pickle
import re
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV

from skensemble import InvalidParameterError, NetClassifier, NetRegressor

ROOT = Path(__file__).parents[1]
SMALL = {"module__hidden_units": (8,), "max_epochs": 12, "batch_size": 32}


def written_out():
    """Give the code of the section, without the indentation of the list that it stands in."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = re.search(r"^## Add a method.*?(?=^## |\Z)", text, flags=re.DOTALL | re.M)[0]
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", section, flags=re.DOTALL | re.M)
    return "\n\n".join(dedent(code) for _, code in blocks)


@pytest.fixture(scope="module")
def drift(tmp_path_factory):
    """Import the code as the module that a reader would have written."""
    path = tmp_path_factory.mktemp("contributing") / "copied_drift.py"
    path.write_text(written_out())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    # Classes pickle by the name of their module.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[path.stem]


@pytest.fixture(params=["DriftClassifier", "DriftRegressor"])
def make(request, drift):
    """Give a function that makes a small estimator of either kind."""
    net = NetClassifier if request.param == "DriftClassifier" else NetRegressor

    def make(**parameters):
        small = {"estimator": net(**SMALL), "M": 3, "alpha_zero": 0.05, "random_state": 0}
        return getattr(drift, request.param)(**(small | parameters))

    return make


@pytest.fixture
def rows(make, iris, diabetes):
    return iris if is_classifier(make()) else diabetes


def output(ensemble, X):
    return ensemble.predict_proba(X) if is_classifier(ensemble) else ensemble.predict(X)


def member_output(ensemble, X):
    classify = is_classifier(ensemble)
    return ensemble.member_predict_proba(X) if classify else ensemble.member_predict(X)


def test_members_are_those_of_the_last_half_at_a_constant_rate(make, rows):
    ensemble = make().fit(*rows)
    T = 12 * -(-len(rows[0]) // 32)
    assert len(ensemble.members_) == 3
    assert ensemble.member_steps_.tolist() == [T // 2 + -(-k * (T // 2) // 3) for k in (1, 2, 3)]
    np.testing.assert_allclose(ensemble.learning_rates_, [0.05] * T)
    first, last = ensemble.members_[0]["0.weight"], ensemble.members_[-1]["0.weight"]
    assert not np.allclose(first, last)


def test_the_output_is_the_members_times_weights_that_sum_to_1(make, rows):
    X, y = rows
    ensemble = make().fit(X, y)
    assert ensemble.weights_.tolist() == [1 / 3] * 3
    for m in (1, 2, 3):
        ensemble.m = m
        assert ensemble.weights_.sum() == pytest.approx(1)
        mean = np.tensordot(ensemble.weights_, member_output(ensemble, X), axes=1)
        # Sums of float32 in another order.
        np.testing.assert_allclose(output(ensemble, X), mean, rtol=1e-4, atol=1e-6)


def test_same_seed_same_bits_and_other_seed_other_bits(make, rows):
    X, y = rows
    first = output(make().fit(X, y), X)
    assert (output(make().fit(X, y), X) == first).all()
    assert (output(make(random_state=1).fit(X, y), X) != first).any()


def test_clone_and_pickle(make, rows):
    X, y = rows
    ensemble = make().fit(X, y)
    expected = output(ensemble, X)
    assert (output(pickle.loads(pickle.dumps(ensemble)), X) == expected).all()
    assert not hasattr(clone(ensemble), "members_")
    assert (output(clone(ensemble).fit(X, y), X) == expected).all()


def test_grid_search_over_M(make, rows):
    search = GridSearchCV(make(), {"M": [1, 2]}, cv=2).fit(*rows)
    assert len(search.best_estimator_.members_) == search.best_params_["M"]


def test_string_labels(drift, iris):
    X, y = iris
    names = np.array(["one", "two", "three"])[y]
    ensemble = drift.DriftClassifier(NetClassifier(**SMALL), M=3, random_state=0).fit(X, names)
    assert ensemble.classes_.tolist() == ["one", "three", "two"]
    assert ensemble.score(X, names) > 0.9


def test_bad_arguments_are_refused(make, rows):
    with pytest.raises(InvalidParameterError, match="M must be an int >= 1, got 0"):
        make(M=0).fit(*rows)
    with pytest.raises(InvalidParameterError, match="m must be"):
        make(m=4).fit(*rows)


def test_names_that_the_section_mentions_exist():
    from skensemble import ensembles, members, posteriors, schedules, seeding, training

    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Add a method")[1]
    homes = (training, members, seeding, schedules, posteriors, ensembles._base.BaseEnsemble)
    shared = ("train", "train_to_end", "copying", "refresh_batch_norm", "copy_state")
    for name in (*shared, "fresh_net", "spawn_seeds", "_member_template", "_default_parameters"):
        assert name in text
        assert any(hasattr(home, name) for home in homes), name
    assert hasattr(training.Trace, "last_step")
    assert hasattr(training.Trace, "was_interrupted")
