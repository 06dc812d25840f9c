"""What module, criterion and optimizer are built from."""

import copy

import pytest
import torch
from torch import nn

from skensemble import NetClassifier, NetRegressor

SMALL = {"module__hidden_units": (8,), "max_epochs": 2, "batch_size": 32, "random_state": 0}


class Sized(nn.Module):
    """A module that wants the sizes of the data."""

    def __init__(self, n_features, n_classes, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, width), nn.Linear(width, n_classes))

    def forward(self, x):
        """Give logits."""
        return self.layers(x)


def test_sizes_are_filled_in_where_the_constructor_has_them(iris):
    X, y = iris
    net = NetClassifier(Sized, module__width=6).fit(X, y)
    first, last = net.module_.layers
    assert (first.in_features, first.out_features, last.out_features) == (4, 6, 3)


def test_sizes_that_are_given_stay(iris):
    X, y = iris
    net = NetClassifier(Sized, module__n_classes=5).fit(X, y)
    assert net.predict_proba(X).shape == (150, 5)


def test_sizes_are_those_of_the_data_at_hand(iris):
    X, y = iris
    net = NetClassifier(Sized, max_epochs=1).fit(X, y)
    net.fit(X[:, :3], y % 2)
    first, last = net.module_.layers
    assert (first.in_features, last.out_features) == (3, 2)


def test_without_data_nothing_is_filled_in():
    with pytest.raises(TypeError, match="n_features"):
        NetClassifier(Sized).initialize()
    net = NetClassifier(module__n_features=2, module__n_outputs=3).initialize()
    assert (net.module_[0].in_features, net.module_[-1].out_features) == (2, 3)


def test_a_module_instance_is_copied_and_not_trained(iris):
    module = nn.Linear(4, 3)
    before = copy.deepcopy(module.state_dict())
    net = NetClassifier(module, **{"max_epochs": 5}).fit(*iris)
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in before)
    assert not torch.equal(net.module_.weight, module.weight)


def test_a_criterion_instance_is_copied(iris):
    criterion = nn.CrossEntropyLoss(weight=torch.ones(3))
    net = NetClassifier(**SMALL, criterion=criterion, precision="float64").fit(*iris)
    assert net.criterion_ is not criterion
    assert net.criterion_.weight.dtype == torch.float64
    assert criterion.weight.dtype == torch.float32


@pytest.mark.parametrize("precision", ["float32", "float64", "bf16"])
@pytest.mark.parametrize("own", ["float32", "float64"])
def test_weights_and_statistics_have_the_precision_of_the_net(iris, precision, own):
    X, y = iris
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)).to(getattr(torch, own))
    net = NetClassifier(module, max_epochs=1, precision=precision).fit(X, y)
    expected = torch.float64 if precision == "float64" else torch.float32
    state = net.module_.state_dict()
    assert state.pop("0.num_batches_tracked").dtype == torch.int64
    assert {value.dtype for value in state.values()} == {expected}


def test_statistics_alone_have_the_precision_of_the_net(iris):
    module = nn.Sequential(nn.BatchNorm1d(4, affine=False).double(), nn.Linear(4, 3))
    net = NetClassifier(module, max_epochs=1).fit(*iris)
    assert net.module_[0].running_mean.dtype == torch.float32


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_the_default_net_has_two_hidden_layers_of_64_relu_and_40_epochs(kind, iris):
    assert (kind().max_epochs, kind().batch_size) == (40, 64)
    assert kind().get_params()["optimizer__weight_decay"] == 1e-4
    layers = kind(max_epochs=1).fit(*iris).module_
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU] * 2 + [nn.Linear]
    assert [layers[0].out_features, layers[2].out_features] == [64, 64]


def test_defaults_of_sgd_are_those_of_the_net(iris):
    group = NetClassifier(**SMALL).fit(*iris).optimizer_.param_groups[0]
    found = {name: group[name] for name in ("momentum", "nesterov", "weight_decay")}
    assert found == {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}


def test_an_optimizer_without_momentum_gets_none(iris):
    net = NetClassifier(**SMALL, optimizer=torch.optim.Adam, lr=0.01).fit(*iris)
    assert "momentum" not in net.optimizer_.defaults
    # Adam knows a weight decay.
    assert net.optimizer_.defaults["weight_decay"] == 1e-4
    with pytest.raises(TypeError, match="momentum"):
        NetClassifier(optimizer=torch.optim.Adam, optimizer__momentum=0.5).fit(*iris)


def test_an_optimizer_that_calls_back_is_stepped_by_skorch(iris):
    settings = {"optimizer__momentum": 0.9, "optimizer__nesterov": True}
    net = NetClassifier(
        optimizer=torch.optim.LBFGS, lr=0.5, max_epochs=5, batch_size=-1, random_state=0
    )
    assert settings.items() <= net.get_params().items()
    assert net.set_params(optimizer__weight_decay=1e-4).fit(*iris).score(*iris) > 0.95


def test_momentum_of_0_is_no_nesterov(iris):
    net = NetClassifier(**SMALL, optimizer__momentum=0).fit(*iris)
    assert not net.optimizer_.defaults["nesterov"]


@pytest.mark.parametrize(
    ("settings", "fused"),
    [
        ({}, True),
        ({"optimizer": torch.optim.AdamW, "lr": 0.01}, True),
        ({"optimizer__fused": False}, False),
        ({"optimizer__foreach": True}, None),
        ({"optimizer__differentiable": False}, None),
        ({"fast": False}, None),
    ],
)
def test_steps_are_fused_unless_something_is_said_about_them(iris, settings, fused):
    net = NetClassifier(**SMALL, **settings, device="cpu").fit(*iris)
    assert net.optimizer_.param_groups[0]["fused"] is fused


def test_steps_are_not_fused_where_torch_has_none():
    net = NetClassifier(module__n_features=2, module__n_outputs=3, device="meta").initialize()
    assert net.optimizer_.param_groups[0]["fused"] is False


def test_an_optimizer_that_cannot_fuse_is_not_told_to(iris):
    net = NetClassifier(**SMALL, optimizer=torch.optim.RMSprop, lr=0.01).fit(*iris)
    assert "fused" not in net.optimizer_.defaults
    assert net.optimizer_.defaults["momentum"] == 0.9


class Headed(nn.Module):
    """A body that is given, and a head."""

    def __init__(self, body, n_outputs):
        super().__init__()
        self.body, self.head = body, nn.Linear(4, n_outputs)

    def forward(self, x):
        """Give logits."""
        return self.head(self.body(x))


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("scripted", [False, True])
def test_a_module_that_is_an_argument_is_copied_and_not_trained(iris, scripted):
    body = nn.Linear(4, 4)
    body = torch.jit.script(body) if scripted else body
    before = body.weight.detach().clone()
    net = NetClassifier(Headed, module__body=body, precision="float64", max_epochs=2).fit(*iris)
    assert torch.equal(body.weight, before)
    assert body.weight.dtype == torch.float32
    assert not torch.equal(net.module_.body.weight.float(), before)
