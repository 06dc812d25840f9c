"""What does not fit together in a net is named as an argument."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring
from skorch.dataset import ValidSplit
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.nets._faults import check_trainable, named, naming_faults

QUICK = {"max_epochs": 1, "module__hidden_units": (3,)}


@pytest.mark.parametrize(
    "criterion", [nn.MSELoss, nn.L1Loss, nn.MSELoss(), nn.BCEWithLogitsLoss, nn.KLDivLoss]
)
def test_a_loss_of_values_is_refused_for_a_classifier(iris, criterion):
    message = r"criterion must be a loss of (3|several) classes,? such as .*CrossEntropyLoss"
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier(criterion=criterion, **QUICK).fit(*iris)


@pytest.mark.parametrize("criterion", [nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss])
def test_a_loss_of_labels_is_refused_for_a_regressor(diabetes, criterion):
    with pytest.raises(InvalidParameterError, match="criterion must be a loss of values such as"):
        NetRegressor(criterion=criterion, target_scale=None, **QUICK).fit(*diabetes)


@pytest.mark.parametrize("criterion", [nn.MultiMarginLoss, nn.CrossEntropyLoss])
def test_losses_that_fit_are_taken(iris, criterion):
    assert NetClassifier(criterion=criterion, **QUICK).fit(*iris).predict(iris[0]).shape == (150,)


def test_two_columns_for_a_loss_of_one_are_named(iris):
    rows = iris[1] < 2
    net = NetClassifier(criterion=nn.BCEWithLogitsLoss, module__n_outputs=2, **QUICK)
    with pytest.raises(InvalidParameterError, match=r"criterion must fit .*, got BCEWithL"):
        net.fit(iris[0][rows], iris[1][rows])


def test_weights_of_other_classes_are_named(iris):
    net = NetClassifier(criterion__weight=torch.ones(2), **QUICK)
    with pytest.raises(InvalidParameterError, match=r"criterion must fit .*weight tensor should"):
        net.fit(*iris)


def test_an_output_that_is_too_narrow_is_named(iris):
    with pytest.raises(InvalidParameterError, match=r"criterion must fit .*out of bounds"):
        NetClassifier(module__n_outputs=2, **QUICK).fit(*iris)


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (nn.Linear(7, 3), (4,), "rows of 4 features, got Linear, whose first .* in_features=7: "),
        (
            nn.Sequential(nn.Conv1d(2, 1, 1), nn.Flatten()),
            (3, 4),
            "rows of 12 features, got Sequential, whose first Conv1d has in_channels=2",
        ),
        (nn.BatchNorm1d(5), (4,), "rows of 4 features, got BatchNorm1d, .* num_features=5"),
        (nn.LayerNorm(5), (4,), "rows of 4 features, got LayerNorm: "),
    ],
)
def test_a_module_for_other_rows_is_named_with_the_features_there_are(module, shape, message):
    X = np.random.default_rng(0).normal(size=(8, *shape)).astype("f")
    with pytest.raises(InvalidParameterError, match=f"module must take {message}"):
        NetClassifier(module, max_epochs=1).fit(X, np.arange(8) % 3)


def test_faults_of_others_pass():
    net = NetClassifier(nn.Linear(4, 3))
    error = RuntimeError("no more epochs")
    assert named(net, error, 4) is error
    assert named(NetClassifier(nn.Linear(4, 3)).initialize(), error, 4) is error


@pytest.mark.parametrize("callback", [EarlyStopping(), Checkpoint(), EarlyStopping("valid_acc")])
def test_a_callback_that_waits_for_rows_that_are_not_there_says_what_to_set(iris, callback):
    message = r"train_split must hold rows out for the callback '\w+', which monitors 'valid_\w+', "
    with pytest.raises(InvalidParameterError, match=f"{message}.*Set train_split=ValidSplit"):
        NetClassifier(callbacks=[callback], **QUICK).fit(*iris)


class OwnScore(EpochScoring):
    """A score of training rows under the name of one of others."""

    def __init__(self, scoring="accuracy", name="valid_acc", on_train=True):
        super().__init__(scoring, name=name, on_train=on_train)


def test_what_a_callback_records_itself_may_be_monitored(iris):
    callbacks = [OwnScore(), EarlyStopping("valid_acc", lower_is_better=False)]
    NetClassifier(callbacks=callbacks, **QUICK).fit(*iris)
    NetClassifier(callbacks=[EarlyStopping("train_loss")], **QUICK).fit(*iris)
    net = NetClassifier(callbacks=[EarlyStopping()], train_split=ValidSplit(3), **QUICK)
    assert "valid_loss" in net.fit(*iris).history[-1]


def test_a_device_that_computes_nothing_is_refused(iris):
    with pytest.raises(InvalidParameterError, match="device must be one that computes, got 'meta'"):
        NetClassifier(device="meta", **QUICK).fit(*iris)


def test_a_stock_net_is_checked_without_knowing_its_outputs():
    net = NeuralNetClassifier(nn.Linear(4, 3), criterion=nn.MSELoss, train_split=None).initialize()
    check_trainable(net, None)
    with pytest.raises(InvalidParameterError, match="a loss of 3 classes"):
        check_trainable(net, 3)
    stopping = NeuralNetClassifier(nn.Linear(4, 3), train_split=None, callbacks=[EarlyStopping()])
    with pytest.raises(InvalidParameterError, match="train_split must hold rows out"):
        check_trainable(stopping.initialize(), 3)


class Fussy(nn.Module):
    def __init__(self):
        super().__init__()
        raise RuntimeError("not today")


def test_what_cannot_be_built_is_named_and_faults_of_own_code_stay(iris):
    with pytest.raises(RuntimeError, match=r"^not today$"):
        NetClassifier(Fussy).fit(*iris)
    with pytest.raises(InvalidParameterError, match=r"optimizer must be something .*, got SGD\("):
        NetClassifier(optimizer__dampening=0.5, **QUICK).fit(*iris)
    with pytest.raises(InvalidParameterError, match="module must have parameters to train"):
        NetClassifier(nn.Identity()).fit(*iris)
    with pytest.raises(
        InvalidParameterError, match=r"criterion must be .*, got CrossEntropyLoss\("
    ):
        NetClassifier(criterion__weight=[1, 2, 3], **QUICK).fit(*iris)
    with pytest.raises(InvalidParameterError, match=r"iterator_train must be .*, got cross_ent"):
        NetClassifier(iterator_train=nn.functional.cross_entropy, **QUICK).fit(*iris)


def test_errors_of_other_kinds_pass():
    with pytest.raises(KeyError), naming_faults("module", "it", (TypeError,)):
        raise KeyError("a")
    with pytest.raises(InvalidParameterError, match=r"^as it is$"), naming_faults("module", "it"):
        raise InvalidParameterError("as it is")


def failing(moment, text):
    """Make a callback whose error reads like one of torch about rows or targets."""

    def fail(self, net, **kwargs):
        raise ValueError(text)

    return type("Failing", (Callback,), {moment: fail})()


@pytest.mark.parametrize("text", ["too many channels", "Target size of the plot"])
@pytest.mark.parametrize("moment", ["on_epoch_end", "on_batch_begin", "on_train_begin"])
@pytest.mark.parametrize("fast", [True, False])
def test_an_error_of_a_callback_is_its_own(iris, moment, text, fast):
    with pytest.raises(ValueError, match=f"^{text}$") as caught:
        NetClassifier(callbacks=[failing(moment, text)], fast=fast, **QUICK).fit(*iris)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("fast", [True, False])
def test_parts_that_do_not_fit_are_named_in_any_epoch(iris, fast):
    net = NetClassifier(module__n_features=7, fast=fast, **QUICK)
    with pytest.raises(InvalidParameterError, match="module must take rows of 4 features"):
        net.fit(*iris)
