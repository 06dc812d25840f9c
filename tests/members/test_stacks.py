"""Members of several structures, each structure as one stack, and a single one by itself."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.members._stacked import MAX_WEIGHTS, StackedMLPs
from skensemble.members._stacks import Alone, Stacks, encodes_rows, stack_of
from skensemble.modules import MLP, EncodingTables
from tests.members.test_stacked import SOFTMAX, mlps, one_by_one, predictor_of, rows

TABLES = {"values": [0, 1], "numbers": [2], "knots": [[-1, 0, 2]], "ranks": [[0, 0.4, 1]]}


def encoding(**arguments):
    """Make members that encode four columns, with scales that are not 1."""
    tables = EncodingTables(4, **(TABLES | {"n_cosines": 3, "missing": [3]}))
    made = mlps(3, encoding=tables, column_scale=True, column_dropout=0.2, **arguments)
    assert any(name.endswith("scale") for name, _ in made[0].named_parameters())
    return made


def with_gaps(n_rows):
    X = rows(n_rows)
    X[::3, 3] = np.nan
    return X


@pytest.mark.parametrize(
    "other",
    [
        MLP(4, 3, hidden_units=99),
        MLP(4, 3, activation="tanh"),
        MLP(4, 3, hidden_units=(100, 100)),
        MLP(4, 3, column_scale=True),
    ],
    ids=str,
)
def test_members_of_several_structures_are_stacks(other):
    members = [*mlps(2), other.eval(), *mlps(1)]
    stacks = stack_of(members, SOFTMAX)
    assert isinstance(stacks, Stacks)
    assert [len(own.members) for own in stacks.stacks] == [3, 1]
    assert stacks.members == members
    X = rows(20)
    found = stacks.outputs(torch.tensor(X), [3, 2, 0, 1])
    expected = one_by_one(members, X)[[3, 2, 0, 1]]
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("other", [nn.Linear(4, 3), "a net", MLP(4, 3, hidden_units=MAX_WEIGHTS)])
def test_nothing_is_stacked_beside_what_cannot_be(other):
    other = other if isinstance(other, str) else other.eval()
    assert stack_of([MLP(4, 3).eval(), other], SOFTMAX) is None
    assert stack_of([], SOFTMAX) is None
    assert isinstance(stack_of(mlps(2), SOFTMAX), StackedMLPs)


def test_the_mean_of_several_structures_is_weighted():
    torch.manual_seed(1)
    members = [*mlps(2), *encoding(), *mlps(1, hidden_units=7)]
    X = with_gaps(40)
    each = one_by_one(members, np.nan_to_num(X, nan=0.5))
    chosen, weights = [5, 1, 4, 0, 2], [0.1, 0.2, 0.3, 0.15, 0.25]
    predictor = predictor_of(members)
    assert [len(own.members) for own in predictor.stacked.stacks] == [2, 3, 1]
    found = predictor.stacked.mean(torch.tensor(np.nan_to_num(X, nan=0.5)), chosen, weights)
    expected = np.tensordot(weights, each[chosen], axes=1)
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=0)
    full = np.zeros(6)
    full[chosen] = weights
    found = predictor.mean(np.nan_to_num(X, nan=0.5), full)
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=0)


def test_members_that_encode_are_stacked_with_scales_and_without_dropout():
    members, X = encoding(), with_gaps(600)
    predictor = predictor_of(members)
    expected = one_by_one(members, X)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(predictor.outputs(X, range(3)), expected, atol=2e-6, rtol=0)
    np.testing.assert_allclose(
        predictor.mean(X, np.array([0.5, 0, 0.5])), expected[[0, 2]].mean(0), atol=2e-6, rtol=0
    )


def test_tables_that_encode_otherwise_are_other_structures():
    members = encoding()
    # Equal tables from another process are the same; others of as many features are not.
    alike = copy.copy(members[0][0].tables)
    members[1][0].tables = alike
    assert isinstance(stack_of(members, SOFTMAX), StackedMLPs)
    others = {"n_cosines": 3, "missing": [3], "values": [1, 0]}
    members[1][0].tables = EncodingTables(4, **(TABLES | others))
    stacks = stack_of(members, SOFTMAX)
    assert [len(own.members) for own in stacks.stacks] == [2, 1]
    X = with_gaps(30)
    found = stacks.outputs(torch.tensor(X), range(3))
    np.testing.assert_allclose(found, one_by_one(members, X), atol=2e-6, rtol=0)


def test_a_single_member_that_encodes_is_computed_by_a_stack_of_its_own():
    members, X = encoding(), with_gaps(600)
    predictor, expected = predictor_of(members), one_by_one(members, X)
    for k in range(3):
        assert isinstance(predictor._stack_for([k]), Alone)
        np.testing.assert_allclose(predictor.outputs(X, [k])[0], expected[k], atol=2e-6, rtol=0)
        weights = np.eye(3)[k]
        np.testing.assert_allclose(predictor.mean(X, weights), expected[k], atol=2e-6, rtol=0)
    half = Alone(stack_of(members[:1], SOFTMAX)).mean(torch.tensor(X), [0], [0.5])
    np.testing.assert_allclose(half, expected[0] / 2, atol=2e-6, rtol=0)
    assert predictor_of(mlps(1))._stack_for([0]) is None


def test_members_that_encode_are_stacked_whatever_their_size():
    wide = encoding(hidden_units=MAX_WEIGHTS // 2)
    assert sum(p.numel() for p in wide[0].parameters()) > MAX_WEIGHTS
    assert isinstance(stack_of(wide, SOFTMAX), StackedMLPs)


def test_which_members_encode():
    assert encodes_rows(encoding()[0])
    assert not encodes_rows(MLP(4, 3))
    assert not encodes_rows("a net")


def test_scales_of_other_columns_are_another_structure():
    members = [
        made
        for columns in ([0, 0, 1, 1], [0, 1, 1, 0])
        for made in mlps(2, column_scale=True, columns=columns)
    ]
    X = rows(30)
    stacks = stack_of(members, SOFTMAX)
    assert [len(own.members) for own in stacks.stacks] == [2, 2]
    found = stacks.outputs(torch.tensor(X), range(4))
    np.testing.assert_allclose(found, one_by_one(members, X), atol=2e-6, rtol=0)
    assert not np.allclose(found[0], found[2])
