"""Products of several nets in bfloat16, held against each layer by itself."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetRegressor
from skensemble.lockstep._half_linear import HalfLinear
from skensemble.lockstep._populations import ClosedFormPopulation
from skensemble.nets.gradients._bf16 import HalfLinear as HalfLinearAlone
from tests.lockstep.conftest import (
    LABELS,
    TARGETS,
    Own,
    X,
    assert_gives_what_separate_fits_give,
    fit_together,
    initialized,
    net,
    paused,
    snapshots,
    tasks_of,
)

BF16 = {"precision": "bf16"}
HALF_STEP = 2**-8


@torch.no_grad()
@pytest.mark.parametrize("n_outputs", [3, 5, 7])
@pytest.mark.parametrize("is_narrow", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_net_has_what_its_layer_gives_alone(n_outputs, is_narrow, dtype):
    layers = [nn.Linear(5, n_outputs) for _ in range(3)]
    for layer in layers:
        for parameter in layer.parameters():
            parameter.grad = torch.full_like(parameter, torch.nan)
    weight = torch.stack([layer.weight for layer in layers])
    weight = weight if is_narrow else weight.mT.contiguous()
    bias = torch.stack([layer.bias for layer in layers])
    weight_grad, bias_grad = torch.full_like(weight, torch.nan), torch.full_like(bias, torch.nan)
    ours = HalfLinear(weight, weight_grad, bias, bias_grad, is_narrow)
    alone = [HalfLinearAlone(layer) for layer in layers]
    close = {"rtol": 2 * HALF_STEP, "atol": 1e-6}
    for n in (6, 4):
        x, g = torch.randn(3, n, 5), torch.randn(3, n, n_outputs)
        outputs, inputs = ours.forward(x.to(dtype)).clone(), ours.backward(g).clone()
        gradients = weight_grad if is_narrow else weight_grad.mT
        for k, (layer, own) in enumerate(zip(layers, alone, strict=True)):
            torch.testing.assert_close(outputs[k], own.forward(x[k]), **close)
            torch.testing.assert_close(inputs[k], own.backward(g[k]), **close)
            torch.testing.assert_close(gradients[k], layer.weight.grad, **close)
            torch.testing.assert_close(bias_grad[k], layer.bias.grad)
            layer.weight += 0.5
        weight += 0.5


@pytest.mark.parametrize("own", [{}, {"kind": NetRegressor}, {"module__dropout": 0.3}])
def test_a_population_of_bf16_nets_has_gradients_near_those_of_float32(own):
    # Rounding switches no unit on or off.
    settings = {"module__hidden_units": (16, 8), "module__activation": "silu"} | own
    found = []
    y = torch.as_tensor(TARGETS if "kind" in own else LABELS)
    y = (y.float() if "kind" in own else y).expand(3, *y.shape)
    for precision in ("bf16", "float32"):
        torch.manual_seed(0)
        nets = [initialized(seed=k, precision=precision, **settings) for k in range(3)]
        torch.manual_seed(1)
        population = ClosedFormPopulation([paused(one) for one in nets])
        with torch.no_grad():
            batch = torch.as_tensor(X, dtype=torch.float32).expand(3, -1, -1), y
            population.draw(65, [65] * 3)
            losses = population.backward((*batch, torch.full((3, 65), 1 / 65)))
        found.append((losses, [gradient.clone() for gradient in population.gradients]))
    (losses, gradients), (exact_losses, exact) = found
    assert losses.dtype == torch.float32
    torch.testing.assert_close(losses, exact_losses, rtol=4 * HALF_STEP, atol=0)
    assert not torch.equal(losses, exact_losses)
    for one, other in zip(gradients, exact, strict=True):
        assert one.dtype == torch.float32
        for k in range(3):
            assert (one[k] - other[k]).norm() < 8 * HALF_STEP * other[k].norm()


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_nets_in_bf16_train_together(optimizer, dropout):
    own = net(**BF16, optimizer=optimizer, module__dropout=dropout)
    ensembles = [snapshots(own, alpha_zero=r, random_state=k) for k, r in enumerate((0.01, 0.02))]
    # Sums in another order may be rounded to the next number of eight bits.
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), 5e-3)
    assert report.groups == [{"engine": "closed form", "n_nets": 2, "n_fits": 2}]


def test_weights_of_rows_count_in_bf16():
    weight = np.where(np.arange(65) % 2, 1.0, 1e-6)
    ensembles = [snapshots(net(**BF16), random_state=k) for k in range(2)]
    assert_gives_what_separate_fits_give(tasks_of(ensembles, sample_weight=weight), 2e-2)


def test_nets_of_other_precisions_are_other_populations():
    nets = [net(precision=p) for p in ("bf16", "float32") for _ in range(2)]
    ensembles = [snapshots(one, random_state=k) for k, one in enumerate(nets)]
    fitted = fit_together(tasks_of(ensembles))
    assert all(member["0.weight"].dtype == "f" for one in fitted for member in one.members_)
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), 5e-3)
    assert [group["n_nets"] for group in report.groups] == [2, 2]


def test_other_modules_need_autocast():
    pair = [snapshots(net(Own, **BF16), random_state=k) for k in range(2)]
    report = assert_gives_what_separate_fits_give(tasks_of(pair), 1e-6)
    assert dict(report.alone) == {"precision='bf16' needs autocast": 2}
