"""Which defaults? Settings of the snapshot ensembles beside scikit-learn's untouched MLPs.

A setting is written as its differences from `BASE`: ``decay=1e-4;epochs=40``; ``base`` has none.
``old`` are the defaults before this study, ``shipped`` the ensemble untouched, ``shipped;M=1`` the
same with one cycle, and ``mlp`` scikit-learn's ``MLPClassifier()``, or ``MLPRegressor()`` on
standardised targets. Each gets the same prepared rows.

Every run is one line of JSON in the output, with the scores of the last 1, 2, ... M members; runs
that are there already are not made again, so a study can be broken off and go on. ``--report``
writes the tables instead.
"""

import argparse
import json
import os
import time
import warnings
from ast import literal_eval
from itertools import product
from pathlib import Path
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from _ablation_report import read_runs, write_report
from _report import environment, listed
from _tables import Split, read_table, split_rows, training_rows
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.metrics import expected_calibration_error

BASE: dict[str, Any] = {
    "optimizer": "sgd",
    "rate": 0.1,
    "decay": 1e-3,
    "activation": "relu",
    "hidden": (100,),
    "dropout": 0.0,
    "batch": 64,
    "epochs": 80,
    "steps": None,
    "clip": None,
    "M": 5,
    "mult": 1,
    "alpha_mult": 1,
}
"""What a setting starts from. A batch "auto" grows with the rows; `steps` bounds the epochs."""

OLD = {"classification": {"activation": "silu"}, "regression": {"epochs": 50}}
"""Differences of the old defaults from `BASE`."""

ABOUT = (
    "Scores are held-out log-loss in nats, or squared error in units of the targets' variance, as "
    "means over splits; ratios are to scikit-learn's untouched MLP, times seconds of the processor "
    "on one thread, medians. `shipped` are the chosen defaults, `old` those before."
)

CHOOSING = ("phoneme", "german", "wine", "california", "shoppers", "elevators")
"""Tables that the defaults are chosen on."""


def read_setting(text: str, task: str) -> dict[str, Any]:
    """Read the differences of a setting from `BASE`."""
    setting = dict(BASE)
    for item in text.split(";") if text != "base" else ():
        if item == "old":
            setting |= OLD[task]
            continue
        name, _, value = item.partition("=")
        if name not in BASE:
            raise SystemExit(f"A setting has {sorted(BASE)}, got {name!r}.")
        setting[name] = value if value.isalpha() and value != "None" else literal_eval(value)
    return setting


def batch_of(rule: Any, n_train: int) -> int:
    """Give the rows of a batch; "auto" is the power of two near a 64th of the rows, 32 to 256."""
    if rule != "auto":
        return int(rule)
    return int(np.clip(2 ** round(np.log2(n_train / 64)), 32, 256))


def epochs_of(setting: dict[str, Any], batch_size: int, n_train: int) -> int:
    """Give the epochs: those of the setting, or fewer where they would make too many steps."""
    if setting["steps"] is None:
        return int(setting["epochs"])
    affordable = round(setting["steps"] * batch_size / n_train)
    return int(max(min(setting["epochs"], affordable), 10))


def build(text: str, task: str, n_train: int, seed: int) -> Any:
    """Build the estimator of a setting."""
    is_classes = task == "classification"
    ensemble_class = SnapshotEnsembleClassifier if is_classes else SnapshotEnsembleRegressor
    if text == "mlp" and is_classes:
        return MLPClassifier(random_state=seed)
    if text == "mlp":
        return TransformedTargetRegressor(
            MLPRegressor(random_state=seed), transformer=StandardScaler()
        )
    if text.startswith("shipped"):
        items = (item.split("=") for item in text.split(";")[1:])
        changes = {name: literal_eval(value) for name, value in items}
        return ensemble_class(random_state=seed, **changes)
    setting = read_setting(text, task)
    batch_size = batch_of(setting["batch"], n_train)
    net = (NetClassifier if is_classes else NetRegressor)(
        module__activation=setting["activation"],
        module__hidden_units=setting["hidden"],
        module__dropout=setting["dropout"],
        batch_size=batch_size,
        max_epochs=epochs_of(setting, batch_size, n_train),
        optimizer__weight_decay=setting["decay"],
    )
    if setting["clip"] is not None:
        net.set_params(max_grad_norm=setting["clip"])
    if setting["optimizer"] != "sgd":
        net.set_params(optimizer=torch.optim.AdamW, optimizer__fused=True)
    return ensemble_class(
        net,
        M=setting["M"],
        alpha_zero=setting["rate"],
        cycle_mult=setting["mult"],
        alpha_mult=setting["alpha_mult"],
        random_state=seed,
    )


