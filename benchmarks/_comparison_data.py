"""The data sets of compare_methods.py, with the net and the budget that belong to each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skensemble import NetClassifier, NetRegressor


@dataclass(frozen=True)
class Rows:
    """Standardised rows with their labels or targets."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Problem:
    """A data set and what all methods have in common on it.

    Attributes
    ----------
    name : str
    train, test : Rows
    val : Rows or None
        Never trained on: the noise of targets is fitted on them. A classifier needs none.
    net : NetClassifier or NetRegressor
    alpha_zero : float
        Learning rate at the start.
    epochs : int
        Budget of each method, in passes over the training rows.
    M : int
        Cycles of the methods that have cycles.
    k : int
        Nets that share the budget of one, and nets of the cross-fitted ensembles.
    n_deep : int
        Nets of the largest deep ensemble, each of the whole budget.
    foreign : dict of str to ndarray
        Test rows that were spoilt, by how: of no class that was learnt.
    """

    name: str
    train: Rows
    val: Rows | None
    test: Rows
    net: NetClassifier | NetRegressor
    alpha_zero: float
    epochs: int
    M: int
    k: int
    n_deep: int = 6
    foreign: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def is_classification(self) -> bool:
        """Whether the targets are labels."""
        return is_classifier(self.net)

    def settings(self) -> dict[str, Any]:
        """Give what a reader needs to know to repeat the comparison."""
        parts = {"training": self.train, "validation": self.val, "test": self.test}
        return {
            "data": self.name,
            **{f"{name} rows": len(rows.y) for name, rows in parts.items() if rows},
            "hidden units": self.net.module__hidden_units,
            "batch size": self.net.batch_size,
            "momentum": self.net.optimizer__momentum,
            "weight decay": self.net.optimizer__weight_decay,
            "alpha_zero": self.alpha_zero,
            "epochs": self.epochs,
            "M": self.M,
            "k": self.k,
            "nets of the deep ensemble": self.n_deep,
        }


def letter(folder: Path) -> Problem:
    """Load 20,000 printed letters of 26 classes; foreign are rows of columns mixed among rows."""
    table = pd.read_csv(folder / FILES["letter"])
    y = table.pop("Letter").to_numpy(dtype=str)
    train, test = _split(table.to_numpy(float), y)
    net = _net(NetClassifier, (256, 128), batch_size=128, weight_decay=1e-4)
    foreign = {"mixed columns": np.random.default_rng(0).permuted(test.X, axis=0)}
    return Problem(
        "letter", train, None, test, net, alpha_zero=0.2, epochs=60, M=6, k=4, foreign=foreign
    )


def letter_no_decay(folder: Path) -> Problem:
    """Load the letters, to be learnt without weight decay."""
    problem = letter(folder)
    net = clone(problem.net).set_params(optimizer__weight_decay=0.0)
    return replace(problem, name="letter_no_decay", net=net)


def digits(folder: Path) -> Problem:
    """Load scikit-learn's 1,797 digits, which need no folder; foreign are turned and mixed ones.

    All pixels have one scale: a column of its own scale is huge where a pixel that is white in
    nearly all digits is black in a turned one, and a net is sure of what is huge.
    """
    X, y = load_digits(return_X_y=True)
    train, test = _split(X, y, one_scale=True)
    images = test.X.reshape(-1, 8, 8)
    foreign = {
        "turned by 90°": np.rot90(images, axes=(1, 2)).reshape(test.X.shape).copy(),
        "mixed pixels": np.random.default_rng(0).permuted(test.X, axis=1),
    }
    net = _net(NetClassifier, (100,), batch_size=32, weight_decay=1e-3)
    return Problem(
        "digits", train, None, test, net, alpha_zero=0.1, epochs=60, M=5, k=5, foreign=foreign
    )


def california(folder: Path) -> Problem:
    """Load 20,640 house values in dollars; a tenth of the training rows is for validation."""
    table = pd.read_csv(folder / FILES["california"], skipinitialspace=True)
    y = table.pop("medianHouseValue").to_numpy(float)
    train, val, test = _split(table.to_numpy(float), y, val_share=0.1)
    net = _net(NetRegressor, (128, 64), batch_size=128, weight_decay=1e-4)
    return Problem("california", train, val, test, net, alpha_zero=0.05, epochs=60, M=6, k=4)


LOADERS: dict[str, Callable[[Path], Problem]] = {
    "letter": letter,
    "letter_no_decay": letter_no_decay,
    "digits": digits,
    "california": california,
}
FILES = {
    "letter": "letter.csv.xz",
    "letter_no_decay": "letter.csv.xz",
    "california": "california.csv.xz",
}


def _split(
    X: np.ndarray, y: np.ndarray, val_share: float = 0.0, *, one_scale: bool = False
) -> list[Rows]:
    """Hold out a quarter for the test, always the same; standardise by the training rows."""
    stratify = None if val_share else y
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=stratify)
    parts = [(X, y), (X_test, y_test)]
    if val_share:
        X, X_val, y, y_val = train_test_split(X, y, test_size=val_share, random_state=0)
        parts = [(X, y), (X_val, y_val), (X_test, y_test)]
    mean, std = X.mean(axis=None if one_scale else 0), X.std(axis=None if one_scale else 0)
    return [Rows((rows - mean) / std, targets) for rows, targets in parts]


def _net(
    net_class: type[Any], hidden_units: tuple[int, ...], *, batch_size: int, weight_decay: float
) -> Any:
    return net_class(
        module__hidden_units=hidden_units,
        module__activation="relu",
        batch_size=batch_size,
        optimizer__momentum=0.9,
        optimizer__nesterov=False,
        optimizer__weight_decay=weight_decay,
        device="cpu",
    )
