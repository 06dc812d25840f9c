"""Probabilities are told from scores, whose logarithm is refused."""

import numpy as np
import pytest
from torch import nn

from skensemble import InvalidParameterError, NetClassifier
from skensemble.nets import log_of_probabilities


def test_logarithms_are_those_of_probabilities():
    log_proba = log_of_probabilities(np.array([[0.25, 0.75], [1.0, 0.0]]), NetClassifier())
    assert log_proba == pytest.approx(np.array([[np.log(0.25), np.log(0.75)], [0, -np.inf]]))


def test_a_net_of_scores_has_no_logarithms(iris):
    net = NetClassifier(criterion=nn.MultiMarginLoss, max_epochs=5, random_state=0).fit(*iris)
    with pytest.raises(InvalidParameterError, match=r"got scores of -.* from NetClassifier with"):
        net.predict_log_proba(iris[0])
