"""Fits that give their members weights, from validation rows."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch.nn import MultiMarginLoss

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SWAClassifier,
)
from skensemble.averaging import restrict_weights
from skensemble.weighting import squared_error_weights
from tests.ensembles.conftest import (
    PressCtrlC,
    assert_refused,
    halves,
    output,
    weights_by_hand,
    weights_of_least_loss,
)
from tests.ensembles.test_progress import KeepFitted, StopAfter
from tests.ensembles.test_rows import split_by_hand

pytestmark = pytest.mark.filterwarnings("ignore:On the validation rows")


def loss(ensemble, X, y, weight):
    measure = log_loss if is_classifier(ensemble) else mean_squared_error
    return measure(y, output(ensemble, X), sample_weight=weight)


def test_weights_are_those_of_least_loss_on_the_validation_rows(make_several, data):
    training, held_out = halves(*data)
    ensemble = make_several(weights="validation").fit(*training, **held_out)
    expected = restrict_weights(weights_by_hand(ensemble, held_out))
    # Members answer in float32, and losses are flat at their minimum.
    assert ensemble.weights_ == pytest.approx(expected, abs=1e-3)
    fitted, score = loss(ensemble, *held_out.values()), ensemble.score(*held_out.values())
    assert ensemble.weighted_validation_score_ == pytest.approx(score, abs=1e-6)
    # No weights are better: not one member alone, and not equal weights.
    ensemble.set_params(weights="uniform")
    assert ensemble.weights_.tolist() == [1 / 3] * 3
    assert fitted < loss(ensemble, *held_out.values())
    for k in range(3):
        ensemble._fitted_weights_ = np.eye(3)[k]
        ensemble.set_params(weights="validation")
        assert fitted <= loss(ensemble, *held_out.values()) + 1e-7


def test_members_and_validation_scores_are_those_of_equal_weights(make_several, data):
    training, held_out = halves(*data)
    weighed = make_several(weights="validation", m=2).fit(*training, **held_out)
    equal = make_several(m=2).fit(*training, **held_out)
    assert weighed.validation_scores_.tolist() == equal.validation_scores_.tolist()
    for one, other in zip(weighed.members_, equal.members_, strict=True):
        assert all((one[name] == other[name]).all() for name in one)
    assert not hasattr(equal, "weighted_validation_score_")


def test_weights_are_not_those_of_the_training_rows(weighed, data):
    (X, y), _ = halves(*data)
    of_training_rows = restrict_weights(weights_of_least_loss(weighed[0], X, y))
    assert abs(weighed[0].weights_ - of_training_rows).max() > 0.1


def test_m_counts_in_the_weighted_score(make_snapshot, data):
    training, held_out = halves(*data)
    for m in (1, "auto"):
        ensemble = make_snapshot(weights="validation", m=m).fit(*training, **held_out)
        score = ensemble.score(*held_out.values())
        assert ensemble.weighted_validation_score_ == pytest.approx(score, abs=1e-6)


def test_all_outputs_count_in_standardised_units(diabetes):
    X = diabetes[0]
    # The last member is best at what is learnt, and the first at what is noise.
    noise = np.random.default_rng(0).normal(size=len(X))
    training, held_out = halves(X, np.stack([1000 * X[:, 0], noise], axis=1))
    net = NetRegressor(module__hidden_units=(16,), max_epochs=20)
    ensemble = SnapshotEnsembleRegressor(net, M=3, weights="validation", random_state=0)
    ensemble.fit(*training, **held_out)
    expected = restrict_weights(weights_by_hand(ensemble, held_out))
    assert ensemble.weights_ == pytest.approx(expected, abs=1e-3)
    in_units = squared_error_weights(ensemble.member_predict(X[1::2]), *list(held_out.values())[1:])
    assert abs(ensemble.weights_ - in_units).max() > 0.01


def test_weights_are_those_of_the_rows_that_a_fraction_holds_out(make_several, data):
    X, y = data
    ensemble = make_several(weights="validation", validation_fraction=0.25).fit(X, y)
    _, (X_val, y_val, _) = split_by_hand(X, y, None, classify=is_classifier(ensemble))
    assert len(X_val) == -(-len(X) // 4)
    expected = restrict_weights(weights_of_least_loss(ensemble, X_val, y_val))
    assert ensemble.weights_ == pytest.approx(expected, abs=1e-3)


class Refuse(Callback):
    """Lets no training begin."""

    def on_train_begin(self, net, **kwargs):
        """Raise what no test expects."""
        raise AssertionError("the training has begun")


@pytest.mark.parametrize("weights", ["validation", "even", None, 1.0, np.ones(3), ["uniform"]])
def test_bad_weights(make_several, data, weights):
    message = {
        "validation": r"weights must be 'uniform' for a fit without X_val and y_val, got "
        r"'validation'. Or set validation_fraction, which holds rows out\.",
    }.get(str(weights), "weights must be 'uniform' or 'validation', got ")
    net = make_several().estimator.set_params(callbacks=[Refuse()])
    with pytest.raises(ValueError, match=message):
        make_several(estimator=net, weights=weights).fit(*data)


def test_a_refused_fit_leaves_the_ensemble_as_it_was(make_snapshot, data):
    message = "weights must be 'uniform' for a fit without X_val and y_val"
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data), weights="validation")


def test_a_method_of_one_member_has_no_weights():
    with pytest.raises(TypeError, match="weights"):
        SWAClassifier(weights="validation")


class CountEpochs(Callback):
    """Counts the epochs of all trainings."""

    n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        """Count."""
        CountEpochs.n_epochs += 1


def test_scores_that_are_no_probabilities_are_refused_at_the_first_member(iris):
    X, y = iris
    CountEpochs.n_epochs = 0
    net = NetClassifier(criterion=MultiMarginLoss, max_epochs=20, callbacks=[CountEpochs()])
    ensemble = SnapshotEnsembleClassifier(net, M=2, weights="validation", random_state=0)
    message = (
        r"weights must be 'uniform' for a net that gives scores instead of probabilities \(predict_"
        r".*, got 'validation' and scores of -\d.* from NetClassifier with criterion .*MultiMargin"
    )
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, y, X_val=X, y_val=y)
    assert CountEpochs.n_epochs <= 11
    assert not hasattr(ensemble, "members_")


@pytest.mark.filterwarnings("ignore:Training was stopped")
def test_members_until_ctrl_c_are_weighed(make_snapshot, data):
    training, held_out = halves(*data)
    ensemble = make_snapshot(weights="validation")
    ensemble.estimator.set_params(callbacks=[PressCtrlC(15)])
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*training, **held_out)
    assert len(ensemble.members_) == 2
    assert ensemble.weights_ == pytest.approx(
        restrict_weights(weights_by_hand(ensemble, held_out)), abs=1e-3
    )


def test_members_are_weighed_while_the_world_looks_on(make_several, data):
    training, held_out = halves(*data)
    keep, stop = KeepFitted(), StopAfter(2)
    ensemble = make_several(weights="validation").set_callbacks(keep, stop)
    ensemble.fit(*training, **held_out)
    assert [len(kept.weights_) for kept in keep.kept] == [1, 2, 2]
    for kept in (*keep.kept, ensemble):
        assert kept.weights_ == pytest.approx(
            restrict_weights(weights_by_hand(kept, held_out)), abs=1e-3
        )


def test_further_members_are_weighed_with_the_earlier_ones(make_snapshot, data):
    training, held_out = halves(*data)
    ensemble = make_snapshot(M=2, weights="validation", warm_start=True)
    ensemble.fit(*training, **held_out)
    ensemble.set_params(M=4).fit(*training, **held_out)
    assert len(ensemble.weights_) == 4
    assert ensemble.weights_ == pytest.approx(
        restrict_weights(weights_by_hand(ensemble, held_out)), abs=1e-3
    )
    with pytest.raises(ValueError, match="weights must be 'uniform' for a fit without X_val"):
        ensemble.set_params(M=5).fit(*training)
    assert len(ensemble.weights_) == 4


def test_partial_fit_has_no_rows_to_fit_weights_to(make_snapshot, data):
    message = "weights must be 'uniform' for partial_fit, which holds no rows out, got 'validation'"
    with pytest.raises(ValueError, match=message):
        make_snapshot(weights="validation").partial_fit(*data)
    training, held_out = halves(*data)
    ensemble = make_snapshot(weights="validation").fit(*training, **held_out)
    with pytest.raises(ValueError, match=message):
        ensemble.partial_fit(*data)
    assert len(ensemble.weights_) == 3
    ensemble.set_params(weights="uniform").partial_fit(*data)
    assert ensemble.weights_.tolist() == [1 / 4] * 4
    with pytest.raises(ValueError, match="weights must be 'uniform' until a fit has found other"):
        ensemble.set_params(weights="validation").predict(data[0])
    assert not hasattr(ensemble, "weighted_validation_score_")


def test_weights_are_pickled_and_not_cloned(weighed, data):
    ensemble, _ = weighed
    loaded = pickle.loads(pickle.dumps(ensemble))
    assert (loaded.weights_ == ensemble.weights_).all()
    assert (output(loaded, data[0]) == output(ensemble, data[0])).all()
    assert loaded.weighted_validation_score_ == ensemble.weighted_validation_score_
    assert not hasattr(clone(ensemble), "weights_")


def test_a_search_chooses_between_the_weights(make_snapshot, data):
    ensemble = make_snapshot(validation_fraction=0.25)
    grid = {"weights": ["uniform", "validation"]}
    search = GridSearchCV(ensemble, grid, cv=2, error_score="raise").fit(*data)
    assert len(set(search.cv_results_["mean_test_score"])) == 2
    assert search.best_estimator_.weights == search.best_params_["weights"]


def test_no_advice_is_given_where_weights_have_followed_it(make_classifier, iris):
    X, y = iris
    with pytest.warns(UserWarning, match="or set m='auto' or weights='validation'"):
        make_classifier(alpha_zero=0.03).fit(X, y, X_val=X, y_val=y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_classifier(alpha_zero=0.03, weights="validation").fit(X, y, X_val=X, y_val=y)
