"""A pretrained body and few rows: one net, five snapshots, five nets apart.

A small convolutional net learns the digits 0 to 4 from many images. Its body, without the last
layers, is then frozen: a new head learns the digits 5 to 9 from ten images of each. Four ways are
compared on the images that are left: a net that begins anew, one net on the pretrained body,
a snapshot ensemble of it, and a deep ensemble, which costs five times as much.

What you learn, measured with 8 seeds (error in per cent, NLL in nats):

    one net from the beginning  5.85, 0.264     mean of 5 snapshots      5.38, 0.166
    one net on the frozen body  5.98, 0.234     deep ensemble of 5 nets  5.41, 0.164

The frozen body of these digits is worth little by itself: the net that begins anew has as few
errors, and 13 % more NLL. On the body, both ensembles have about 30 % less NLL than one net; the
snapshots cost a fifth of the deep ensemble, and are as good.

    python fine_tuning.py --seeds 8

A function builds the net. It loads what is pretrained, freezes it and draws the rest, so that each
net of the deep ensemble has a head of its own. A snapshot ensemble would take a module that is
there already, too. The members share what is frozen: the file of an ensemble holds it once.
"""

import argparse
import pickle
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from torch import nn

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier


def make_body(channels=32):
    """Return the layers from an image to its features."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
    )


def make_net(n_outputs, path=None, width=16, features=512):
    """Build a net; with the path of a body, it is loaded and frozen, and the head is drawn."""
    body = make_body()
    if path is not None:
        body.load_state_dict(torch.load(path, weights_only=True))
        # Its weights stay, and so do the statistics of its batch normalisation.
        body.requires_grad_(False)
    head = nn.Linear(features, width), nn.ReLU(), nn.Linear(width, n_outputs)
    return nn.Sequential(body, *head)


def load_images():
    """Return the digits as images of values from 0 to 1, of shape (n_samples, 1, 8, 8)."""
    pixels, digits = load_digits(return_X_y=True)
    return (pixels / 16).reshape(-1, 1, 8, 8).astype(np.float32), digits


def pretrain(X, y, path):
    """Train a net, and store its body."""
    net = NetClassifier(make_net, max_epochs=20, batch_size=64, lr=0.1, random_state=0)
    net.fit(X, y)
    torch.save(net.module_[0].state_dict(), path)
    return net


def make_models(path, epochs, seed):
    """Set up the four ways."""
    settings = {"max_epochs": epochs, "batch_size": 25}
    anew = NetClassifier(make_net, **settings)
    tuned = NetClassifier(partial(make_net, path=path), **settings)
    snapshots = partial(SnapshotEnsembleClassifier, alpha_zero=0.1, random_state=seed)
    return {
        "one net from the beginning": snapshots(anew, M=1),
        "one net on the frozen body": snapshots(tuned, M=1),
        "mean of 5 snapshots": snapshots(tuned, M=5),
        "deep ensemble of 5 nets": DeepEnsembleClassifier(tuned, M=5, random_state=seed),
    }


def score(model, X, y):
    """Return the error in per cent and the NLL on some images."""
    proba = model.predict_proba(X)
    error = 100 * (model.classes_[proba.argmax(axis=1)] != y).mean()
    return error, log_loss(y, proba, labels=model.classes_)


def main(argv=None):
    """Compare the four ways, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10, help="images of each new digit")
    parser.add_argument("--epochs", type=int, default=40, help="epochs of each training")
    parser.add_argument("--seeds", type=int, default=3, help="choices of images, and trainings")
    args = parser.parse_args(argv)
    X, digits = load_images()
    old, new = digits < 5, digits >= 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.pt"
        pretrain(X[old], digits[old], path)
        scores, sizes = {}, {}
        for seed in range(args.seeds):
            few = {"train_size": 5 * args.rows, "stratify": digits[new], "random_state": seed}
            X_train, X_test, y_train, y_test = train_test_split(X[new], digits[new], **few)
            for name, model in make_models(path, args.epochs, seed).items():
                model.fit(X_train, y_train)
                scores.setdefault(name, []).append(score(model, X_test, y_test))
                sizes[name] = len(pickle.dumps(model)) / 1000
    n_frozen = sum(weight.numel() for weight in make_body().parameters())
    print(f"{len(X_train)} training images, {len(X_test)} test images, mean of {args.seeds} seeds")
    print(f"{n_frozen} frozen weights, {4 * n_frozen / 1000:.1f} kB")
    print(f"{'':28} {'error %':>8} {'NLL':>8} {'file kB':>8}")
    for name, found in scores.items():
        error, nll = np.mean(found, axis=0)
        print(f"{name:28} {error:8.2f} {nll:8.4f} {sizes[name]:8.0f}")


if __name__ == "__main__":
    main()
