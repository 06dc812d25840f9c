"""Dropout with a mask that belongs to a member, held against torch's own layers."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.members import MemberTemplate, structure_of
from skensemble.modules import FixedDropout, fix_dropout

# Each layer with the axes of a row that has 4096 units, or channels, to drop.
KINDS = [
    (nn.Dropout, (4096,)),
    (nn.Dropout, (64, 64)),
    (nn.Dropout1d, (4096, 3)),
    (nn.Dropout2d, (4096, 2, 2)),
    (nn.Dropout3d, (4096, 2, 1, 2)),
    (nn.AlphaDropout, (4096,)),
    (nn.FeatureAlphaDropout, (4096, 2, 2)),
]
ALPHA = [nn.AlphaDropout, nn.FeatureAlphaDropout]


def fixed(layer, seed=0):
    """Give the layer of a member, as an ensemble makes it."""
    template = nn.Sequential(layer)
    fix_dropout(template)
    state = {"0.seed": np.array(seed)}
    return MemberTemplate(template).build(state, torch.device("cpu"))[0]


def values(output):
    """Give the values that occur, but for rounding."""
    return torch.unique(output.double().mul(1e4).round() / 1e4).tolist()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("fill", [0.0, 1.0])
@pytest.mark.parametrize(("kind", "axes"), KINDS)
def test_units_take_the_values_that_torch_gives_them(kind, axes, fill, p):
    torch.manual_seed(0)
    rows = torch.full((2, *axes), fill)
    expected = values(kind(p).train()(rows))
    assert values(fixed(kind(p))(rows)) == pytest.approx(expected, abs=2e-4)
    assert len(expected) == (1 if fill == 0 and kind not in ALPHA else 2)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize(("kind", "axes"), KINDS)
def test_the_share_that_is_dropped_is_p(kind, axes, p):
    output = fixed(kind(p))(torch.ones(1, *axes))
    # Kept units are larger than dropped ones. 4096 units have an error of at most 0.008.
    dropped = (output < output.max() - 1e-3).double().mean().item()
    assert dropped == pytest.approx(p, abs=4.5 * (p * (1 - p) / 4096) ** 0.5)


@pytest.mark.parametrize(("kind", "axes"), KINDS)
def test_channels_are_dropped_whole_where_torch_does_so(kind, axes):
    torch.manual_seed(0)
    rows = torch.ones(1, *axes)
    for layer in (kind(0.5).train(), fixed(kind(0.5))):
        channels = layer(rows)[0].flatten(1) if len(axes) > 1 else layer(rows)[0][:, None]
        are_whole = (channels == channels[:, :1]).all().item()
        assert are_whole == (kind is not nn.Dropout or len(axes) == 1)


@pytest.mark.parametrize(("kind", "axes"), KINDS)
def test_a_probability_of_1_drops_all_as_torch_does(kind, axes):
    rows = torch.ones(2, *axes)
    expected = kind(1.0).train()(rows)
    assert torch.equal(fixed(kind(1.0))(rows), expected)
    assert (expected == 0).all()


@pytest.mark.parametrize(("kind", "axes"), KINDS)
def test_each_row_has_the_same_mask_whatever_is_beside_it(kind, axes):
    layer = fixed(kind(0.5))
    ones = layer(torch.ones(3, *axes))
    assert torch.equal(ones, ones[:1].expand_as(ones))
    rows = torch.randn(3, *axes, generator=torch.Generator().manual_seed(0))
    output = layer(rows)
    assert torch.equal(layer(rows.flip(0)), output.flip(0))
    assert torch.equal(layer(rows[1:2]), output[1:2])


def test_the_mean_over_members_is_the_row():
    rows = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    for kind in (nn.Dropout, nn.AlphaDropout):
        train_mode = kind(0.3).train()
        torch.manual_seed(0)
        expected = torch.stack([train_mode(rows) for _ in range(600)]).mean(0)
        mean = torch.stack([fixed(kind(0.3), seed)(rows) for seed in range(600)]).mean(0)
        # A mean of 600 has an error of at most sqrt(0.3 / 0.7) * 2.2 / sqrt(600) = 0.06.
        assert (mean - expected).abs().max() < 0.3


def test_masks_are_those_of_the_seed():
    rows = torch.ones(1, 64)
    first = fixed(nn.Dropout(0.5), 1)(rows)
    assert torch.equal(fixed(nn.Dropout(0.5), 1)(rows), first)
    torch.manual_seed(99)
    assert torch.equal(fixed(nn.Dropout(0.5), 1)(rows), first)
    assert not torch.equal(fixed(nn.Dropout(0.5), 2)(rows), first)


def test_a_mask_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    fixed(nn.Dropout(0.5))(torch.ones(1, 64))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_layer_has_a_mask_for_each_shape_whatever_was_called_before():
    narrow, wide = torch.ones(2, 16), torch.ones(2, 64)
    layer, other = fixed(nn.Dropout(0.5)), fixed(nn.Dropout(0.5))
    first = layer(narrow), layer(wide)
    second = other(wide), other(narrow)
    assert torch.equal(first[0], second[1])
    assert torch.equal(first[1], second[0])
    assert torch.equal(layer(narrow), first[0])


def test_floats_keep_their_precision_and_their_mask():
    layer = fixed(nn.Dropout(0.5))
    double = layer(torch.ones(1, 64, dtype=torch.float64))
    assert double.dtype == torch.float64
    assert torch.equal(layer(torch.ones(1, 64)).double(), double)


def test_dropout_stays_on_in_evaluation_mode():
    layer = fixed(nn.Dropout(0.5)).eval()
    assert set(layer(torch.ones(1, 64)).flatten().tolist()) == {0.0, 2.0}


def test_only_dropout_that_drops_is_replaced():
    module = nn.Sequential(
        nn.Dropout(0.0), nn.ReLU(), nn.Sequential(nn.Dropout(0.2)), nn.Dropout1d(0.1)
    )
    assert fix_dropout(module) == ["2.0", "3"]
    kinds = [type(layer) for layer in (module[0], module[1], module[2][0], module[3])]
    assert kinds == [nn.Dropout, nn.ReLU, FixedDropout, FixedDropout]
    assert (module[2][0].p, module[3].p) == (0.2, 0.1)


def test_a_layer_that_stands_in_two_places_stays_one():
    shared = nn.Dropout(0.5)
    module = nn.Sequential(shared, nn.Linear(64, 16), shared)
    assert fix_dropout(module) == ["0", "2"]
    assert module[0] is module[2]


def test_layers_of_a_module_have_masks_of_their_own():
    module = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    template = structure_of(module)
    fix_dropout(template)
    state = {"0.seed": np.array(1), "1.seed": np.array(2)}
    first, second = MemberTemplate(template).build(state, torch.device("cpu"))
    rows = torch.ones(1, 64)
    assert not torch.equal(first(rows), second(rows))
    assert isinstance(module[0], nn.Dropout)


def test_members_of_one_template_have_masks_of_their_own():
    template = nn.Sequential(FixedDropout(nn.Dropout(0.5)))
    device, rows = torch.device("cpu"), torch.ones(1, 64)
    outputs = []
    for seed in (1, 2, 1):
        outputs.append(MemberTemplate(template).build({"0.seed": np.array(seed)}, device)(rows))
        # What the template has drawn for itself is not handed on.
    assert torch.equal(outputs[0], outputs[2])
    assert not torch.equal(outputs[0], outputs[1])


def test_a_copy_has_the_same_mask():
    layer, rows = fixed(nn.Dropout(0.5), 5), torch.ones(1, 64)
    assert torch.equal(copy.deepcopy(layer)(rows), layer(rows))
