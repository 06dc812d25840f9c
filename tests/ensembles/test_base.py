"""The life cycle of a fit: rows that count, seeds, devices, the end of the fit."""

import numpy as np
import pytest
from sklearn.utils import check_random_state

from skensemble import NetClassifier, SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skensemble.modules import MLP
from skensemble.seeding import draw_seed, streams_of

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


@pytest.mark.parametrize("ensemble", [SnapshotEnsembleClassifier, SnapshotEnsembleRegressor])
def test_a_module_class_that_is_no_net_gets_the_default_net(ensemble, iris):
    fitted = ensemble(MLP, M=2, random_state=0).fit(*iris)
    assert type(fitted.template_net_) is ensemble._default_net


def test_a_random_state_is_drawn_from_once(iris):
    state = check_random_state(3)
    SnapshotEnsembleClassifier(NetClassifier(**SMALL), M=2, random_state=state).fit(*iris)
    expected = check_random_state(3)
    draw_seed(expected)
    assert state.randint(1000) == expected.randint(1000)
