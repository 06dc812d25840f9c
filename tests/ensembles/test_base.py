"""The life cycle of a fit: rows that count, seeds, devices, the end of the fit."""

import numpy as np
import pytest
from sklearn.utils import check_random_state
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.modules import MLP
from skensemble.seeding import draw_seed, streams_of
from tests.ensembles.conftest import assert_refused

SMALL = {"module__hidden_units": (8,), "max_epochs": 20, "batch_size": 32}


def weight_without(n, rows):
    weight = np.ones(n)
    weight[rows] = 0
    return weight


def test_rows_of_weight_0_are_not_trained_on_not_even_as_a_batch(make_classifier, iris):
    X, y = iris
    # 150 rows are five batches of 32, 90 rows three.
    weighted = make_classifier().fit(X, y, sample_weight=weight_without(150, slice(90, None)))
    assert weighted.n_steps_ == 20 * 3
    kept = make_classifier().fit(X[:90], y[:90], sample_weight=np.ones(90))
    assert weighted.classes_.tolist() == kept.classes_.tolist() == [0, 1]
    for one, other in zip(weighted.members_, kept.members_, strict=True):
        assert all((one[name] == other[name]).all() for name in other)


def test_targets_of_weight_0_do_not_move_the_scale(make_regressor, diabetes):
    X, y = diabetes
    wild = y.copy()
    wild[:10] = 1e9
    weight = weight_without(len(y), slice(10))
    ensemble = make_regressor().fit(X, wild, sample_weight=weight)
    assert ensemble.target_scaler_.mean == pytest.approx([y[10:].mean()])


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_rows_of_weight_0_are_left_out_not_only_weighed(make_classifier, iris):
    X, y = iris
    unseen = y.copy()
    unseen[-1] = 99
    weight = weight_without(150, [149])
    fit = {"X_val": X, "y_val": unseen, "sample_weight_val": weight}
    ensemble = make_classifier().fit(X, y, **fit)
    assert ensemble.validation_scores_[-1] == pytest.approx(ensemble.score(X[:-1], y[:-1]))
    with pytest.raises(ValueError, match=r"y_val must hold classes seen in y, got \[99\]"):
        make_classifier().fit(X, y, X_val=X, y_val=unseen)


class NotesSeed(SnapshotEnsembleClassifier):
    """A snapshot ensemble that notes the seed that its method is given."""

    def _fit_members(self, net, data, collect, seed):
        """Note the seed."""
        self.seen_ = seed
        return super()._fit_members(net, data, collect, seed)


def test_a_method_draws_from_a_seed_of_its_own(iris):
    ensemble = NotesSeed(NetClassifier(**SMALL), M=2, random_state=5).fit(*iris)
    seed = draw_seed(5)
    streams = streams_of(seed)
    assert ensemble.seen_ == streams.method
    # Neither the seed of the fit nor that of weights, order or dropout.
    assert ensemble.seen_ not in (5, seed, streams.weights, streams.order, streams.training)


class Listener:
    """A callback of scikit-learn that notes which tasks begin and end."""

    def __init__(self):
        self.heard = []

    def setup(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        """Note the beginning, and what it is about."""
        weight = None if metadata is None else metadata.get("sample_weight")
        self.heard.append(("begin", context.task_name, len(X), len(y), weight is not None))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
        """Note the end, and what it was about."""
        weight = None if metadata is None else metadata.get("sample_weight")
        self.heard.append(("end", context.task_name, len(X), len(y), weight is not None))

    def teardown(self, estimator, context):
        """Do nothing."""


@pytest.mark.parametrize("weight", [None, np.ones(150)])
def test_callbacks_hear_of_the_end_of_the_fit_after_that_of_its_members(
    make_classifier, iris, weight
):
    listener = Listener()
    make_classifier(M=2).set_callbacks(listener).fit(*iris, sample_weight=weight)
    about = (150, 150, weight is not None)
    member = [("begin", "member", *about), ("end", "member", *about)]
    assert listener.heard == [("begin", "fit", *about), *member, *member, ("end", "fit", *about)]


def test_a_random_state_is_drawn_from_once(iris):
    state = check_random_state(3)
    SnapshotEnsembleClassifier(NetClassifier(**SMALL), M=2, random_state=state).fit(*iris)
    expected = check_random_state(3)
    draw_seed(expected)
    assert state.randint(1000) == expected.randint(1000)


def test_rows_of_other_features(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    expected = rf"has {X.shape[1] - 1} features, but \w+ is expecting {X.shape[1]} features"
    with pytest.raises(ValueError, match=f"^X {expected}"):
        ensemble.predict(X[:, 1:])
    message = f"^X_val {expected}"
    assert_refused(make_ensemble, data, message, lambda e: e.fit(X, y, X_val=X[:, 1:], y_val=y))


@pytest.mark.parametrize("given", ["X_val", "y_val"])
def test_half_of_a_validation_set(make_snapshot, data, given):
    X, y = data
    message = f"must be given with {given}, got None"
    rows = {"X_val": X, "y_val": y}
    assert_refused(make_snapshot, data, message, lambda e: e.fit(X, y, **{given: rows[given]}))


def test_validation_weights_without_rows(make_snapshot, data):
    message = "sample_weight_val must be None without X_val"
    weight = np.ones(3)
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data, sample_weight_val=weight))


def test_weights_for_a_net_that_cannot_weigh(make_classifier, iris):
    stock = NeuralNetClassifier(MLP, verbose=0)
    message = r"sample_weight must be None for a NeuralNetClassifier \(take NetClassifier\)"
    assert_refused(
        make_classifier,
        iris,
        message,
        lambda e: e.fit(*iris, sample_weight=np.ones(150)),
        estimator=stock,
    )


def test_nested_parameters_need_a_net_that_is_written_out(make_ensemble):
    for estimator in (None, MLP):
        ensemble = make_ensemble(estimator=estimator)
        message = r"estimator__batch_size must belong to a net that is written out, got estimator="
        with pytest.raises(ValueError, match=message):
            ensemble.set_params(estimator__batch_size=8)
    net = make_ensemble().estimator
    ensemble.set_params(estimator=net, estimator__batch_size=8)
    assert ensemble.estimator.batch_size == 8


def test_a_net_that_cannot_weigh_is_trained_without_weights(make_classifier, iris):
    stock = NeuralNetClassifier(
        MLP, criterion=nn.CrossEntropyLoss, max_epochs=20, verbose=0, train_split=None
    )
    assert len(make_classifier(estimator=stock).fit(*iris).members_) == 3


def test_sparse_rows_and_rows_of_three_axes_are_told_of(make_classifier):
    tags = make_classifier().__sklearn_tags__().input_tags
    assert tags.sparse
    assert tags.three_d_array


@pytest.mark.parametrize("verbose", [True, 2])
def test_verbose_is_a_truth_or_a_number(make_classifier, iris, verbose, capsys):
    make_classifier(verbose=verbose).fit(*iris)
    assert capsys.readouterr().out.count("member") == 3


@pytest.mark.parametrize("verbose", ["loud", -1])
def test_another_verbose_is_refused(make_classifier, iris, verbose):
    with pytest.raises(ValueError, match="verbose must be an int >= 0"):
        make_classifier(verbose=verbose).fit(*iris)
