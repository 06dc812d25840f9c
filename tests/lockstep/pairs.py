"""Pairs of nets that are alike, or that differ in one thing alone."""

import numpy as np
import torch

from skensemble import NetRegressor
from tests.lockstep import conftest
from tests.lockstep.conftest import (
    Averaging,
    Centred,
    Dropping,
    Own,
    Scaled,
    Tied,
    moved,
    nudge,
    swapped,
)

X, LABELS = conftest.X[:37], conftest.LABELS[:37]
TARGETS, WEIGHT = conftest.TARGETS[:37], conftest.WEIGHT[:37]
HALF, ALL = (lambda t, T: t in (T // 2, T)), (lambda t, T: True)


def with_memory(**values):
    """Give a function that lets a net begin with an optimizer that remembers something."""

    def change(net):
        for parameter in net.module_.parameters():
            state = net.optimizer_.state[parameter]
            for name, value in values.items():
                like = torch.zeros(()) if name == "step" else parameter
                state[name] = torch.full_like(like, value)

    return change


def with_momentum(value):
    """Give a function that lets a net begin with a momentum."""
    return with_memory(momentum_buffer=value)


def with_moments(exp_avg=0.1, exp_avg_sq=0.2, step=3):
    """Give a function that lets a net under Adam go on from some step."""
    return with_memory(exp_avg=exp_avg, exp_avg_sq=exp_avg_sq, step=step)


def with_order(seed):
    """Give a function that lets a net draw its orders from another seed."""
    return lambda net: setattr(net, "order_seed_", seed)


def set_group(name, value):
    """Give a function that changes a setting of a net's optimizer behind the net's back."""
    return lambda net: net.optimizer_.param_groups[0].update({name: value})


def smoothed(net):
    net.criterion_.label_smoothing = 0.3


PLAIN = {"optimizer__nesterov": False}
ADAM, ADAMW = ({"optimizer": kind} for kind in (torch.optim.Adam, torch.optim.AdamW))


def grouped(pattern="*.bias", **settings):
    """Give the setting of a net whose weights are in two groups."""
    return {"optimizer__param_groups": [(pattern, settings)]}


# What the first has, and what the second has instead.
TWO_TRAININGS = {
    "weights": ({}, {"change": nudge(1e-9)}),
    "rows": ({}, {"X": moved(X, 1e-9)}),
    "number of rows": ({}, {"X": X[:-1], "y": LABELS[:-1]}),
    "labels": ({}, {"y": swapped(LABELS)}),
    "targets": ({"kind": NetRegressor}, {"y": moved(TARGETS, 1e-9)}),
    "weights of rows": ({"weight": WEIGHT}, {"weight": np.r_[WEIGHT[:-1], 9.0]}),
    "weights of rows or none": ({}, {"weight": WEIGHT}),
    # 33 rows are batches of 8, 8, 8 and 9, or of 9, 9, 9 and 6.
    "batch size": ({"X": X[:33], "y": LABELS[:33]}, {"batch_size": 9}),
    "order": ({}, {"change": with_order(7)}),
    "shuffling": ({}, {"iterator_train__shuffle": False}),
    "rates": ({}, {"rate": 0.2}),
    "moments": ({"moment": HALF}, {"moment": ALL}),
    "momentum": ({}, {"optimizer__momentum": 0.5}),
    "momentum of the optimizer": ({}, {"change": set_group("momentum", 0.5)}),
    "weight decay": ({}, {"optimizer__weight_decay": 0.1}),
    "clipping": ({"max_grad_norm": 0.1}, {"max_grad_norm": 0.2}),
    "clipping or none": ({"max_grad_norm": 0.1}, {"max_grad_norm": None}),
    "velocity": ({"change": with_momentum(0.1)}, {"change": with_momentum(0.2)}),
    "weight decay of a group": (grouped(weight_decay=0.0), grouped(weight_decay=0.1)),
    "rate of a group": (ADAMW | grouped(lr=0.02), grouped(lr=0.03)),
    "rate of a group of the optimizer": ({}, {"change": set_group("lr", 0.02)}),
    "weight decay of Adam": (ADAM, {"optimizer__weight_decay": 0.1}),
    "weight decay of AdamW": (ADAMW, {"optimizer__weight_decay": 0.1}),
    "rates of AdamW": (ADAMW, {"rate": 0.2}),
    "average of Adam": (
        ADAM | {"change": with_moments()},
        {"change": with_moments(exp_avg=0.3)},
    ),
    "squares of Adam": (
        ADAM | {"change": with_moments()},
        {"change": with_moments(exp_avg_sq=0.3)},
    ),
    "dropout draws": ({"module__dropout": 0.3}, {"torch_seed": 5}),
}


TWO_POPULATIONS = {
    "architecture": ({}, {"module__hidden_units": (8,)}),
    "depth": ({}, {"module__hidden_units": (7, 7)}),
    "activation": ({}, {"module__activation": "tanh"}),
    "probability of dropout": ({"module__dropout": 0.3}, {"module__dropout": 0.4}),
    "dropout or none": ({"module__dropout": 0.3}, {"module__dropout": 0.0}),
    "axes of rows": ({"module__n_features": 4, "X": X[:, :4]}, {"X": X[:, :4].reshape(-1, 2, 2)}),
    "precision": ({}, {"precision": "float32", "X": X.astype(np.float32)}),
    "epochs": ({}, {"max_epochs": 7}),
    "number of batches": ({}, {"batch_size": 18}),
    "label smoothing": ({"criterion__label_smoothing": 0.1}, {"criterion__label_smoothing": 0.3}),
    "label smoothing or none": (
        {"module": Own, "criterion__label_smoothing": 0.0},
        {"criterion__label_smoothing": 0.3},
    ),
    "criterion": ({"module": Own}, {"kind": NetRegressor}),
    "criterion of the closed form": ({}, {"kind": NetRegressor, "module__activation": "silu"}),
    "Nesterov's momentum": ({}, PLAIN),
    "momentum or none": (PLAIN, {"optimizer__momentum": 0.0}),
    "dampening": (PLAIN, {"optimizer__dampening": 0.5}),
    "dampening of the optimizer": (PLAIN, {"change": set_group("dampening", 0.5)}),
    "a setting of the criterion": ({"module": Own}, {"change": smoothed}),
    "velocity or none": ({}, {"change": with_momentum(0.1)}),
    "optimizer": (ADAM, ADAMW),
    "optimizer put in place": (
        {"optimizer": torch.optim.Adam},
        {"change": lambda net: setattr(net.optimizer_, "__class__", torch.optim.AdamW)},
    ),
    "betas": (ADAMW, {"optimizer__betas": (0.5, 0.9)}),
    "eps": (ADAMW, {"optimizer__eps": 0.1}),
    "how weights decay": (ADAM, {"change": set_group("decoupled_weight_decay", True)}),
    "moments or none": (ADAM, {"change": with_moments()}),
    "steps of Adam": (ADAM | {"change": with_moments()}, {"change": with_moments(step=4)}),
    "which weights are in a group": (grouped(weight_decay=0.1), grouped("0.*", weight_decay=0.1)),
    "class of the module": ({"module": Own}, {"module": Centred}),
    "attribute of the module": ({"module": Scaled}, {"module__scale": 2.0}),
    "what a dict of the module holds": (
        {"module": Scaled, "module__factor": 2.0},
        {"change": lambda net: net.module_.held.update(factor=3.0)},
    ),
    "how often a layer stands there": (
        {"module": Tied, "module__n_times": 1},
        {"change": lambda net: net.module_.append(net.module_[0])},
    ),
    "length of rows": (
        {"module": Averaging, "module__n_features": 1, "X": X[:, :, None]},
        {"X": X[:, :4, None]},
    ),
    "a setting of the net that nobody knows": (
        {},
        {"change": lambda net: setattr(net, "patience", 3)},
    ),
    "last batch of another module": (
        {"module": Own, "X": X[:36], "y": LABELS[:36]},
        {"X": X[:35], "y": LABELS[:35]},
    ),
}


ALIKE = {
    "the closed form": {},
    "torch.func": {"module": Own},
    "torch.func, of a regressor": {"module": Own, "kind": NetRegressor},
    "dropout of probability 0": {"module": Dropping, "module__p": 0.0},
    "a module that holds an array": {"module": Scaled},
    "dropout": {"module__dropout": 0.3},
    "weights of rows": {"weight": WEIGHT},
    "clipping": {"max_grad_norm": 0.1},
    "a velocity": {"change": with_momentum(0.1)},
    "Adam": ADAM,
    "AdamW that goes on": ADAMW | {"change": with_moments()},
    "groups": ADAMW | grouped(lr=0.03, weight_decay=0.0),
}
