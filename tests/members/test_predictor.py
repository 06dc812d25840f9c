"""Predictions of members, one by one and averaged."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.members import MemberTemplate, Predictor, _predictor, copy_state
from skensemble.weight_space import average_of, with_members

CPU = torch.device("cpu")


def test_the_predictor_averages_probabilities_and_not_logits():
    predictor = Predictor(CPU, torch.nn.Softmax(-1), None, 1)
    for bias in ([2.0, 0.0], [0.0, 4.0]):
        layer = nn.Linear(1, 2)
        state = {"weight": np.zeros((2, 1), "f4"), "bias": np.array(bias, "f4")}
        predictor.add(MemberTemplate(layer), state)
    first, second = np.exp(2) / (np.exp(2) + 1), 1 / (1 + np.exp(4))
    X = np.zeros((5, 1), np.float32)
    assert predictor.mean(X, np.array([0.25, 0.75]))[:, 0] == pytest.approx(
        0.25 * first + 0.75 * second
    )


def predictor_of(module, *, transform=None, autocast=None):
    predictor = Predictor(CPU, transform or nn.Identity(), autocast, 1)
    predictor.add(MemberTemplate(module), copy_state(module))
    return predictor


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_either_precision_are_read_as_they_are(dtype):
    module = nn.Linear(1, 1, dtype=torch.from_numpy(np.zeros(1, dtype)).dtype)
    nn.init.constant_(module.weight, 1.0)
    nn.init.zeros_(module.bias)
    predictor = predictor_of(module)
    # float32 cannot tell 1 + 1e-12 from 1.
    X = np.array([[1.0], [1 + 1e-12]], dtype)
    outputs = predictor.outputs(X, [0])[0]
    assert outputs.dtype == predictor.mean(X, np.ones(1)).dtype == dtype
    assert (outputs[1, 0] != outputs[0, 0]) == (dtype is np.float64)


class Pair(nn.Linear):
    """A module that gives two outputs."""

    def forward(self, x):
        """Give the output and its opposite."""
        output = super().forward(x)
        return output, -output


def test_of_several_outputs_the_first_is_the_prediction():
    module, X = Pair(2, 3), np.ones((4, 2), np.float32)
    predictor = predictor_of(module)
    expected = module(torch.tensor(X))[0].detach().numpy()
    assert predictor.outputs(X, [0])[0] == pytest.approx(expected)
    assert predictor.mean(X, np.ones(1)) == pytest.approx(expected)


def test_outputs_of_lower_precision_are_widened_before_they_are_transformed():
    seen = []

    def transform(output):
        seen.append(output.dtype)
        return output.softmax(-1)

    X = np.ones((4, 2), np.float32)
    predictor = predictor_of(nn.Linear(2, 3), transform=transform, autocast=torch.bfloat16)
    assert predictor.outputs(X, [0]).dtype == np.float32
    assert seen == [torch.float32]
    # bfloat16 has 8 bits, of which a softmax in float32 keeps a sum of 1 to 6e-8 for each term.
    assert predictor.mean(X, np.ones(1)).sum(1) == pytest.approx(np.ones(4), abs=3e-7)
    exact = predictor_of(nn.Linear(2, 3), transform=transform)
    assert exact.outputs(X, [0]).dtype == np.float32


def test_members_that_are_asked_for_come_in_that_order():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    for value in (1.0, 2.0, 3.0):
        state = {"weight": np.full((1, 1), value, "f4"), "bias": np.zeros(1, "f4")}
        predictor.add(MemberTemplate(nn.Linear(1, 1)), state)
    X = np.ones((2, 1), np.float32)
    assert predictor.outputs(X, [2, 0])[:, 0, 0].tolist() == [3, 1]
    assert predictor.mean(X, np.array([0.5, 0.0, 0.5]))[:, 0].tolist() == [2, 2]
    assert predictor.mean(X, np.array([0.0, 0.25, 0.75]))[:, 0].tolist() == [2.75, 2.75]


def test_a_member_of_weight_0_is_not_run():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    for value in (np.nan, 1.0):
        predictor.add(
            MemberTemplate(nn.Linear(1, 1)),
            {"weight": np.full((1, 1), value, "f4"), "bias": np.ones(1, "f4")},
        )
    assert predictor.mean(np.ones((2, 1), np.float32), np.array([0.0, 1.0])).tolist() == [[2], [2]]


def test_batches_change_nothing():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    layer = nn.Linear(2, 3)
    predictor.add(MemberTemplate(layer), copy_state(layer))
    X = np.random.default_rng(0).normal(size=(10_001, 2)).astype(np.float32)
    expected = layer(torch.tensor(X)).detach().numpy()
    # Products of a different number of rows differ in the last bits of float32.
    assert predictor.outputs(X, [0])[0] == pytest.approx(expected, abs=1e-6)


class SeesFormats(nn.Sequential):
    """Notes whether images, and the weights that see them, are channels last."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 2), nn.Flatten(), nn.Linear(36, 2))
        self.seen = []

    def forward(self, x):
        """Note it."""
        both = x, self[0].weight
        self.seen += [t.is_contiguous(memory_format=torch.channels_last) for t in both]
        return super().forward(x)


