"""Why a training left the fast ways; each reason is tested beside what finds it."""

import numpy as np
import pytest
import torch
from skorch.callbacks import EpochScoring
from torch import nn

from skensemble import NetClassifier
from skensemble.nets import FastReport

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(37, 5)), RNG.integers(0, 3, 37)


def fitted(**settings):
    return NetClassifier(max_epochs=2, batch_size=8, device="cpu", **settings).fit(X, Y)


def test_nothing_is_noted_where_every_way_was_taken():
    assert vars(FastReport()) == dict.fromkeys(
        ["lean_epoch", "closed_form", "fused_step", "cuda_graph"]
    )


@pytest.mark.parametrize("way", ["lean_epoch", "closed_form", "fused_step"])
def test_the_first_reason_stays_and_is_that_of_its_way_alone(way):
    report = FastReport()
    report.leave(way, "the first")
    report.leave(way, "the second")
    assert report == FastReport(**{way: "the first"})


def test_a_way_that_there_is_not_is_an_error():
    with pytest.raises(AttributeError, match="shortcut"):
        FastReport().leave("shortcut", "there is none")


def test_the_next_training_begins_with_nothing_known():
    net = fitted(fast=False)
    net.set_params(fast=True, callbacks=[("scoring", EpochScoring("accuracy", on_train=True))])
    assert net.fit(X, Y).fast_report_.lean_epoch == "the callback 'scoring' looks into batches"
    net.set_params(callbacks=None).fit(X, Y)
    assert net.fast_report_.lean_epoch is None
    assert net.fast_report_.closed_form is None
    # The optimizer has been told to fuse its steps anew.
    assert net.fast_report_.fused_step is None


def test_an_optimizer_of_another_kind_says_why_its_steps_are_its_own():
    net = fitted(optimizer=torch.optim.NAdam, lr=0.01)
    assert net.fast_report_.fused_step == "the optimizer is NAdam, not SGD, Adam or AdamW"
    assert net.fast_report_.closed_form is None


def test_a_net_that_was_not_trained_has_no_report():
    assert not hasattr(NetClassifier(nn.Linear(5, 3)).initialize(), "fast_report_")