def scores_of(model: Any, split: Split) -> dict[str, list[float]]:
    """Score the last 1, 2, ... members; a model without members counts as one."""
    X, y = split.X_test, split.y_test
    if not is_classifier(model):
        staged = getattr(model, "staged_predict", lambda X: [model.predict(X)])
        variance = split.y.var()
        means = list(staged(X))
        return {
            "score": [float(((mean - y) ** 2).mean() / variance) for mean in means],
            "right": [float(r2_score(y, mean)) for mean in means],
        }
    staged = getattr(model, "staged_predict_proba", lambda X: [model.predict_proba(X)])
    scores: dict[str, list[float]] = {"score": [], "right": [], "ece": []}
    for proba in staged(X):
        # Sums of float32 differ from 1 by more than log_loss takes without a warning.
        proba = proba.astype(np.float64) / proba.sum(axis=1, keepdims=True, dtype=np.float64)
        labels = {"labels": model.classes_}
        scores["score"].append(float(log_loss(y, proba, **labels)))
        scores["right"].append(float(accuracy_score(y, model.classes_[proba.argmax(axis=1)])))
        scores["ece"].append(float(expected_calibration_error(y, proba, **labels)))
    return scores


def run(text: str, split: Split, task: str, seed: int) -> dict[str, Any]:
    """Fit a setting and score it; seconds are those of the processor, on one thread."""
    model = build(text, task, len(split.X), seed)
    begun = time.process_time()
    try:
        model.fit(split.X, split.y)
    except ValueError as error:
        return {"error": str(error).split(",")[0]}
    seconds = time.process_time() - begun
    scores = scores_of(model, split)
    rounded = {name: [round(value, 5) for value in values] for name, values in scores.items()}
    return {"seconds": round(seconds, 4), **rounded}


def study(arguments: argparse.Namespace) -> None:
    """Make the runs that are not there yet, one line of JSON each."""
    path: Path = arguments.output
    path.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if path.exists():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        done = {(line["table"], line["n_train"], line["seed"], line["setting"]) for line in lines}
    for seed, name in product(arguments.seeds, arguments.tables):
        table = read_table(arguments.data, name)
        for n_train in training_rows(table, arguments.sizes):
            keys = [(name, n_train, seed, text) for text in arguments.settings]
            missing = [key for key in keys if key not in done]
            split = split_rows(table, n_train, seed) if missing else None
            for key in missing:
                where = dict(zip(("table", "n_train", "seed", "setting"), key, strict=True))
                result = run(key[-1], split, table.task, seed)
                with path.open("a") as file:
                    file.write(json.dumps({**where, "task": table.task, **result}) + "\n")
                print(*key, result["score"][-1] if "score" in result else result, flush=True)


def main() -> None:
    """Read the arguments and run, or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).parent / "results"
    parser.add_argument("--data", type=Path, help="folder of the csv.xz files and of tables/")
    parser.add_argument("--tables", nargs="+", default=CHOOSING)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1000, 4000, 0], help="0: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--settings", nargs="+", default=["mlp", "shipped"])
    parser.add_argument("--output", type=Path, default=here / "ablation.jsonl")
    parser.add_argument("--report", action="store_true", help="write the tables instead")
    arguments = parser.parse_args()
    if arguments.report:
        runs = read_runs(arguments.output)
        header = f"{ABOUT}\nMachine and versions: {listed(environment())}.\n"
        print(write_report(runs, CHOOSING, header, arguments.output.parent))
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    # In the first fit of a process torch loads parts of itself.
    SnapshotEnsembleClassifier().fit(np.eye(100), np.arange(100) % 2)
    study(arguments)


if __name__ == "__main__":
    main()
