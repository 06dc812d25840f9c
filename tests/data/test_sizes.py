"""Which sizes of the data a constructor gets."""

from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array
from torch import nn

from skensemble.data import keywords_of, missing_sizes, n_values_per_row
from skensemble.modules import MLP


class OfFeatures(nn.Module):
    def __init__(self, n_features, width=3):
        super().__init__()


def of_classes(*, n_classes, n_features=1):
    return nn.Linear(n_features, n_classes)


@pytest.mark.parametrize(
    ("module", "given", "expected"),
    [
        (MLP, (), {"n_features": 4, "n_outputs": 3}),
        (MLP, ("n_features",), {"n_outputs": 3}),
        (MLP, {"n_features": 9, "n_outputs": 9, "dropout": 0.1}, {}),
        (OfFeatures, (), {"n_features": 4}),
        (OfFeatures, ("width",), {"n_features": 4}),
        (of_classes, (), {"n_features": 4, "n_classes": 3}),
        (partial(of_classes, n_features=2), ("n_classes",), {"n_features": 4}),
        (nn.Linear, (), {}),
        (MLP(4, 3), (), {}),
    ],
)
def test_sizes_are_those_that_the_constructor_names_and_the_user_does_not(module, given, expected):
    assert missing_sizes(module, given, n_features=4, n_outputs=3) == expected


@pytest.mark.parametrize(
    ("X", "n_values"),
    [
        (np.zeros((5, 2)), 2),
        (np.zeros((5, 2, 3, 4)), 2 * 3 * 4),
        (np.zeros((5, 0)), 0),
        (csr_array(np.zeros((5, 7))), 7),
    ],
)
def test_values_of_a_row_are_the_product_of_its_axes(X, n_values):
    found = n_values_per_row(X)
    assert found == n_values
    assert type(found) is int


def test_keywords_are_those_of_a_constructor_or_a_function():
    assert keywords_of(OfFeatures) == {"n_features", "width"}
    assert keywords_of(of_classes) == {"n_classes", "n_features"}
