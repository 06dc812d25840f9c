"""What ensembles of classifiers give: probabilities, labels, and losses of held-out rows."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, SnapshotEnsembleClassifier
from skensemble.averaging import uncertainty_parts
from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.modules import MLP
from tests.conftest import ALL_SMALL, SMALL_ENSEMBLES
from tests.ensembles.conftest import assert_refused, halves


def test_log_probabilities_are_those_of_the_mean(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier().fit(X, y)
    assert (ensemble.predict_log_proba(X) == np.log(ensemble.predict_proba(X))).all()
    # A probability that is 0 in float32 is minus infinity, without a warning.
    assert np.isneginf(ensemble.predict_log_proba(1e6 * X)).any()


@pytest.mark.parametrize("labels", [["b", "a", "c"], [-5, 100, 7], [True, False, True]])
def test_labels_of_any_kind_come_back(make_classifier, iris, labels):
    X, y = iris
    y = np.array(labels)[y]
    ensemble = make_classifier().fit(X, y)
    assert ensemble.classes_.tolist() == sorted(set(labels))
    assert ensemble.predict(X).dtype == y.dtype
    assert ensemble.score(X, y) > 0.7


def test_probabilities_are_1_at_most(make_classifier, iris):
    X, y = iris
    # In float32 ten tenths sum to more than 1.
    ensemble = make_classifier(M=10).fit(X, y)
    far = 1e6 * X
    assert (ensemble.member_predict_proba(far) == 1).all(axis=0).any()
    assert ensemble.predict_proba(far).max() == 1
    assert max(proba.max() for proba in ensemble.staged_predict_proba(far)) == 1


def test_stages_predict_the_most_probable_labels(make_classifier, iris):
    X, y = iris
    labels, weight = np.array(["c", "a", "b"])[y], np.linspace(0, 1, 150)
    ensemble = make_classifier(alpha_zero=0.02).fit(X, labels)
    stages = list(ensemble.staged_predict(X))
    for proba, stage in zip(ensemble.staged_predict_proba(X), stages, strict=True):
        assert (stage == np.array(["a", "b", "c"])[proba.argmax(axis=1)]).all()
    scores = [accuracy_score(labels, stage, sample_weight=weight) for stage in stages]
    assert ensemble.staged_score(X, labels, weight).tolist() == scores
    assert ensemble.staged_score(X, labels).tolist() != scores


@pytest.mark.parametrize("name", [name for name in ALL_SMALL if "Classifier" in name])
def test_parts_of_uncertainty_are_those_of_the_weighted_members(iris, name):
    X, y = iris
    ensemble = ALL_SMALL[name]().fit(X, y)
    for m in (None, 1):
        if hasattr(ensemble, "m"):
            ensemble.m = m
        parts = ensemble.predict_uncertainty(X)
        expected = uncertainty_parts(ensemble.member_predict_proba(X), ensemble.weights_)
        # One member is computed by itself, all of them at once: float32 rounds by the way.
        for part, other in zip(parts, expected, strict=True):
            np.testing.assert_allclose(part, other, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            parts.total, entropy(ensemble.predict_proba(X), axis=1), rtol=1e-3, atol=1e-5
        )
        is_single = (ensemble.weights_ > 0).sum() == 1
        assert (parts.epistemic.max() == 0) == is_single
        assert (parts.epistemic.max() > 1e-4) != is_single


def test_parts_of_uncertainty_follow_fitted_weights_and_run_no_other_member(make_classifier, iris):
    (X, y), held_out = halves(*iris)
    ensemble = make_classifier(weights="validation").fit(X, y, **held_out)
    fitted = ensemble.predict_uncertainty(X)
    expected = uncertainty_parts(ensemble.member_predict_proba(X), ensemble.weights_)
    np.testing.assert_allclose(fitted.epistemic, expected.epistemic, rtol=1e-4, atol=1e-6)
    alike = ensemble.set_params(weights="uniform").predict_uncertainty(X)
    assert not np.allclose(alike.total, fitted.total)
    with pytest.raises(NotFittedError):
        make_classifier().predict_uncertainty(X)
    with pytest.raises(ValueError, match="features"):
        ensemble.predict_uncertainty(X[:, :2])


def proba(*of_class_1):
    """Give probabilities of two classes from those of the second."""
    return [[1 - p, p] for p in of_class_1]


def test_losses_of_rows_are_minus_the_logarithm_of_their_class():
    losses = EnsembleClassifier._row_losses(np.array(proba(0.2, 1e-200)), np.array([0, 1]))
    assert losses == pytest.approx([-np.log(0.8), 200 * np.log(10)])
    # A probability of 0 has the loss of the smallest number.
    losses = EnsembleClassifier._row_losses(np.array(proba(0.0)), np.array([1]))
    assert losses == pytest.approx([-np.log(np.finfo(np.float64).tiny)])


def test_the_score_of_an_output_is_its_accuracy_by_weight():
    output, y = np.array(proba(0.2, 0.7, 0.6)), np.array([0, 1, 0])
    assert EnsembleClassifier._score_output(output, y, None) == pytest.approx(2 / 3)
    assert EnsembleClassifier._score_output(output, y, [1, 1, 2]) == pytest.approx(2 / 4)


def test_one_class(make_classifier, iris):
    X, y = iris
    message = r"y must hold at least 2 classes, got 1 class"
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X, np.zeros(150)))
    weight = (y == 1).astype(float)
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X, y, sample_weight=weight))


def test_a_validation_class_that_was_not_seen(make_classifier, iris):
    X, y = iris
    message = r"y_val must hold classes seen in y, got \[2\] as well"
    fit = {"X_val": X, "y_val": y}
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X[:100], y[:100], **fit))


@pytest.mark.parametrize("kind", ["our net", "stock net"])
@pytest.mark.parametrize("classes", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_columns_are_those_of_the_sorted_classes_of_the_net(make_classifier, iris, kind, classes):
    X, y = iris
    X, y = X[:100], 2 * y[:100]
    if kind == "our net":
        net = NetClassifier(classes=classes, module__hidden_units=(8,), max_epochs=20)
    else:
        stock = {"criterion": nn.CrossEntropyLoss, "train_split": None, "verbose": 0}
        stock["batch_size"] = 10
        net = NeuralNetClassifier(nn.Linear(4, 4), classes=classes, max_epochs=20, **stock)
    ensemble = make_classifier(estimator=net, m="auto", M=2).fit(X, y, X_val=X, y_val=y)
    assert ensemble.classes_.tolist() == [0, 1, 2, 3]
    assert ensemble.predict_proba(X).shape == (100, 4)
    # A linear net may settle below an MLP; swapped columns would score far below a half.
    assert ensemble.score(X, y) > 0.8
    assert ensemble.staged_score(X, y)[-1] > 0.8
    assert log_loss(y, ensemble.predict_proba(X), labels=[0, 1, 2, 3]) < 0.7


def test_labels_outside_of_the_classes_of_the_net(make_classifier, iris):
    message = r"y must hold labels among classes=\[0, 1\], got \[2\] as well"
    net = NetClassifier(classes=[1, 0], max_epochs=20)
    assert_refused(make_classifier, iris, message, lambda e: e.fit(*iris), estimator=net)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.3, 2: 4}])
@pytest.mark.parametrize("own", [None, np.linspace(0.1, 2, 120)])
@pytest.mark.parametrize("name", [n for n in SMALL_ENSEMBLES if n.endswith("Classifier")])
def test_weights_of_classes_go_to_the_net(iris, name, class_weight, own):
    make_ensemble = SMALL_ENSEMBLES[name]
    X, y = iris[0][:120], iris[1][:120]
    by_class = make_ensemble().set_params(estimator__class_weight=class_weight).fit(X, y, own)
    given = np.ones(120) if own is None else own
    factors = compute_class_weight(class_weight, classes=np.arange(3), y=y, sample_weight=given)
    weight = given * factors[y]
    # The weights of a posterior are counts of rows, whose number stays.
    by_row = make_ensemble().fit(X, y, weight * given.sum() / weight.sum())
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), atol=1e-4)


def test_bad_weights_of_classes_are_refused_before_any_data_is_looked_at(make_classifier, iris):
    message = "class_weight must be a dict of weights by label, 'balanced' or None, got 'even'"
    net = NetClassifier(class_weight="even", max_epochs=20)
    assert_refused(make_classifier, iris, message, lambda e: e.fit(None, None), estimator=net)
    message = r"class_weight must name labels among \[0, 1, 2\], got \[9\] as well"
    net = NetClassifier(class_weight={9: 1}, max_epochs=20)
    assert_refused(make_classifier, iris, message, lambda e: e.fit(*iris), estimator=net)


def test_rows_of_a_class_of_weight_0_are_left_out_and_the_class_stays(make_classifier, iris):
    X, y = iris
    settings = {"module__hidden_units": (8,), "max_epochs": 20, "classes": [0, 1, 2]}
    found = make_classifier(estimator=NetClassifier(**settings, class_weight={0: 0})).fit(X, y)
    expected = make_classifier(estimator=NetClassifier(**settings)).fit(X[50:], y[50:])
    assert found.n_steps_ == expected.n_steps_ == 20 * 2
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)


def test_scores_of_a_loss_on_logits_are_averaged_as_they_are(iris):
    X, y = iris
    net = NetClassifier(criterion=torch.nn.MultiMarginLoss)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y, X_val=X, y_val=y)
    scores = ensemble.member_predict_proba(X).mean(axis=0)
    assert scores.max() > 1.5
    assert ensemble.predict_proba(X) == pytest.approx(scores, rel=1e-5)
    assert (ensemble.predict(X) == scores.argmax(axis=1)).all()
    *_, last = ensemble.staged_predict_proba(X)
    assert last == pytest.approx(scores, rel=1e-5)
    for method in (ensemble.predict_log_proba, ensemble.predict_uncertainty):
        with pytest.raises(InvalidParameterError, match=r"gives probabilities .* got scores of -"):
            method(X)
    # On such scores the fewest errors choose the members to average.
    best = 1 + np.argmax(ensemble.staged_score(X, y))
    assert (ensemble.set_params(m="auto").weights_ > 0).sum() == best


class OneOutput(MLP):
    """A module of one output."""

    def __init__(self):
        super().__init__(4, 1)


def test_a_threshold_of_the_net_counts_on_validation_rows_too(iris):
    X, y = iris[0][:100].astype(np.float32), iris[1][:100]
    net = NeuralNetBinaryClassifier(OneOutput, threshold=0.97, max_epochs=10, lr=0.1, verbose=0)
    ensemble = SnapshotEnsembleClassifier(net, M=1, random_state=0).fit(X, y, X_val=X, y_val=y)
    assert ensemble.validation_scores_[-1] == ensemble.score(X, y) == ensemble.staged_score(X, y)[0]
    assert ensemble.set_params(m=1).score(X, y) < 0.95
