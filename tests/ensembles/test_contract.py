"""The contract that every ensemble meets."""

import pickle
import threading

import joblib
import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError

from skensemble import (
    DeepEnsembleClassifier,
    DeepEnsembleRegressor,
    MCDropoutClassifier,
    MCDropoutRegressor,
    TabularSnapshotClassifier,
    TabularSnapshotRegressor,
)
from tests.conftest import ALL_SMALL
from tests.ensembles.conftest import output

DEEP = (DeepEnsembleClassifier, DeepEnsembleRegressor)
"""Methods that train a net for each member."""

TABULAR = (TabularSnapshotClassifier, TabularSnapshotRegressor)
"""Those that take tables as they come."""


def member_output(ensemble, X):
    return (ensemble.member_predict_proba if is_classifier(ensemble) else ensemble.member_predict)(
        X
    )


def staged_output(ensemble, X):
    staged = ensemble.staged_predict_proba if is_classifier(ensemble) else ensemble.staged_predict
    return list(staged(X))


def numpy_state():
    """Key array, position and the rest of NumPy's global state."""
    return np.random.get_state()  # noqa: NPY002  the legacy state is what must not move


def n_members(make):
    return make()._n_members()


def test_fitted_attributes_are_those_of_the_training(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    n, n_trainings = n_members(make_ensemble), 3 if isinstance(ensemble, DEEP) else 1
    n_steps = n_trainings * 20 * (len(X) // 32 + (len(X) % 32 > 1))
    assert len(ensemble.members_) == n
    assert ensemble.n_steps_ == n_steps
    assert ensemble.member_steps_.shape == (n,)
    assert ensemble.member_steps_[-1] == n_steps
    assert (np.diff(ensemble.member_steps_) >= 0).all()
    assert ensemble.learning_rates_.shape == (n_steps,)
    assert ensemble.learning_rates_[0] == pytest.approx(ensemble.alpha_zero)
    assert ensemble.loss_curve_.shape == (n_trainings * 20,)
    assert ensemble.loss_curve_[-1] < ensemble.loss_curve_[0]
    assert ensemble.n_features_in_ == X.shape[1]
    assert not hasattr(ensemble, "validation_scores_")


def test_the_output_is_the_weighted_mean_of_the_members(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    members, n = member_output(ensemble, X), n_members(make_ensemble)
    assert members.shape[:2] == (n, len(X))
    for m in (*range(1, n + 1), None):
        ensemble.m = m
        mean = np.tensordot(ensemble.weights_, members, axes=1)
        # Sums of float32 in another order.
        np.testing.assert_allclose(output(ensemble, X), mean, rtol=1e-4, atol=1e-6)


def test_one_hot_weights_pick_a_member(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble(m=1).fit(X, y)
    # One member is computed by itself, all of them at once: float32 rounds by the way.
    expected = member_output(ensemble, X)[-1]
    np.testing.assert_allclose(output(ensemble, X), expected, rtol=1e-5, atol=1e-6)


def test_probabilities_are_those_of_rows(make_any, data):
    X, y = data
    ensemble = make_any().fit(X, y)
    if is_classifier(ensemble):
        for proba in [ensemble.predict_proba(X), *ensemble.member_predict_proba(X)]:
            assert proba.min() >= 0
            assert proba.max() <= 1
            np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    # What a row gives does not depend on the rows beside it; sums may be ordered otherwise.
    order = np.random.default_rng(0).permutation(len(X))[:50]
    members = member_output(ensemble, X)
    np.testing.assert_allclose(
        member_output(ensemble, X[order]), members[:, order], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "labels", [["no", "so-so", "yes"], [-1, 0, 1], [2, 5, 90], [0.0, 1.0, 2.0], [-7, -3, -1]]
)
@pytest.mark.parametrize("name", [name for name in ALL_SMALL if "Classifier" in name])
def test_labels_of_any_kind(name, iris, labels):
    X, y = iris
    expected = ALL_SMALL[name]().fit(X, y).predict_proba(X)
    ensemble = ALL_SMALL[name]().fit(X, np.array(labels)[y])
    assert ensemble.classes_.tolist() == labels
    assert (ensemble.predict_proba(X) == expected).all()
    assert (ensemble.predict(X) == np.array(labels)[expected.argmax(axis=1)]).all()


def test_stages_go_from_the_last_member_to_all(make_ensemble, data):
    X, y = data
    ensemble, n = make_ensemble().fit(X, y), n_members(make_ensemble)
    stages, members = staged_output(ensemble, X), member_output(ensemble, X)
    np.testing.assert_allclose(stages[0], members[-1])
    for stage, k in zip(stages, range(1, n + 1), strict=True):
        np.testing.assert_allclose(stage, members[n - k :].mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(stages[-1], output(ensemble, X), rtol=1e-4, atol=1e-6)
    scores = ensemble.staged_score(X, y)
    assert scores.shape == (n,)
    assert scores[-1] == pytest.approx(ensemble.score(X, y), abs=1e-6)
    assert len(list(ensemble.staged_predict(X))) == n


def test_members_differ_and_are_oldest_first(make_several, data):
    X, y = data
    ensemble = make_several().fit(X, y)
    one_cycle_less = make_several(m=1).fit(X, y, X_val=X, y_val=y).validation_scores_
    members = member_output(ensemble, X)
    assert not np.allclose(members[0], members[1])
    assert not np.allclose(members[1], members[2])
    # With m=1 the validation scores are those of the newest member after each cycle.
    assert one_cycle_less[-1] == pytest.approx(ensemble.staged_score(X, y)[0], abs=1e-6)


def test_same_seed_same_bits_and_other_seed_other_bits(make_any, data):
    X, y = data
    first = output(make_any().fit(X, y), X)
    assert (output(make_any().fit(X, y), X) == first).all()
    assert (output(make_any(random_state=1).fit(X, y), X) != first).any()


def test_the_seed_of_the_net_counts_where_the_ensemble_has_none(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(random_state=7)
    from_net = make_ensemble(estimator=net, random_state=None).fit(X, y)
    assert (output(from_net, X) == output(make_ensemble(random_state=7).fit(X, y), X)).all()


def test_global_random_states_are_left_as_found(make_any, data):
    X, y = data
    torch_before, numpy_before = torch.random.get_rng_state(), numpy_state()
    ensemble = make_any().fit(X, y)
    output(ensemble, X)
    pickle.loads(pickle.dumps(ensemble))
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    for before, after in zip(numpy_before, numpy_state(), strict=True):
        assert np.array_equal(before, after)


def test_fits_in_threads_give_the_same_bits(make_any, data):
    if isinstance(make_any(), MCDropoutClassifier | MCDropoutRegressor):
        pytest.skip("torch draws dropout from a generator that threads share")
    X, y = data
    expected = output(make_any().fit(X, y), X)
    outputs = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(lambda: output(make_any().fit(X, y), X))() for _ in range(4)
    )
    assert all((one == expected).all() for one in outputs)


def test_predictions_in_threads_give_the_same_bits(make_any, data):
    X, y = data
    ensemble = make_any().fit(X, y)
    expected, seen = output(ensemble, X), []
    threads = [threading.Thread(target=lambda: seen.append(output(ensemble, X))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert all((one == expected).all() for one in seen)


def test_parameters_and_net_are_unchanged_by_fit(make_ensemble, data):
    net = make_ensemble().estimator
    ensemble = make_ensemble(estimator=net)
    before, net_before = ensemble.get_params(deep=False), joblib.hash(net)
    ensemble.fit(*data)
    assert ensemble.estimator is net
    assert not net.initialized_
    assert joblib.hash(net) == net_before
    assert all(ensemble.get_params(deep=False)[name] is value for name, value in before.items())


def test_an_unfitted_ensemble_says_so(make_any, data):
    with pytest.raises(NotFittedError):
        output(make_any(), data[0])
    assert not hasattr(make_any(), "weights_")


@pytest.mark.parametrize(
    "convert", [np.asfortranarray, np.float64, torch.tensor, np.ndarray.tolist]
)
def test_every_kind_of_dense_rows_gives_the_same(make_any, data, convert):
    X, y = data
    expected = output(make_any().fit(X, y), X)
    assert (output(make_any().fit(convert(X), y), convert(X)) == expected).all()


@pytest.mark.parametrize("kind", [csr_array, csr_matrix])
def test_sparse_rows_give_what_dense_rows_give(make_any, data, kind):
    X, y = data
    if isinstance(make_any(), TABULAR):
        with pytest.raises(TypeError, match="Sparse data was passed"):
            make_any().fit(kind(X), y)
        pytest.skip("tables are dense: they have columns of several kinds")
    expected = output(make_any().fit(X, y), X)
    # Nets of a deep ensemble that train together round otherwise than those of sparse rows.
    sparse = output(make_any().fit(kind(X), y), kind(X))
    np.testing.assert_allclose(sparse, expected, rtol=1e-4, atol=1e-5)


def test_torch_targets_on_the_way_in(make_any, data):
    X, y = data
    ensemble = make_any().fit(torch.tensor(X), torch.tensor(y))
    assert (output(ensemble, X) == output(make_any().fit(X, y), X)).all()
    assert ensemble.score(torch.tensor(X), torch.tensor(y)) == ensemble.score(X, y)


def test_read_only_memory_maps_are_read_and_not_copied(make_any, data, tmp_path):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    ensemble = make_any().fit(mapped, y)
    assert (output(ensemble, mapped) == output(make_any().fit(X, y), X)).all()


def test_rows_of_weight_0_are_as_good_as_absent(make_any, data):
    X, y = data
    weight = np.ones(len(X))
    weight[::3] = 0
    kept = weight > 0
    weighted = make_any().fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(
        output(weighted, X),
        output(make_any().fit(X[kept], y[kept], sample_weight=weight[kept]), X),
    )
    assert not np.allclose(output(weighted, X), output(make_any().fit(X, y), X))


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_only_the_size_of_weights_against_each_other_counts(make_any, data, size):
    X, y = data
    weight = np.linspace(0.1, 2, len(y))
    expected = output(make_any().fit(X, y, sample_weight=weight), X)
    found = output(make_any().fit(X, y, sample_weight=size * weight), X)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.ptp(expected))
