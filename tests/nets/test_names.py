"""Names that a net does not have are refused when they are given."""

import gc
import inspect
from functools import partial
from weakref import ref

import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.nets._names import call_of, unknown_names


class Wide(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.layer = nn.Linear(4, width)


class Free(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()


class TwoModules(NetClassifier):
    """A net that builds a second module."""

    def initialize_module(self):
        """Build both."""
        super().initialize_module()
        self.second_ = Wide(**self.get_params_for("second"))
        return self


WRONG = [
    ({"hidden_units": (8,)}, "module__hidden_units=(8,)"),
    ({"hidden_layer_sizes": 8}, "module__hidden_units=8"),
    ({"weight_decay": 0.1}, "optimizer__weight_decay=0.1"),
    ({"momentum": 0.9}, "optimizer__momentum=0.9"),
    ({"dampening": 0.9}, "optimizer__dampening=0.9"),
    ({"learning_rate": 0.1}, "lr=0.1"),
    ({"epochs": 3}, "max_epochs=3"),
    ({"max_epoch": 3}, "max_epochs=3"),
    ({"batchsize": 3}, "batch_size=3"),
    ({"solver": "adam"}, "optimizer=torch.optim.Adam"),
    ({"reduction": "sum"}, "criterion__reduction='sum'"),
    ({"shuffle": False}, "iterator_train__shuffle=False"),
    ({"patience": 3}, "callbacks=[EarlyStopping()], train_split=ValidSplit(10)"),
    ({"module__hiden_units": 8}, "module__hidden_units=8"),
    ({"mudule__hidden_units": 8}, "module__hidden_units=8"),
    ({"optimizer__momentm": 0.5}, "optimizer__momentum=0.5"),
    ({"max_iter": 2, "dropout": 0.1}, "module__dropout=0.1, max_epochs=2"),
]


@pytest.mark.parametrize("net", [NetClassifier, NetRegressor])
@pytest.mark.parametrize(("keywords", "spelling"), WRONG)
def test_a_wrong_name_is_answered_with_the_right_one(net, keywords, spelling):
    with pytest.raises(InvalidParameterError, match=f"for estimator {net.__name__}") as refused:
        net(**keywords)
    assert str(refused.value).endswith(f"Write {net.__name__}({spelling}).")
    with pytest.raises(InvalidParameterError) as refused:
        net().set_params(**keywords)
    assert str(refused.value).endswith(f"Write set_params({spelling}).")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("module_hidden_units", "module__hidden_units"),
        ("module_hiden_units", "module__hidden_units"),
        ("optimizermomentum", "optimizer__momentum"),
        ("iterator_train_shuffle", "iterator_train__shuffle"),
        ("criterion_reduce", "criterion__reduce"),
        ("callbacks_print_log__sink", "callbacks__print_log__sink"),
        ("compile_mode", "compile__mode"),
    ],
)
def test_an_underscore_too_few_is_answered_as_in_skorch(name, meant):
    message = f"^Got an unexpected argument {name}, did you mean {meant}\\?$"
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier(**{name: 3})
    with pytest.raises(InvalidParameterError, match=f"Invalid parameter '{name}'"):
        NetClassifier().set_params(**{name: 3})
    with pytest.raises(InvalidParameterError, match=r"Invalid parameters '.*', '.*' for"):
        NetClassifier(**{name: 3, "colour": 3})


def test_what_is_like_nothing_is_answered_with_all_there_is():
    with pytest.raises(
        InvalidParameterError, match=r"got colour=3\. Valid parameters are: .*, criterion, .*, lr"
    ):
        NetClassifier(colour=3)


def test_the_keywords_of_an_own_module_are_known():
    with pytest.raises(InvalidParameterError, match=r"Write NetClassifier\(module__width=5\)"):
        NetClassifier(Wide, widht=5)
    with pytest.raises(InvalidParameterError, match=r"Write set_params\(module__width=5\)"):
        NetClassifier(Wide()).set_params(module__widht=5)
    # What the built-in module has is of no use with another.
    with pytest.raises(InvalidParameterError, match="Valid parameters are: augment"):
        NetClassifier(Wide, hidden_layer_sizes=5)


