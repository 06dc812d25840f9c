import pytest
import torch
from torch import nn

from skensemble.nets.gradients import clip_factor, clip_gradients


@pytest.mark.parametrize("max_norm", [0.5, 2.0, 4.999, 5.0, 5.001, 100.0])
def test_the_factor_is_that_of_torch(max_norm):
    weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    weight.grad = torch.tensor([3.0, 4.0], dtype=torch.float64)
    factor = clip_factor(torch.tensor(5.0, dtype=torch.float64), max_norm)
    expected = weight.grad.clone() * (1.0 if factor is None else factor)
    nn.utils.clip_grad_norm_([weight], max_norm)
    # torch's own differs from 1 by 2e-7 where the norm is just the limit.
    torch.testing.assert_close(weight.grad, expected, rtol=3e-7, atol=0)
    assert (factor is None) == (max_norm >= 5)


def test_each_net_has_a_factor_of_its_own():
    norms, limits = torch.tensor([1.0, 4.0, 9.0]), torch.tensor([2.0, torch.inf, 3.0])
    # A norm is raised by 1e-6 before the division.
    assert clip_factor(norms, limits).tolist() == pytest.approx([1.0, 1.0, 3 / 9], rel=1e-6)


def test_a_norm_of_zero_is_short_enough():
    assert clip_factor(torch.tensor(0.0), 1.0) is None
    assert clip_factor(torch.tensor([0.0, 5.0]), 1.0).tolist() == pytest.approx([1.0, 0.2])


def test_without_a_look_the_factor_of_short_gradients_is_1():
    # A device whose values cannot be looked at, as a look at a GPU would wait.
    norm = torch.zeros(3, device="meta")
    factor = clip_factor(norm, 2.0)
    assert factor is not None
    assert factor.shape == (3,)


def test_a_norm_is_raised_by_a_millionth_before_the_division():
    factor = clip_factor(torch.tensor(3e-6, dtype=torch.float64), 1e-6)
    assert factor.item() == pytest.approx(1e-6 / (3e-6 + 1e-6), rel=1e-12)


@pytest.mark.parametrize(("norm", "factor"), [(1, 1 / 5), (4.9, 4.9 / 5), (5, 1), (5.1, 1)])
def test_gradients_are_cut_to_a_norm_over_all_of_them(norm, factor):
    # 3 and 4 have the norm 5.
    parameters = [nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(2)]
    for parameter, gradient in zip(parameters, (3.0, 4.0), strict=True):
        parameter.grad = torch.full_like(parameter, gradient)
    clip_gradients(parameters, norm)
    # The norm is raised by 1e-6 before the division, as in torch, and only if it is too long.
    tolerance = 0 if factor == 1 else 1e-6
    found = [parameter.grad.item() for parameter in parameters]
    assert found == pytest.approx([3 * factor, 4 * factor], rel=tolerance, abs=0)


def test_gradients_are_cut_as_torch_cuts_them():
    ours, theirs = ([nn.Parameter(torch.zeros(n)) for n in (3, 5, 2)] for _ in range(2))
    for scale in (0.01, 0.1, 100.0):
        # The last one has no gradient.
        for p, q in zip(ours[:2], theirs[:2], strict=True):
            p.grad = scale * torch.arange(1.0, len(p) + 1)
            q.grad = p.grad.clone()
        clip_gradients(ours, 2.0)
        nn.utils.clip_grad_norm_(theirs, 2.0)
        for p, q in zip(ours[:2], theirs[:2], strict=True):
            assert torch.allclose(p.grad, q.grad)


def test_without_gradients_there_is_nothing_to_cut():
    parameter = nn.Parameter(torch.zeros(2))
    clip_gradients([parameter], 1.0)
    assert parameter.grad is None
