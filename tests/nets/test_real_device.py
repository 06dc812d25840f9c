"""Where a net computes, when its `device` may be "auto" or a device that is gone."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

from skensemble import NetClassifier

SMALL = {"module__hidden_units": (8,), "max_epochs": 3, "batch_size": 32, "random_state": 0}


@pytest.fixture
def no_cuda(monkeypatch):
    """Give a machine without CUDA."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.fixture
def fitted_on_cuda(iris, monkeypatch):
    """Give a net as another machine would have trained it on its GPU, but for its tensors."""
    net = NetClassifier(**SMALL, device="cpu").fit(*iris)
    with monkeypatch.context() as other_machine:
        other_machine.setattr(torch.cuda, "device_count", lambda: 1)
        assert net.set_params(device="cuda").find_device() == torch.device("cuda:0")
    return net


def test_a_fitted_net_pickles_with_its_device(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    loaded = pickle.loads(pickle.dumps(net))
    assert loaded.device == "auto"
    assert loaded.device_ == net.device_
    assert (loaded.predict_proba(X) == net.predict_proba(X)).all()


def test_a_net_that_was_not_fitted_pickles_too(iris):
    loaded = pickle.loads(pickle.dumps(NetClassifier(**SMALL)))
    assert not hasattr(loaded, "device_")
    assert loaded.fit(*iris).device == "auto"


def test_a_net_goes_through_save_params_and_load_params(iris, tmp_path):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    net.save_params(f_params=tmp_path / "net.pt")
    other = clone(net).set_params(random_state=5).fit(X, y)
    assert (other.predict_proba(X) != net.predict_proba(X)).any()
    other.load_params(f_params=tmp_path / "net.pt")
    assert other.device == "auto"
    assert (other.predict_proba(X) == net.predict_proba(X)).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none_is_refused(iris):
    with pytest.raises(ValueError, match=r"device must be on this machine .*, got 'cuda'"):
        NetClassifier(device="cuda").fit(*iris)


def test_a_device_is_looked_up_once_for_a_fit_and_its_predictions(iris, monkeypatch, no_cuda):
    answers = iter([False])
    # A second look would find a device that is not there.
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: next(answers, True))
    net = NetClassifier(**SMALL).fit(*iris)
    net.predict(iris[0])
    net.partial_fit(*iris)
    assert net.device_ == torch.device("cpu")


def test_another_argument_is_looked_up_anew():
    net = NetClassifier()
    for device in ("cpu", "meta", "cpu"):
        assert net.set_params(device=device).find_device() == torch.device(device)
        assert net.device_ == torch.device(device)


def test_an_empty_device_is_looked_up_too():
    assert NetClassifier(device=None).find_device() == torch.device("cpu")
    with pytest.raises(ValueError, match=r"device must be 'auto' or a device .*, got \(\)"):
        NetClassifier(device=()).find_device()


class Failing(Callback):
    """A callback that fails."""

    def on_epoch_end(self, net, **kwargs):
        """Fail."""
        raise RuntimeError("no more epochs")


def failing_module():
    raise TypeError("no n_rows")


@pytest.mark.parametrize(
    ("keywords", "error"),
    [({"callbacks": [Failing()]}, RuntimeError), ({"module": failing_module}, TypeError)],
)
def test_the_argument_is_there_again_after_an_error(iris, keywords, error):
    net = NetClassifier(**keywords)
    with pytest.raises(error, match=r"no more epochs|n_rows"):
        net.fit(*iris)
    assert net.device == "auto"


def test_a_model_from_a_gpu_predicts_and_trains_on_the_cpu_where_there_is_none(
    iris, fitted_on_cuda, no_cuda
):
    X, y = iris
    expected = fitted_on_cuda.module_(torch.tensor(X)).softmax(-1).detach()
    blob = pickle.dumps(fitted_on_cuda)
    with pytest.warns(UserWarning, match="got 'cuda'. The model is put on the CPU"):
        loaded = pickle.loads(blob)
    assert loaded.device == "cuda"
    assert loaded.device_ == torch.device("cpu")
    np.testing.assert_allclose(loaded.predict_proba(X), expected, rtol=1e-5)
    # The device was found: training goes on there.
    loaded.partial_fit(X, y)
    assert len(loaded.history) == 2 * 3
    # A clone has the argument alone.
    with pytest.raises(ValueError, match=r"device must be on this machine .*, got 'cuda'"):
        clone(loaded).fit(X, y)


class SeesFormats(nn.Sequential):
    """Notes whether images come to it channels last."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 2), nn.Flatten(), nn.Linear(36, 2))
        self.seen = []

    def forward(self, x):
        """Note it."""
        self.seen.append(x.is_contiguous(memory_format=torch.channels_last))
        return super().forward(x)


@pytest.mark.parametrize("is_last", [False, True])
def test_convolutions_and_their_images_are_channels_last_where_it_is_asked_for(is_last):
    X, y = np.random.default_rng(0).normal(size=(40, 3, 4, 4)).astype("f4"), np.arange(40) % 2
    net = NetClassifier(SeesFormats, max_epochs=2, channels_last=is_last).fit(X, y)
    net.predict(X)
    assert {*net.module_.seen} == {is_last}
    weight = net.module_[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) is is_last
