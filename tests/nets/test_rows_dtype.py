"""Whole numbers stay whole where the module takes them, and the trial leaves no trace."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.modules import MLP
from skensemble.nets import float_dtype, may_take_whole_numbers, rows_dtype

IDS = np.arange(60).reshape(30, 2) % 20
Y = np.arange(30) % 2
QUICK = {"max_epochs": 2, "random_state": 0}


class Embedded(nn.Module):
    """A module of ids, which notes the types that it has seen."""

    def __init__(self, n_ids=20):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(n_ids, 3), nn.Linear(6, 2)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.dtype)
        return self.linear(self.embedding(x).flatten(1))


class Noted(nn.Linear):
    """A module of floats, which notes the types that it has seen."""

    def __init__(self):
        super().__init__(2, 2)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.dtype)
        return super().forward(x)


class Parity(nn.Linear):
    """A module that needs every digit of its whole numbers."""

    def __init__(self):
        super().__init__(1, 2)

    def forward(self, x):
        return super().forward((x % 2).float())


def net_of(module, **settings):
    return NetClassifier(module, **QUICK, **settings)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.int8, np.uint16])
@pytest.mark.parametrize("wrap", [np.asarray, torch.tensor, pd.DataFrame, np.ndarray.tolist])
def test_ids_of_any_kind_reach_an_embedding(kind, wrap):
    if wrap is torch.tensor and kind is np.uint16:
        pytest.skip("torch reads no uint16 of NumPy in every version")
    X = wrap(IDS.astype(kind))
    net = net_of(Embedded).fit(X, Y)
    assert net.rows_dtype_ is np.int64
    assert net.module_.seen == [torch.int64] * len(net.module_.seen)
    assert net.predict(X).shape == (30,)
    net.partial_fit(X, Y)
    assert set(net.module_.seen) == {torch.int64}


@pytest.mark.parametrize("settings", [{}, {"precision": "float64"}])
@pytest.mark.parametrize("module", [Noted, None])
def test_counts_become_floats_where_the_module_takes_no_others(module, settings):
    net = net_of(module or MLP, **settings).fit(IDS, Y)
    expected = np.float64 if settings else np.float32
    assert net.rows_dtype_ is expected
    same = net_of(module or MLP, **settings).fit(IDS.astype(float), Y)
    assert (net.predict_proba(IDS) == same.predict_proba(IDS.astype(float))).all()
    if module is Noted:
        # The trial saw a copy.
        assert set(net.module_.seen) == {torch.float64 if settings else torch.float32}


def test_bytes_become_floats():
    pixels = np.full((30, 2), 255, dtype=np.uint8)
    net = net_of(Noted).fit(pixels, Y)
    assert set(net.module_.seen) == {torch.float32}


def test_ids_beyond_the_digits_of_floats_are_told_apart():
    ids = 2**24 + np.arange(200)[:, None]
    y = ids[:, 0] % 2
    net = NetClassifier(Parity, max_epochs=40, lr=0.5, random_state=0).fit(ids, y)
    assert net.score(ids, y) == 1


def test_predictions_cast_as_fit_did():
    whole = net_of(Embedded).fit(IDS, Y)
    assert (whole.predict_proba(IDS.astype(float)) == whole.predict_proba(IDS)).all()
    floats = net_of(Noted).fit(IDS.astype(float), Y)
    assert (floats.predict_proba(IDS) == floats.predict_proba(IDS.astype(float))).all()
    # Whole numbers that come after floats were fitted stay floats for the module.
    assert set(floats.module_.seen) == {torch.float32}


def test_weights_of_rows_stay_floats_beside_whole_numbers():
    weight = np.linspace(0.1, 0.9, 30)
    net = net_of(Embedded, batch_size=-1)
    weighted = net.fit(IDS, Y, sample_weight=weight).predict_proba(IDS)
    assert (net.fit(IDS, Y).predict_proba(IDS) != weighted).any()
    assert net.get_dataset(IDS, Y).sample_weight is None


def test_a_second_fit_finds_out_anew():
    net = net_of(Parity)
    assert net.fit(IDS[:, :1], Y).rows_dtype_ is np.int64
    assert net.fit(IDS[:, :1] / 2, Y).rows_dtype_ is np.float32


def test_an_id_that_is_out_of_range_is_said_to_be_so():
    with pytest.raises(IndexError, match="index out of range"):
        net_of(Embedded, module__n_ids=2).fit(IDS, Y)


def test_whole_numbers_that_come_out_again_are_no_answer():
    class Same(Noted):
        def forward(self, x):
            return x

    assert rows_dtype(NeuralNetRegressor(Same).initialize(), IDS) is np.float32


def lazy():
    return nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.LazyLinear(2))


def lazy_norm():
    # torch does not copy such a layer before it has seen rows.
    return nn.Sequential(nn.LazyBatchNorm1d(), nn.Dropout(), nn.LazyLinear(2))


@pytest.mark.parametrize("module", [lazy, lazy_norm])
def test_the_trial_leaves_module_and_generators_alone(module):
    net = net_of(module).initialize()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert rows_dtype(net, IDS) is np.float32
    assert torch.equal(torch.random.get_rng_state(), before)
    assert net.module_[2].has_uninitialized_params()
    assert net.module_.training


def test_further_modules_are_copied_too():
    class Encoded(NetClassifier):
        def initialize_module(self):
            super().initialize_module()
            self.encoder_ = Embedded()
            return self

        def infer(self, x, **fit_params):
            return self.module_(self.encoder_(x))

    net = Encoded(Noted, **QUICK).initialize()
    encoder, module = net.encoder_, net.module_
    assert rows_dtype(net, IDS) is np.int64
    assert net.encoder_ is encoder
    assert net.module_ is module
    assert encoder.seen == module.seen == []
    assert net.fit(IDS, Y).predict(IDS).shape == (30,)


def test_a_net_of_skorch_can_be_asked_too():
    def double():
        return nn.Linear(2, 2, dtype=torch.float64)

    stock = NeuralNetClassifier(double).initialize()
    assert rows_dtype(stock, IDS) is float_dtype(stock) is np.float64
    assert float_dtype(NeuralNetClassifier(double)) is np.float32
    assert rows_dtype(NeuralNetClassifier(Embedded).initialize(), IDS) is np.int64
    assert rows_dtype(NeuralNetClassifier(Embedded).initialize(), IDS / 2) is np.float32


@pytest.mark.parametrize("X", [IDS.astype(float), IDS.astype(np.uint8), csr_array(IDS), {"x": IDS}])
def test_only_rows_of_whole_numbers_are_worth_a_trial(X):
    assert not may_take_whole_numbers(NetClassifier(Embedded), X)
    assert may_take_whole_numbers(NetClassifier(Embedded), IDS)
    assert not may_take_whole_numbers(NetClassifier(), IDS)
    assert not may_take_whole_numbers(NetClassifier(MLP(2, 2)), IDS)


def test_a_regressor_takes_ids_too():
    net = NetRegressor(Embedded, **QUICK, criterion=nn.MSELoss)
    assert net.fit(IDS, np.stack([Y, 1 - Y], 1)).predict(IDS).shape == (30, 2)
    assert net.rows_dtype_ is np.int64


def test_fractions_after_a_fit_on_whole_numbers_are_refused():
    net = net_of(Embedded).fit(IDS, Y)
    for call in (net.predict, lambda X: net.partial_fit(X, Y), net.predict_proba):
        with pytest.raises(InvalidParameterError, match=r"^X must hold whole .*, got 0\.5"):
            call(IDS + 0.5)


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_a_module_that_finds_no_memory_says_so(error):
    class Huge(Noted):
        def forward(self, x):
            raise error("no memory left")

    with pytest.raises(error, match="no memory left"):
        net_of(Huge).fit(IDS, Y)
    with pytest.raises(error, match="no memory left"):
        rows_dtype(NeuralNetClassifier(Huge).initialize(), IDS)
