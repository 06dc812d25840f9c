"""Faults of the net of an ensemble are named before anything is trained."""

import numpy as np
import pytest
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping
from torch import nn

from skensemble import InvalidParameterError, NetClassifier
from skensemble.ensembles._net_faults import naming_net_faults
from tests.ensembles.conftest import assert_refused

FAULTS = [
    ({"module": nn.Linear(7, 3)}, "module must take rows of 4 features, got Linear, .*features=7"),
    ({"criterion": nn.MSELoss}, "criterion must be a loss of 3 classes"),
    ({"criterion": nn.BCEWithLogitsLoss}, "criterion must be a loss of 3 classes"),
    ({"callbacks": [EarlyStopping()]}, "train_split must hold rows out for the callback"),
    ({"optimizer__momentum": [1]}, "optimizer__momentum must be a finite number"),
    ({"lr": "x"}, "lr must be a finite number"),
    ({"iterator_train": 3}, "iterator_train must be a class"),
]


@pytest.mark.parametrize("net", [NetClassifier, NeuralNetClassifier])
@pytest.mark.parametrize(("keywords", "message"), FAULTS)
def test_a_part_that_does_not_fit_is_named(make_classifier, iris, net, keywords, message):
    keywords = {"module": nn.Linear(4, 3), "criterion": nn.CrossEntropyLoss, **keywords}
    estimator = net(**keywords)
    estimator.set_params(train_split=None, verbose=0)
    assert_refused(make_classifier, iris, message, lambda e: e.fit(*iris), estimator=estimator)


class Wild(nn.Linear):
    def forward(self, x):
        raise IndexError("beyond words")


@pytest.mark.parametrize("net", [NetClassifier, NeuralNetClassifier])
def test_a_module_that_fails_at_its_first_rows_is_told_of(make_classifier, iris, net):
    message = rf"takes rows of shape \(n_samples, 4\), got {net.__name__}: IndexError: beyond words"
    with pytest.raises(InvalidParameterError, match=message):
        make_classifier(estimator=net(Wild(4, 3), verbose=0)).fit(*iris)


def test_errors_of_ours_and_of_other_kinds_pass():
    X = np.ones((2, 3))
    as_it_is = pytest.raises(InvalidParameterError, match=r"^as it is$")
    with as_it_is, naming_net_faults(NetClassifier(), X):
        raise InvalidParameterError("as it is")
    with pytest.raises(KeyError), naming_net_faults(NetClassifier(), X):
        raise KeyError("a")
