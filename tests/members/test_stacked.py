"""Members computed at once: as each of them answers, and only where that is known."""

from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import partial

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from skensemble.members import Predictor, copy_state
from skensemble.members._stacked import BLOCK_ROWS, BLOCK_VALUES, MAX_WEIGHTS, runs
from skensemble.members._stacks import stack_of
from skensemble.modules import MLP

CPU = torch.device("cpu")
SOFTMAX = partial(torch.softmax, dim=-1)
# float32 has 6e-8 of a number of size 1; sums of some hundred terms, ordered otherwise.
ROUNDING = {torch.float32: 2e-6, torch.float64: 1e-13}


def mlps(n_members=5, *sizes, dtype=torch.float32, **arguments):
    """Make members whose weights all differ, biases included."""
    torch.manual_seed(0)
    modules = [MLP(*(sizes or (4, 3)), **arguments) for _ in range(n_members)]
    for module in modules:
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.5)
    return [module.to(dtype).eval() for module in modules]


def predictor_of(modules, transform=SOFTMAX, *, autocast=None):
    predictor = Predictor(CPU, transform, autocast, 1)
    for module in modules:
        predictor.add(None, copy_state(module))
    predictor.stack()
    return predictor


def rows(n_rows, *axes, dtype=np.float32):
    return np.random.default_rng(0).normal(size=(n_rows, *(axes or (4,)))).astype(dtype)


def one_by_one(modules, X, transform=SOFTMAX):
    with torch.no_grad():
        return np.stack([transform(module(torch.tensor(X))).numpy() for module in modules])


def forget(predictor):
    """Let a stack give what no member gives."""
    for step in predictor.stacked.steps:
        if hasattr(step, "weight"):
            step.weight.fill_(np.nan)


@pytest.mark.parametrize("n_rows", [1, 15, 16, BLOCK_ROWS + 1])
@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu"},
        {"activation": "tanh", "hidden_units": (7, 5, 6)},
        {"activation": "silu", "hidden_units": (8, 8), "dropout": 0.3},
        {"activation": "gelu", "hidden_units": (9, 8)},
        {"hidden_units": ()},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_members_answer_at_once_as_each_does(n_rows, arguments, dtype):
    modules = mlps(dtype=dtype, **arguments)
    predictor = predictor_of(modules)
    X = rows(n_rows, dtype=torch.empty(0, dtype=dtype).numpy().dtype)
    expected, tolerance = one_by_one(modules, X), ROUNDING[dtype]
    outputs = predictor.outputs(X, range(5))
    assert outputs.dtype == X.dtype
    np.testing.assert_allclose(outputs, expected, atol=tolerance, rtol=0)
    weights = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    mean = predictor.mean(X, weights)
    assert mean.dtype == X.dtype
    assert mean.flags.c_contiguous
    by_hand = np.tensordot(weights, expected, 1)
    np.testing.assert_allclose(mean, by_hand, atol=tolerance, rtol=0)
    forget(predictor)
    assert np.isnan(predictor.outputs(X, range(5))).all()
    assert np.isnan(predictor.mean(X, weights)).all()


def test_more_rows_and_members_than_stay_in_cache_are_taken_in_turn():
    n_members = BLOCK_VALUES // (100 * BLOCK_ROWS) + 2
    # So wide that a batch is one block.
    modules, X = mlps(n_members, 300, 3), rows(2 * BLOCK_ROWS + 3, 300) / 10
    predictor, expected = predictor_of(modules), one_by_one(modules, X)
    found = predictor.outputs(X, range(n_members))
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=0)
    weights = np.arange(1, n_members + 1) / np.arange(1, n_members + 1).sum()
    by_hand = np.tensordot(weights, expected, 1)
    np.testing.assert_allclose(predictor.mean(X, weights), by_hand, atol=2e-5, rtol=0)


@pytest.mark.parametrize("members", [[3, 1], [0, 2, 3], [4, 4, 0], [1, 2]])
def test_members_that_are_asked_for_come_in_their_order(members):
    modules, X = mlps(), rows(20)
    expected = one_by_one(modules, X)[members]
    found = predictor_of(modules).outputs(X, members)
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=0)


def test_members_of_weight_0_are_not_run():
    modules, X = mlps(), rows(20)
    for k in (0, 3):
        nn.init.constant_(modules[k][0].bias, np.nan)
    weights = np.array([0, 0.5, 0.2, 0, 0.3])
    by_hand = np.tensordot(weights[[1, 2, 4]], one_by_one(modules, X)[[1, 2, 4]], 1)
    found = predictor_of(modules).mean(X, weights)
    np.testing.assert_allclose(found, by_hand, atol=2e-6, rtol=0)


def test_runs_are_of_consecutive_members_and_no_longer_than_they_may_be():
    assert list(runs(range(5), 2)) == [(0, 2), (2, 4), (4, 5)]
    assert list(runs([1, 3, 4], 9)) == [(1, 2), (3, 5)]
    assert list(runs([2, 1, 0], 9)) == [(2, 3), (1, 2), (0, 1)]