@pytest.mark.parametrize("is_last", [False, True])
def test_members_see_images_in_the_format_of_their_net(is_last):
    X = np.random.default_rng(0).normal(size=(6, 3, 4, 4)).astype(np.float32)
    y = np.arange(6) % 2
    net = NetClassifier(SeesFormats, max_epochs=30, channels_last=is_last, device="cpu")
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y)
    # A stored ensemble has arrays alone, and those of a mean are of the order of NumPy.
    stored = pickle.loads(pickle.dumps(ensemble))
    mean = with_members(ensemble, [average_of(ensemble.members_)])
    for own in (ensemble, stored, mean):
        seen = own._predictor_.members[0].seen
        seen.clear()
        own.predict_proba(X)
        assert set(seen) == {is_last}
    assert (stored.predict_proba(X) == ensemble.predict_proba(X)).all()
    # Without a copy: a module on the CPU is on the memory of the arrays.
    weight = ensemble._predictor_.members[-1][0].weight
    assert np.shares_memory(weight.numpy(), ensemble.members_[-1]["0.weight"])


def test_members_of_a_channels_last_net_give_what_the_net_gives():
    X = np.random.default_rng(0).normal(size=(40, 3, 8, 8)).astype(np.float32)
    layers = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3)
    net = NetClassifier(nn.Sequential(*layers), channels_last=True, device="cpu", max_epochs=2)
    net.fit(X, np.arange(40) % 3)
    predictor = Predictor(CPU, partial(torch.softmax, dim=-1), None, 40, channels_last=True)
    predictor.add(None, copy_state(net.module_))
    assert (predictor.outputs(X, [0])[0] == net.predict_proba(X)).all()


class RunsOut(nn.Linear):
    """A module that memory holds for a few rows."""

    def forward(self, x):
        """Run out of memory for more than five rows."""
        if len(x) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


def test_rows_are_answered_in_parts_where_memory_does_not_hold_them():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    layers = [RunsOut(2, 3) for _ in range(2)]
    for layer in layers:
        predictor.add(MemberTemplate(layer), copy_state(layer))
    X = np.random.default_rng(0).normal(size=(37, 2)).astype(np.float32)
    expected = [nn.functional.linear(torch.tensor(X), *layer.parameters()) for layer in layers]
    expected = torch.stack(expected).detach().numpy()
    np.testing.assert_allclose(predictor.outputs(X, [0, 1]), expected, atol=1e-6)
    mean = predictor.mean(X, np.array([0.25, 0.75]))
    np.testing.assert_allclose(mean, 0.25 * expected[0] + 0.75 * expected[1], atol=1e-6)


def test_a_gpu_is_asked_for_as_many_rows_as_fit(monkeypatch):
    asked = []

    def batches(X, size, dtype, device):
        """Note the size, and answer on the CPU."""
        asked.append(size)
        yield torch.as_tensor(X)

    layer = nn.Linear(2, 3)
    predictor = Predictor(CPU, nn.Identity(), None, 128)
    predictor.add(MemberTemplate(layer), copy_state(layer))
    predictor.device = torch.device("cuda", 0)
    monkeypatch.setattr(_predictor, "forward_batches", batches)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**34, 2**36))
    for name in ("memory_reserved", "memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda device: 0)
    predictor.outputs(np.ones((5000, 2), np.float32), [0])
    predictor.outputs(np.ones((100, 2), np.float32), [0])
    assert asked == [2048, 128]
