"""What Monte Carlo dropout does beyond the contract."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError, MCDropoutClassifier, NetClassifier
from skensemble.modules import MLP

NET = NetClassifier(module__hidden_units=(8,), module__dropout=0.3, max_epochs=20, batch_size=32)


class Normed(nn.Sequential):
    """A module with dropout and batch normalisation."""

    def __init__(self, n_features, n_outputs):
        layers = nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3)
        super().__init__(*layers, nn.Linear(8, n_outputs))


class Transformer(nn.Module):
    """A module whose layers skip their dropout in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        """Give logits."""
        return self.head(self.layer(x).mean(1))


def make(net=NET, **parameters):
    return MCDropoutClassifier(net, **({"M": 4, "random_state": 0} | parameters))


@pytest.mark.parametrize("net", [NET, NetClassifier(Normed, max_epochs=20, batch_size=32)])
def test_what_a_row_gives_does_not_depend_on_the_rows_beside_it(iris, net):
    X, y = iris
    ensemble = make(net).fit(X, y)
    proba = ensemble.member_predict_proba(X)
    order = np.random.default_rng(0).permutation(150)
    # Matrix products of other sizes round the last bit of float32 differently; a mask of its own
    # would move a row by tenths.
    exact = {"rtol": 2e-5, "atol": 1e-7}
    np.testing.assert_allclose(ensemble.member_predict_proba(X[order]), proba[:, order], **exact)
    np.testing.assert_allclose(ensemble.member_predict_proba(X[40:47]), proba[:, 40:47], **exact)
    np.testing.assert_allclose(ensemble.member_predict_proba(X[:1]), proba[:, :1], **exact)
    assert (ensemble.member_predict_proba(X) == proba).all()


def test_members_differ_by_more_than_rounding(iris):
    proba = make().fit(*iris).member_predict_proba(iris[0])
    for k in range(3):
        assert abs(proba[k] - proba[k + 1]).max() > 0.05


def test_members_share_their_weights(iris):
    first, *others = make().fit(*iris).members_
    for other in others:
        weights = [name for name in first if not name.endswith("seed")]
        assert weights == ["0.weight", "0.bias", "3.weight", "3.bias"]
        assert all(other[name] is first[name] for name in weights)
        assert other["2.seed"] != first["2.seed"]


def test_units_are_dropped_as_the_masks_say(iris):
    X, y = iris
    ensemble = make(M=50).fit(X, y)
    member = ensemble.members_[0]
    hidden = X @ member["0.weight"].T + member["0.bias"]
    hidden = np.maximum(hidden, 0)
    # With a weight on each unit of its own, the output is the mask over 1 - p.
    kept = [
        torch.rand(8, generator=torch.Generator().manual_seed(int(m["2.seed"]))).numpy() >= 0.3
        for m in ensemble.members_
    ]
    # 400 units have an error of sqrt(0.21 / 400) = 2.3 %.
    assert np.mean(kept) == pytest.approx(0.7, abs=0.1)
    for mask, proba in zip(kept, ensemble.member_predict_proba(X), strict=True):
        logits = torch.tensor((hidden * mask / 0.7) @ member["3.weight"].T + member["3.bias"])
        np.testing.assert_allclose(proba, logits.softmax(-1), rtol=1e-3, atol=1e-5)


def test_many_members_are_like_dropout_in_training_mode(iris):
    X, y = iris
    ensemble = make(M=300).fit(X, y)
    module = MLP(4, 3, hidden_units=(8,), dropout=0.3).train()
    member = ensemble.members_[0]
    module.load_state_dict({name: torch.from_numpy(member[name]) for name in module.state_dict()})
    torch.manual_seed(0)
    with torch.no_grad():
        draws = torch.stack([module(torch.tensor(X)).softmax(-1) for _ in range(300)]).numpy()
    proba = ensemble.member_predict_proba(X)
    # A probability has a deviation of at most 0.5, and the difference of two means of 300 draws
    # an error of 0.04; most deviations are far smaller.
    assert abs(proba.mean(0) - draws.mean(0)).max() < 0.15
    assert abs(proba.mean(0) - draws.mean(0)).mean() < 0.02
    assert proba.std(0).mean() == pytest.approx(draws.std(0).mean(), rel=0.15)


def test_the_layers_of_a_member_have_masks_of_their_own(iris):
    net = NetClassifier(module__hidden_units=(8, 8), module__dropout=0.3, max_epochs=5)
    members = make(net).fit(*iris).members_
    seeds = [int(member[name]) for member in members for name in ("2.seed", "5.seed")]
    assert len(set(seeds)) == 4 * 2


def test_more_members_begin_with_the_same_ones(iris):
    few, many = (make(M=M).fit(*iris).member_predict_proba(iris[0]) for M in (2, 5))
    assert (many[:2] == few).all()


def test_layers_that_skip_their_dropout_in_evaluation_mode_are_no_exception():
    X = np.random.default_rng(0).normal(size=(60, 5, 4)).astype(np.float32)
    ensemble = make(NetClassifier(Transformer, max_epochs=5)).fit(X, np.arange(60) % 3)
    assert ensemble.member_predict_proba(X).std(0).max() > 0.01


@pytest.mark.parametrize("net", [NetClassifier(), NetClassifier(module__dropout=0.0)])
def test_a_module_without_dropout_is_refused(iris, net):
    with pytest.raises(
        InvalidParameterError, match=r"a net with layers of torch.nn.Dropout .* got .*MLP"
    ):
        make(net).fit(*iris)


def test_the_default_net_has_dropout(iris):
    ensemble = MCDropoutClassifier(M=3, random_state=0).fit(*iris)
    assert ensemble.template_net_.module__dropout == 0.1
    assert ensemble.member_predict_proba(iris[0]).std(0).max() > 0.01


class SequenceFirst(nn.Module):
    """Drops units of rows that lie on the second axis."""

    def __init__(self):
        super().__init__()
        self.hidden, self.drop, self.out = nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 3)

    def forward(self, x):
        """Take the features for a sequence."""
        hidden = self.drop(self.hidden(x.T[:, :, None]).relu())
        return self.out(hidden.mean(0))


def test_a_net_whose_masks_would_belong_to_places_in_a_batch_is_refused(iris):
    net = NetClassifier(SequenceFirst, max_epochs=1)
    with pytest.raises(InvalidParameterError, match="rows on the first axis where it drops units"):
        MCDropoutClassifier(net, M=2, random_state=0).fit(*iris)