@pytest.mark.parametrize(
    "keywords",
    [
        {"module": Wide, "module__width": 5},
        {"module": Free, "module__whatever": 5},
        {"module": lambda width: Wide(width), "module__width": 5},
        {"module": partial(Wide), "module__width": 5},
        {"optimizer": torch.optim.Adam, "optimizer__betas": (0.9, 0.9)},
        {"optimizer__param_groups": [("*bias", {"lr": 0.1})]},
        {"optimizer__lr": 0.1},
        {"callbacks__epoch_timer": None, "callbacks__print_log__sink": print},
        {"iterator_train__generator": None, "iterator_valid__batch_size": 3},
        {"dataset__length": 3, "compile__mode": "default"},
        {"predict_nonlinearity": None, "use_caching": False, "torch_load_kwargs": None},
        {"warm_start": True, "callbacks": [], "compile": False},
    ],
)
def test_what_skorch_takes_is_taken(keywords):
    net = NetClassifier(**keywords)
    assert clone(net).get_params().keys() == net.get_params().keys()
    assert {name: getattr(net, name) for name in keywords} == keywords
    skorch_asks = [name for name in keywords if not name.startswith("callbacks__")]
    NetClassifier().set_params(**{name: keywords[name] for name in skorch_asks})


def test_a_new_module_is_asked_for_its_own_keywords():
    assert NetClassifier().set_params(module=Wide, module__width=2).module__width == 2
    with pytest.raises(InvalidParameterError, match="module__hidden_units"):
        NetClassifier().set_params(module=Wide, module__hidden_units=2)


def test_a_subclass_that_builds_more_is_left_to_skorch(iris):
    net = TwoModules(second__width=5, max_epochs=1).fit(*iris)
    assert net.second_.layer.out_features == 5
    assert clone(net).set_params(second__width=6).second__width == 6
    with pytest.raises(ValueError, match="unexpected argument"):
        TwoModules(third__width=5).fit(*iris)


class Bare(NetClassifier):
    """A subclass that changes no way in which parts are built."""

    def predict(self, X):
        """Predict as its base does."""
        return super().predict(X)


def test_a_subclass_that_builds_nothing_is_held_to_the_names():
    with pytest.raises(InvalidParameterError, match=r"Write Bare\(module__hidden_units=3\)"):
        Bare(hidden_units=3)


def test_a_module_by_place_is_all_that_goes_without_a_name():
    with pytest.raises(InvalidParameterError, match="all arguments but module by name, got 3"):
        NetClassifier(Wide, 3)
    assert "kwargs" in inspect.signature(NetClassifier).parameters


class Unhashable:
    __hash__ = None

    def __call__(self, width):
        return Wide(width)


def test_a_part_that_is_no_key_is_read_all_the_same():
    assert NetClassifier(Unhashable(), module__width=3).module__width == 3


def test_a_stock_net_is_read_as_our_own_are():
    net = NeuralNetClassifier(Wide)
    assert unknown_names(net, {"module__widht": 3, "module__width": 3}) == ["module__widht"]
    call = call_of(NeuralNetClassifier, {"widht": 3}, {"module": Wide})
    assert call == "NeuralNetClassifier(module__width=3)"


@pytest.mark.parametrize("wrap", [lambda f: f, partial])
def test_what_a_module_is_made_from_is_not_kept(wrap):
    class Data:
        pass

    def make_net():
        data = Data()
        net = NetClassifier(wrap(lambda n_outputs: (data, nn.Linear(1, n_outputs))), lr=0.1)
        net.set_params(module__n_outputs=2)
        return ref(data)

    kept = make_net()
    gc.collect()
    assert kept() is None
