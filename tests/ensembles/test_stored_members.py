"""What is stored of members, rebuilt, and held to the answers of before."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from joblib import wrap_non_picklable_objects
from scipy.sparse import csr_array
from sklearn.model_selection import cross_validate
from torch import nn
from torch.nn.utils import parametrizations

from skensemble import (
    DeepEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    SWAClassifier,
)
from skensemble._checks import InvalidParameterError
from skensemble.ensembles._stored_members import N_PROBES, Ranges, Stored
from skensemble.modules import MLP


class Drawn(nn.Module):
    """A module of features that it draws for itself."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.features = torch.randn(n_features, 40)
        self.layer = nn.Linear(40, n_outputs)

    def forward(self, x):
        """Compute from the features."""
        return self.layer(torch.cos(x @ self.features))


class Annealed(nn.Linear):
    """A module whose temperature falls in training."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.calls = 0

    def forward(self, x):
        """Divide by the temperature."""
        self.calls += self.training
        return super().forward(x) * (1 + self.calls / 100)


class Closed(nn.Module):
    """A module with a closure over itself, which pickle cannot write and the constructor makes."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)
        self.call = lambda x: self.layer(x)

    def forward(self, x):
        """Call the closure."""
        return self.call(x)


def normed(n_features, n_outputs):
    hidden = parametrizations.weight_norm(nn.Linear(n_features, 10))
    return nn.Sequential(hidden, nn.ReLU(), nn.Linear(10, n_outputs))


