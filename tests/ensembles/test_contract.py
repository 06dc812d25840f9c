"""The contract that every ensemble meets."""

import copy
import pickle
import threading

import joblib
import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone, is_classifier
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from torch import nn

import skensemble
from skensemble import (
    DeepEnsembleClassifier,
    DeepEnsembleRegressor,
    MCDropoutClassifier,
    MCDropoutRegressor,
)
from skensemble.modules import MLP

DEEP = (DeepEnsembleClassifier, DeepEnsembleRegressor)
"""Methods that train a net for each member."""


def output(ensemble, X):
    """What the average is taken of: probabilities or values."""
    return ensemble.predict_proba(X) if is_classifier(ensemble) else ensemble.predict(X)


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


class ImageNet(nn.Sequential):
    """A small convolution net for images of any size."""

    def __init__(self, n_outputs):
        super().__init__(
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.append(nn.Dropout(0.1)).append(nn.Linear(4, n_outputs))


class Narrow(MLP):
    """A module class of one's own, with dropout, which one of the methods needs."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs, hidden_units=(6,), dropout=0.1)


def n_members(make):
    return make()._n_members()


def fewer(make):
    """Give parameters of a shorter ensemble than the small one."""
    names = make().get_params(deep=False)
    return {"M": 2} if "M" in names else {"n_averaged": 2}


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
    assert (output(ensemble, X) == member_output(ensemble, X)[-1]).all()


def test_probabilities_are_those_of_rows(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
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
def test_labels_of_any_kind(make_ensemble, iris, labels):
    if not is_classifier(make_ensemble()):
        pytest.skip("a regressor has no labels")
    X, y = iris
    expected = make_ensemble().fit(X, y).predict_proba(X)
    ensemble = make_ensemble().fit(X, np.array(labels)[y])
    assert ensemble.classes_.tolist() == labels
    assert (ensemble.predict_proba(X) == expected).all()
    assert (ensemble.predict(X) == np.array(labels)[expected.argmax(axis=1)]).all()


def test_weights_sum_to_1_and_follow_m(make_several, data):
    ensemble = make_several().fit(*data)
    for m, expected in [(None, [1 / 3] * 3), (1, [0, 0, 1]), (2, [0, 0.5, 0.5])]:
        assert ensemble.set_params(m=m).weights_.tolist() == expected


def test_m_costs_no_training_and_gives_what_a_fit_with_it_gives(make_several, data):
    X, y = data
    later = make_several().fit(X, y).set_params(m=2)
    assert (output(later, X) == output(make_several(m=2).fit(X, y), X)).all()


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


def test_same_seed_same_bits_and_other_seed_other_bits(make_ensemble, data):
    X, y = data
    first = output(make_ensemble().fit(X, y), X)
    assert (output(make_ensemble().fit(X, y), X) == first).all()
    assert (output(make_ensemble(random_state=1).fit(X, y), X) != first).any()


def test_the_seed_of_the_net_counts_where_the_ensemble_has_none(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(random_state=7)
    from_net = make_ensemble(estimator=net, random_state=None).fit(X, y)
    assert (output(from_net, X) == output(make_ensemble(random_state=7).fit(X, y), X)).all()


def test_global_random_states_are_left_as_found(make_ensemble, data):
    X, y = data
    torch_before, numpy_before = torch.random.get_rng_state(), numpy_state()
    ensemble = make_ensemble().fit(X, y)
    output(ensemble, X)
    pickle.loads(pickle.dumps(ensemble))
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    for before, after in zip(numpy_before, numpy_state(), strict=True):
        assert np.array_equal(before, after)


def test_fits_in_threads_give_the_same_bits(make_ensemble, data):
    if isinstance(make_ensemble(), MCDropoutClassifier | MCDropoutRegressor):
        pytest.skip("torch draws dropout from a generator that threads share")
    X, y = data
    expected = output(make_ensemble().fit(X, y), X)
    outputs = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(lambda: output(make_ensemble().fit(X, y), X))() for _ in range(4)
    )
    assert all((one == expected).all() for one in outputs)


def test_predictions_in_threads_give_the_same_bits(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    expected, seen = output(ensemble, X), []
    threads = [threading.Thread(target=lambda: seen.append(output(ensemble, X))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert all((one == expected).all() for one in seen)


def test_clone_pickle_joblib_and_copy(make_ensemble, data, tmp_path):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    joblib.dump(ensemble, tmp_path / "ensemble.joblib")
    copies = [
        clone(ensemble).fit(X, y),
        pickle.loads(pickle.dumps(ensemble)),
        joblib.load(tmp_path / "ensemble.joblib"),
        joblib.load(tmp_path / "ensemble.joblib", mmap_mode=None),
        copy.copy(ensemble),
        copy.deepcopy(ensemble),
    ]
    for other in copies:
        assert (output(other, X) == output(ensemble, X)).all()
        assert other.set_params(m=1).weights_.tolist() == [0] * (n_members(make_ensemble) - 1) + [1]


def test_a_pickle_holds_arrays_and_no_tensors(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    assert b"torch._utils" not in pickle.dumps(ensemble)
    assert all(type(v) is np.ndarray for member in ensemble.members_ for v in member.values())


def test_a_pickle_holds_the_weights_and_little_more(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    arrays = {id(v): v.nbytes for member in ensemble.members_ for v in member.values()}
    weights = sum(arrays.values())
    # Parameters, rates and names; no optimizer, no history, no data.
    assert len(pickle.dumps(ensemble)) < weights + 12_000


def test_a_pickle_of_another_version_warns(make_ensemble, data, monkeypatch):
    blob = pickle.dumps(make_ensemble().fit(*data))
    monkeypatch.setattr("skensemble.ensembles._fitted_state.__version__", "99.0")
    with pytest.warns(InconsistentVersionWarning, match=skensemble.__version__):
        pickle.loads(blob)


def test_parameters_and_net_are_unchanged_by_fit(make_ensemble, data):
    net = make_ensemble().estimator
    ensemble = make_ensemble(estimator=net)
    before, net_before = ensemble.get_params(deep=False), joblib.hash(net)
    ensemble.fit(*data)
    assert ensemble.estimator is net
    assert not net.initialized_
    assert joblib.hash(net) == net_before
    assert all(ensemble.get_params(deep=False)[name] is value for name, value in before.items())


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_a_refit_starts_afresh(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y, X_val=X, y_val=y)
    again = ensemble.set_params(**fewer(make_ensemble)).fit(X, y)
    assert len(again.members_) == again._n_members()
    assert not hasattr(again, "validation_scores_")
    other = make_ensemble(**fewer(make_ensemble)).fit(X, y)
    assert (output(again, X) == output(other, X)).all()


def test_an_unfitted_ensemble_says_so(make_ensemble, data):
    with pytest.raises(NotFittedError):
        output(make_ensemble(), data[0])
    assert not hasattr(make_ensemble(), "weights_")


@pytest.mark.parametrize(
    "convert", [np.asfortranarray, np.float64, torch.tensor, np.ndarray.tolist]
)
def test_every_kind_of_dense_rows_gives_the_same(make_ensemble, data, convert):
    X, y = data
    expected = output(make_ensemble().fit(X, y), X)
    assert (output(make_ensemble().fit(convert(X), y), convert(X)) == expected).all()


@pytest.mark.parametrize("kind", [csr_array, csr_matrix])
def test_sparse_rows_give_what_dense_rows_give(make_ensemble, data, kind):
    X, y = data
    expected = output(make_ensemble().fit(X, y), X)
    # Nets of a deep ensemble that train together round otherwise than those of sparse rows.
    sparse = output(make_ensemble().fit(kind(X), y), kind(X))
    np.testing.assert_allclose(sparse, expected, rtol=1e-4, atol=1e-5)


def test_torch_targets_on_the_way_in(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(torch.tensor(X), torch.tensor(y))
    assert (output(ensemble, X) == output(make_ensemble().fit(X, y), X)).all()
    assert ensemble.score(torch.tensor(X), torch.tensor(y)) == ensemble.score(X, y)


def test_read_only_memory_maps_are_read_and_not_copied(make_ensemble, data, tmp_path):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    ensemble = make_ensemble().fit(mapped, y)
    assert (output(ensemble, mapped) == output(make_ensemble().fit(X, y), X)).all()


@pytest.mark.filterwarnings("ignore:The last member gives the same output")
def test_images_are_rows_of_more_axes(make_ensemble, data):
    y = data[1][::3][:40]
    images = np.random.default_rng(0).normal(size=(40, 2, 6, 6)).astype(np.float32)
    images[:, 0, 0, 0] = y
    for module, size in [(ImageNet, 5), (None, 6)]:
        net = make_ensemble().estimator
        net = net.set_params(batch_size=13, max_epochs=12)
        if module is not None:
            net = type(net)(module, batch_size=13, max_epochs=12)
        ensemble = make_ensemble(estimator=net).fit(images, y)
        rows = images[:, :, :size, :size]
        assert len(output(ensemble, rows)) == 40


def test_batch_statistics_belong_to_each_member(make_snapshot, data):
    y = data[1][::3][:40]
    images = np.random.default_rng(0).normal(size=(40, 2, 6, 6)).astype(np.float32)
    net = type(make_snapshot().estimator)(ImageNet, batch_size=13, max_epochs=12)
    members = make_snapshot(estimator=net).fit(images, y).members_
    assert [int(m["1.num_batches_tracked"]) for m in members] == [12, 24, 36]


def test_a_module_class_is_trained_by_the_default_net(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble(estimator=Narrow).fit(X, y)
    assert ensemble.template_net_.module is Narrow
    net = type(make_ensemble().estimator)(Narrow)
    assert (output(make_ensemble(estimator=net).fit(X, y), X) == output(ensemble, X)).all()


def test_the_default_is_exactly_the_net_of_the_docstring(make_ensemble, data):
    X, y = data
    net = type(make_ensemble().estimator)(**type(make_ensemble())._default_parameters)
    written_out = make_ensemble(estimator=net).fit(X, y)
    assert (output(make_ensemble(estimator=None).fit(X, y), X) == output(written_out, X)).all()
    call = repr(type(net).__name__)[1:-1] + "("
    call += ", ".join(f"{k}={v}" for k, v in type(written_out)._default_parameters.items()) + ")"
    assert f"None is ``{call}``" in " ".join(type(written_out).__doc__.split())


def test_float64_nets_give_float64(make_ensemble, data):
    X, y = data
    assert output(make_ensemble().fit(X, y), X).dtype == np.float32
    net = make_ensemble().estimator.set_params(precision="float64")
    assert output(make_ensemble(estimator=net).fit(X, y), X).dtype == np.float64


def test_bf16_nets_give_float32(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(precision="bf16")
    coarse = output(make_ensemble(estimator=net).fit(X, y), X)
    assert coarse.dtype == np.float32
    assert np.corrcoef(coarse.ravel(), output(make_ensemble().fit(X, y), X).ravel())[0, 1] > 0.9


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
def test_compiled_nets_train_and_predict(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(compile=True, compile__backend="eager")
    compiled = make_ensemble(estimator=net).fit(X, y)
    plain = make_ensemble().fit(X, y)
    assert set(compiled.members_[0]) == set(plain.members_[0])
    np.testing.assert_allclose(output(compiled, X), output(plain, X), rtol=1e-3, atol=1e-4)


def test_rows_of_weight_0_are_as_good_as_absent(make_ensemble, data):
    X, y = data
    weight = np.ones(len(X))
    weight[::3] = 0
    kept = weight > 0
    weighted = make_ensemble().fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(
        output(weighted, X),
        output(make_ensemble().fit(X[kept], y[kept], sample_weight=weight[kept]), X),
    )
    assert not np.allclose(output(weighted, X), output(make_ensemble().fit(X, y), X))


def test_the_html_of_a_fitted_ensemble_is_drawn(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    assert "members_" in ensemble._repr_html_()
    ensemble.m = 99
    assert "members_" in ensemble._repr_html_()