def test_rows_of_more_axes_and_sparse_rows_are_the_same_rows():
    modules, X = mlps(3, 6, 2), rows(700, 6)
    expected = one_by_one(modules, X)
    predictor = predictor_of(modules)
    for same in (X.reshape(700, 2, 3), csr_matrix(X)):
        found = predictor.outputs(same, range(3))
        np.testing.assert_allclose(found, expected, atol=2e-6, rtol=0)


def total(output):
    """Give one value a row, which depends on the shape of what it gets."""
    assert output.shape == (20, 3)
    return output.sum(1)


def are_positive(output):
    """Give no floats."""
    return (output > 0).long()


def in_two_axes(output):
    """Give a row more than one axis."""
    return output[:, :, None] * torch.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    "transform",
    [nn.Identity(), total, are_positive, in_two_axes, partial(torch.softmax, dim=0)],
)
def test_a_transform_gets_the_output_of_each_member(transform):
    modules, X = mlps(), rows(20)
    expected = one_by_one(modules, X, transform)
    expected = expected if expected.ndim > 2 else expected[:, :, None]
    predictor = predictor_of(modules, transform)
    found = predictor.outputs(X, range(5))
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(
        predictor.mean(X, np.full(5, 0.2)), expected.mean(0), atol=1e-5, rtol=1e-5
    )


def test_prediction_changes_neither_rows_nor_the_stack_and_threads_may_share_it():
    predictor, X = predictor_of(mlps(8)), rows(2000)
    before, expected = X.copy(), predictor.mean(X, np.full(8, 1 / 8))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: predictor.mean(X, np.full(8, 1 / 8)), range(12)))
    assert all((one == expected).all() for one in found)
    assert (before == X).all()


class Own(MLP):
    """A module that may do anything."""


def with_hook(module):
    module[0].register_forward_hook(lambda *_: None)
    return module


def changed(module, k, layer):
    module[k] = layer
    return module.eval()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Own(4, 3),
        lambda: nn.Sequential(*MLP(4, 3)),
        lambda: with_hook(MLP(4, 3)),
        lambda: changed(MLP(4, 3), 0, nn.Linear(4, 100, bias=False)),
        lambda: changed(MLP(4, 3), 1, nn.GELU(approximate="tanh")),
        lambda: changed(MLP(4, 3), 1, nn.LeakyReLU()),
        lambda: changed(MLP(4, 4), 0, nn.BatchNorm1d(4)),
        lambda: nn.Sequential.insert(MLP(4, 3), 0, nn.ReLU()),
        lambda: MLP(4, 3, dropout=0.5).train(),
        lambda: MLP(4, 3, hidden_units=MAX_WEIGHTS // 8 + 1),
    ],
)
def test_members_of_which_something_is_not_known_are_not_stacked(make):
    assert stack_of([MLP(4, 3).eval(), MLP(4, 3).eval()], SOFTMAX) is not None
    members = [make(), make()]
    for member in members:
        if not any(isinstance(layer, nn.Dropout) for layer in member):
            member.eval()
    assert stack_of(members, SOFTMAX) is None


def test_dropout_is_no_part_of_a_structure():
    modules = [*mlps(1), *mlps(1, dropout=0.5), *mlps(1, dropout=0.1)]
    found = predictor_of(modules).outputs(rows(5), range(3))
    np.testing.assert_allclose(found, one_by_one(modules, rows(5)), atol=2e-6, rtol=0)


def test_a_stack_answers_for_its_own_members_alone():
    modules, X = mlps(), rows(20)
    predictor, expected = predictor_of(modules), one_by_one(modules, X)
    forget(predictor)
    shorter, longer = copy(predictor), copy(predictor)
    shorter.members = predictor.members[:3]
    longer.members = [*predictor.members[1:], *mlps(1)]
    np.testing.assert_allclose(shorter.outputs(X, range(3)), expected[:3], atol=2e-6, rtol=0)
    np.testing.assert_allclose(longer.outputs(X, range(4)), expected[1:], atol=2e-6, rtol=0)
    predictor.stack()
    np.testing.assert_allclose(predictor.outputs(X, range(5)), expected, atol=2e-6, rtol=0)


def test_one_member_alone_and_lower_precision_are_computed_by_the_module():
    modules, X = mlps(), rows(20)
    predictor = predictor_of(modules)
    forget(predictor)
    assert (predictor.outputs(X, [2]) == one_by_one(modules, X)[[2]]).all()
    assert (predictor.mean(X, np.eye(5)[2]) == one_by_one(modules, X)[2]).all()
    assert predictor_of(modules, autocast=torch.bfloat16).stacked is None


def test_rows_of_another_type_are_refused_as_a_module_refuses_them():
    with pytest.raises(RuntimeError, match="must have the same dtype"):
        predictor_of(mlps()).outputs(rows(3, dtype=np.float64), range(5))