class Scripted(nn.Module):
    """A module of a scripted and a compiled part."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.one = torch.jit.script(nn.Linear(n_features, 6))
        self.other = torch.compile(nn.Linear(6, n_outputs), backend="eager")

    def forward(self, x):
        """Run one after the other."""
        return self.other(self.one(x))


class Lazy(nn.Sequential):
    """A module that sizes itself."""

    def __init__(self):
        super().__init__(nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(3))


def scripted():
    with warnings.catch_warnings():
        # From a newer torch on there is another way, which is no module.
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(nn.Linear(4, 3))


KINDS = [Drawn, Annealed, Closed, normed, Scripted, Lazy]


def ensemble_of(module, kind=SnapshotEnsembleClassifier, **keywords):
    given = {} if kind is SWAClassifier else {"M": 2}
    net = NetClassifier(module, max_epochs=10, **keywords)
    return kind(net, random_state=0, **given)


@pytest.mark.filterwarnings("ignore:.*jit.*:DeprecationWarning", "ignore:.*Lazy:UserWarning")
@pytest.mark.filterwarnings("ignore:n_averaged", "ignore:The .grad attribute")
@pytest.mark.parametrize("module", KINDS)
@pytest.mark.parametrize(
    "kind", [SnapshotEnsembleClassifier, DeepEnsembleClassifier, SWAClassifier]
)
def test_modules_of_every_kind_are_loaded_as_they_were(kind, module, iris):
    X, y = iris
    ensemble = ensemble_of(module, kind).fit(X, y)
    before = ensemble.member_predict_proba(X)
    for again in (
        pickle.loads(pickle.dumps(ensemble)),
        pickle.loads(pickle.dumps(wrap_non_picklable_objects(ensemble))),
        copy.copy(ensemble),
        copy.deepcopy(ensemble),
    ):
        assert (again.member_predict_proba(X) == before).all()


def test_a_member_has_the_attributes_of_its_moment(iris):
    X, y = iris
    ensemble = ensemble_of(Annealed).fit(X, y)
    assert [member.calls for member in ensemble._predictor_.members] == [15, 30]


@pytest.mark.parametrize("module", [lambda: nn.Linear(4, 3), scripted()])
def test_what_cannot_be_pickled_predicts_and_is_refused_by_name(module, iris):
    X, y = iris
    ensemble = ensemble_of(module).fit(X, y)
    assert ensemble.score(X, y) > 0.6
    assert (copy.deepcopy(ensemble).predict(X) == ensemble.predict(X)).all()
    with pytest.raises(InvalidParameterError, match="estimator must be made of what can be pick"):
        pickle.dumps(ensemble)


def test_worker_processes_give_back_what_pickle_refuses(iris):
    X, y = iris
    ensemble = ensemble_of(lambda: Drawn(4, 3))
    found = cross_validate(ensemble, X, y, cv=2, n_jobs=2, return_estimator=True)
    assert [type(e) for e in found["estimator"]] == [SnapshotEnsembleClassifier] * 2
    assert found["estimator"][0].score(X, y) > 0.6


def test_an_ensemble_that_answers_otherwise_is_not_loaded(iris, monkeypatch):
    X, y = iris
    blob = pickle.dumps(ensemble_of(Drawn).fit(X, y))
    monkeypatch.setattr(Drawn, "forward", lambda self, x: self.layer(torch.sin(x @ self.features)))
    with pytest.raises(ValueError, match=r"does not answer as it did when it was stored: .* up to"):
        pickle.loads(blob)


def test_on_another_device_it_is_a_warning(iris, monkeypatch):
    X, y = iris
    ensemble = ensemble_of(Drawn).fit(X, y)
    stored = Stored(ensemble)
    stored.device = "cuda"
    stored.answers += 0.1
    with pytest.warns(UserWarning, match=r"does not answer as it did .* stored on 'cuda'"):
        stored.check(ensemble)


class Noisy(MLP):
    """A module that draws noise from a generator outside, differently each time."""

    generator = np.random.default_rng(0)

    def forward(self, x):
        """Add the noise."""
        return super().forward(x) + torch.tensor(self.generator.normal(size=3), dtype=x.dtype)


@pytest.mark.filterwarnings("ignore:.*other outputs for the same rows")
def test_answers_at_random_are_not_held_against_it(iris):
    X, y = iris
    ensemble = ensemble_of(Noisy).fit(X, y)
    assert Stored(ensemble).answers is None
    assert pickle.loads(pickle.dumps(ensemble)).predict_proba(X).shape == (150, 3)


def test_own_mlps_need_no_structure(iris):
    ensemble = ensemble_of(MLP).fit(*iris)
    assert Stored(ensemble).structures is None


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_synthetic_rows_are_within_the_ranges_and_of_no_training_row(form):
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    rows = Ranges(form(X)).rows()
    assert rows.shape == (N_PROBES, 3)
    assert rows.dtype == np.float32
    assert (rows >= X.min(axis=0)).all()
    assert (rows <= X.max(axis=0)).all()
    assert not np.isin(rows, X).any()
    assert (rows == Ranges(form(X)).rows()).all()


def test_synthetic_ids_are_whole_and_of_each_column():
    X = np.stack([np.arange(40) % 5, 100 + np.arange(40) % 7], axis=1)
    rows = Ranges(X).rows()
    assert rows.dtype == X.dtype
    assert set(rows[:, 0]) <= set(range(5))
    assert set(rows[:, 1]) <= set(range(100, 107))


def test_images_have_one_range_for_all_places():
    X = np.random.default_rng(0).normal(size=(30, 2, 4, 4)).astype(np.float32)
    ranges = Ranges(X)
    assert np.ndim(ranges.low) == 0
    assert ranges.rows().shape == (N_PROBES, 2, 4, 4)


def test_a_copy_shares_the_memory_of_its_arrays(iris):
    ensemble = copy.deepcopy(ensemble_of(Drawn).fit(*iris))
    weight = ensemble._predictor_.members[0].layer.weight.detach().numpy()
    assert np.shares_memory(weight, ensemble.members_[0]["layer.weight"])


def test_missing_values_have_no_part_in_ranges():
    X = np.array([[1.0, np.nan, np.nan], [3.0, 2.0, np.nan], [2.0, 4.5, np.nan]])
    first, second, third = Ranges(X).rows().T
    assert ((first >= 1) & (first <= 3)).all()
    assert ((second >= 2) & (second <= 4.5)).all()
    # A column of no values has none to draw.
    assert np.isnan(third).all()
