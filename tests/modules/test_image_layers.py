import pickle
from copy import deepcopy
from math import sqrt

import pytest
import torch
from torch import nn

from skensemble import (
    InvalidParameterError,
    MCDropoutClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from skensemble.modules import (
    VGG,
    ChannelScaling,
    DenseNet,
    FixedDropout,
    PreResNet,
    ResNet,
    WideResNet,
    fix_dropout,
)

NETWORKS = {
    "WideResNet": (WideResNet, {"depth": 10, "width": 1}),
    "DenseNet": (DenseNet, {"depth": 7, "growth_rate": 4}),
    "DenseNet-BC": (DenseNet, {"depth": 10, "growth_rate": 4, "bottleneck": True}),
    "ResNet": (ResNet, {"depth": 8}),
    "PreResNet": (PreResNet, {"depth": 8}),
    "bottlenecks": (PreResNet, {"depth": 11, "bottleneck": True}),
    "VGG": (VGG, {"depth": 11}),
}


@pytest.fixture(params=list(NETWORKS))
def make(request):
    """Give a function that makes a small network of each kind."""
    network, sizes = NETWORKS[request.param]
    return lambda **options: network(**(sizes | options))


def images(n=2, n_channels=3, size=16, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shape = (n, n_channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).to(dtype)


def test_bytes_are_scaled_by_the_first_layer(make):
    module = make(channel_mean=[120.0, 110.0, 100.0], channel_std=60.0).eval()
    assert type(module[0]) is ChannelScaling
    plain = make().eval()
    assert type(plain[0]) is nn.Identity
    plain.load_state_dict(module.state_dict(), strict=False)
    mean = torch.tensor([120.0, 110.0, 100.0])[:, None, None]
    found, expected = module(images(dtype=torch.uint8)), plain((images() - mean) / 60)
    # float32 through some ten layers.
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("size", [8, 16, 28, 32])
def test_images_of_other_sizes_are_taken(make, n_channels, size):
    module = make(n_channels=n_channels, n_classes=7).eval()
    with torch.inference_mode():
        assert module(images(1, n_channels, size)).shape == (1, 7)


def test_channels_last_and_bf16_give_what_the_plain_way_gives(make):
    module = make(channel_mean=128.0, channel_std=64.0).eval()
    expected = module(images())
    module = module.to(memory_format=torch.channels_last)
    x = images(dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    layouts = []
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda *call: layouts.append(call[1][0]))
    torch.testing.assert_close(module(x), expected, rtol=1e-3, atol=1e-4)
    assert all(seen.is_contiguous(memory_format=torch.channels_last) for seen in layouts)
    with torch.autocast("cpu", torch.bfloat16):
        found = module(x)
    assert found.dtype == torch.bfloat16
    # Eight bits of mantissa, through some ten layers.
    torch.testing.assert_close(
        found.float(), expected, rtol=0.1, atol=0.1 * expected.abs().max().item()
    )


def test_a_copy_and_a_pickle_answer_alike(make):
    module = make(channel_mean=128.0, channel_std=64.0).eval()
    for copy in (deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(copy(images()), module(images()))


def test_float64_is_kept_from_bytes_to_logits(make):
    module = make(channel_mean=128.0, channel_std=64.0).double().eval()
    assert module(images(dtype=torch.uint8)).dtype == torch.float64


def test_images_are_not_changed_in_place(make):
    x = images()
    make()(x)
    assert torch.equal(x, images())


def test_weights_are_drawn_as_he_et_al_do():
    torch.manual_seed(0)
    for module in (WideResNet(10, 4), VGG(11), DenseNet(10, 24, bottleneck=True)):
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 2_000:
                n_paths = layer.kernel_size[0] ** 2 * layer.out_channels
                expected = sqrt(2 / n_paths)
                # Four standard errors of a standard deviation.
                tolerance = 4 * expected / sqrt(2 * layer.weight.numel())
                assert layer.weight.std().item() == pytest.approx(expected, abs=tolerance)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                assert not layer.bias.any()
            if isinstance(layer, nn.BatchNorm2d):
                assert (layer.weight == 1).all()


def test_all_is_traced_as_one_graph():
    module = WideResNet(10, 1, channel_mean=128.0, channel_std=64.0).eval()
    traced = torch.compile(module, fullgraph=True, backend="eager")
    assert torch.equal(traced(images()), module(images()))


@pytest.mark.parametrize("network", [WideResNet, DenseNet, VGG])
def test_masks_of_dropout_can_be_fixed(network):
    sizes = {VGG: {"depth": 11}, DenseNet: {"depth": 7}, WideResNet: {"depth": 10, "width": 1}}
    module = network(**sizes[network], dropout=0.3).eval()
    plain = module(images())
    assert len(fix_dropout(module)) == {VGG: 2, DenseNet: 5, WideResNet: 3}[network]
    for seed, layer in enumerate(m for m in module.modules() if isinstance(m, FixedDropout)):
        layer.seed.fill_(seed)
    found = module(images(4))
    assert not torch.allclose(found[:2], plain)
    # A row has the same mask beside any others; float32.
    torch.testing.assert_close(found[:2], module(images(4)[:2]), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def two_kinds():
    """Give images that are bright in one half, and which."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(48, 3, 8, 8, generator=generator).numpy()
    y = (torch.arange(48) % 2).numpy()
    X[y == 1, :, :, :4] += 2
    return X, y


def small_net(**options):
    """Make a net of a small network."""
    small = {"module__depth": 10, "module__width": 1, "max_epochs": 6, "batch_size": 12}
    return NetClassifier(WideResNet, **(small | options))


def test_a_net_and_snapshots_learn(two_kinds):
    X, y = two_kinds
    ensemble = SnapshotEnsembleClassifier(small_net(), M=2, random_state=0).fit(X, y)
    assert ensemble.score(X, y) > 0.9
    assert len(ensemble.members_) == 2
    copy = pickle.loads(pickle.dumps(ensemble))
    assert (copy.predict_proba(X) == ensemble.predict_proba(X)).all()


def test_a_net_fills_in_what_the_images_say(two_kinds):
    X, y = two_kinds
    pixels = (40 * X + 100).clip(0, 255).astype("uint8")
    net = small_net(random_state=0).fit(pixels, y)
    assert net.score(pixels, y) > 0.9
    assert net.module_.head.out_features == 2
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))
    expected = (pixels - mean[:, None, None]) / std[:, None, None]
    found = net.module_.scaling(torch.from_numpy(pixels))
    # Numbers up to 4 in float32.
    torch.testing.assert_close(found, torch.from_numpy(expected).float(), rtol=1e-4, atol=1e-5)
    assert net.fast_report_.lean_epoch is None
    assert "WideResNet, not MLP" in net.fast_report_.closed_form


def test_members_of_dropout_differ(two_kinds):
    net = small_net(module__dropout=0.3, max_epochs=1)
    ensemble = MCDropoutClassifier(net, M=2, random_state=0).fit(*two_kinds)
    first, both = ensemble.staged_predict_proba(two_kinds[0])
    assert abs(first - both).max() > 0.01


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"n_classes": 0}, "n_classes must be an int >= 1, got 0"),
        ({"n_channels": 0}, "n_channels must be an int >= 1, got 0"),
        ({"channel_mean": 1.0}, "channel_std must be a finite number > 0, or one for each"),
        ({"channel_std": 1.0}, "channel_mean must be a finite number, or one for each"),
        (
            {"channel_mean": [1.0, 2.0], "channel_std": 1.0},
            "channel_mean must be one number for each of n_channels=3 channels, got",
        ),
    ],
)
def test_arguments_that_break_a_rule_are_refused(make, options, rule):
    with pytest.raises(InvalidParameterError, match=rule):
        make(**options)


@pytest.mark.parametrize("network", [WideResNet, DenseNet, VGG])
def test_dropout_is_a_probability(network):
    with pytest.raises(InvalidParameterError, match="dropout must be a finite number"):
        network(dropout=1.5)
