"""Frozen layers on a GPU: run with ``pytest -m gpu``."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


def make(n_outputs):
    """Build a frozen body and a head."""
    body = nn.Sequential(nn.Linear(4, 64), nn.BatchNorm1d(64)).requires_grad_(False)
    return nn.Sequential(body, nn.Linear(64, n_outputs))


def test_members_share_what_is_frozen_on_the_device_too(iris):
    net = NetClassifier(make, max_epochs=30, device="cuda")
    ensemble = SnapshotEnsembleClassifier(net, M=3, random_state=0).fit(*iris)
    for one in (ensemble, pickle.loads(pickle.dumps(ensemble))):
        for name in ("0.0.weight", "0.1.running_mean"):
            assert all(member[name] is one.members_[0][name] for member in one.members_)
        modules = one._predictor_.members
        assert modules[0][1].weight.is_cuda
        assert len({module[0][0].weight.data_ptr() for module in modules}) == 1
        assert len({module[1].weight.data_ptr() for module in modules}) == 3
        assert (one.members_[0]["0.1.running_mean"] == 0).all()
        np.testing.assert_allclose(
            one.predict_proba(iris[0]), ensemble.predict_proba(iris[0]), rtol=1e-6
        )
