"""Nets of every kind in every ensemble."""

import numpy as np
import pytest
from torch import nn

from skensemble.modules import MLP
from tests.ensembles.conftest import output


class ImageNet(nn.Sequential):
    """A small convolution net for images of any size."""

    def __init__(self, n_outputs):
        super().__init__(
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.append(nn.Dropout(0.1)).append(nn.Linear(4, n_outputs))


class Narrow(MLP):
    """A module class of one's own, with dropout, which one of the methods needs."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs, hidden_units=(6,), dropout=0.1)


@pytest.mark.filterwarnings("ignore:The last member gives the same output")
def test_images_are_rows_of_more_axes(make_ensemble, data):
    y = data[1][::3][:40]
    images = np.random.default_rng(0).normal(size=(40, 2, 6, 6)).astype(np.float32)
    images[:, 0, 0, 0] = y
    for module, size in [(ImageNet, 5), (None, 6)]:
        net = make_ensemble().estimator
        net = net.set_params(batch_size=13, max_epochs=12)
        if module is not None:
            net = type(net)(module, batch_size=13, max_epochs=12)
        ensemble = make_ensemble(estimator=net).fit(images, y)
        rows = images[:, :, :size, :size]
        assert len(output(ensemble, rows)) == 40


def test_batch_statistics_belong_to_each_member(make_snapshot, data):
    y = data[1][::3][:40]
    images = np.random.default_rng(0).normal(size=(40, 2, 6, 6)).astype(np.float32)
    net = type(make_snapshot().estimator)(ImageNet, batch_size=13, max_epochs=12)
    members = make_snapshot(estimator=net).fit(images, y).members_
    assert [int(m["1.num_batches_tracked"]) for m in members] == [12, 24, 36]


def test_a_module_class_is_trained_by_the_default_net(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble(estimator=Narrow).fit(X, y)
    assert ensemble.template_net_.module is Narrow
    net = type(make_ensemble().estimator)(Narrow)
    assert (output(make_ensemble(estimator=net).fit(X, y), X) == output(ensemble, X)).all()


def test_the_default_is_exactly_the_net_of_the_docstring(make_ensemble, data):
    X, y = data
    net = type(make_ensemble().estimator)(**type(make_ensemble())._default_parameters)
    written_out = make_ensemble(estimator=net).fit(X, y)
    assert (output(make_ensemble(estimator=None).fit(X, y), X) == output(written_out, X)).all()
    call = repr(type(net).__name__)[1:-1] + "("
    call += ", ".join(f"{k}={v}" for k, v in type(written_out)._default_parameters.items()) + ")"
    assert f"None is ``{call}``" in " ".join(type(written_out).__doc__.split())


def test_float64_nets_give_float64(make_ensemble, data):
    X, y = data
    assert output(make_ensemble().fit(X, y), X).dtype == np.float32
    net = make_ensemble().estimator.set_params(precision="float64")
    assert output(make_ensemble(estimator=net).fit(X, y), X).dtype == np.float64


def test_bf16_nets_give_float32(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(precision="bf16")
    coarse = output(make_ensemble(estimator=net).fit(X, y), X)
    assert coarse.dtype == np.float32
    assert np.corrcoef(coarse.ravel(), output(make_ensemble().fit(X, y), X).ravel())[0, 1] > 0.9


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
def test_compiled_nets_train_and_predict(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(compile=True, compile__backend="eager")
    compiled = make_ensemble(estimator=net).fit(X, y)
    plain = make_ensemble().fit(X, y)
    assert set(compiled.members_[0]) == set(plain.members_[0])
    np.testing.assert_allclose(output(compiled, X), output(plain, X), rtol=1e-3, atol=1e-4)


class Ids(nn.Module):
    """A module that takes nothing but whole numbers."""

    def __init__(self, n_outputs):
        super().__init__()
        self.table, self.drop = nn.Embedding(30, 8), nn.Dropout(0.1)
        self.last = nn.Linear(8, n_outputs)

    def forward(self, x):
        """Average what the ids stand for."""
        return self.last(self.drop(self.table(x).mean(1)))


@pytest.mark.filterwarnings("ignore:The last member gives the same output")
@pytest.mark.filterwarnings("ignore:The members fit the training rows")
def test_ids_stay_whole_numbers(make_ensemble):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 30, (60, 3))
    net = type(make_ensemble().estimator)

    class Inferring(net):
        def infer(self, x, **fit_params):
            return super().infer(x, **fit_params)

    for kind in (net, Inferring):
        ensemble = make_ensemble(estimator=kind(Ids, max_epochs=12, batch_size=13))
        assert len(output(ensemble.fit(X, X[:, 0] % 3), X.astype(float))) == 60
        with pytest.raises(ValueError, match="X must hold whole numbers"):
            ensemble.predict(X + 0.5)
