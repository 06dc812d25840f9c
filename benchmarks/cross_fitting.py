"""What out-of-fold weights are worth, on tables: run ``python benchmarks/cross_fitting.py``.

Each way trains the same nets for as many epochs on the same rows. Every run is a line of JSON in
the output; runs that are there already are not made again, so that a study can be broken off and
go on. ``--report`` writes the table from them; what is compared stands in ``README.md``.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch
from _report import environment, listed
from _tables import Split, read_table, split_rows, training_rows
from sklearn.metrics import log_loss, root_mean_squared_error

from skensemble import (
    CrossFittedEnsembleClassifier,
    CrossFittedEnsembleRegressor,
    DeepEnsembleClassifier,
    DeepEnsembleRegressor,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)

CHOSEN_ON = ["phoneme", "german", "wine", "california", "shoppers", "elevators"]
"""Tables on which the settings of the nets were chosen."""

OTHERS = ["letter", "adult", "abalone", "bank", "telco", "pol"]

N_NETS, M, ALPHA_ZERO = 8, 5, 5e-3
WARMUP = 0.05

ONE, UNIFORM, VALIDATION = "one net", "snapshots, uniform", "snapshots, validation rows"
NETS_UNIFORM, OUT_OF_FOLD = f"{N_NETS} nets, uniform", f"{N_NETS} nets, out of fold"
DEEP = f"deep ensemble of {N_NETS}"
WAYS = [ONE, UNIFORM, VALIDATION, NETS_UNIFORM, OUT_OF_FOLD, DEEP]


def main(argv: list[str] | None = None) -> None:
    """Make the runs that are missing, or write the table of those that are there."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--tables", nargs="+", default=CHOSEN_ON + OTHERS)
    parser.add_argument("--size", type=int, default=10_000, help="training rows at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3000, help="steps of a net, about")
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    raw = arguments.output / "cross_fitting.jsonl"
    if not arguments.report:
        make_runs(arguments, raw)
    runs = pd.read_json(raw, lines=True)
    table = report(runs)
    (arguments.output / "cross_fitting.md").write_text(table)
    print(table)


def make_runs(arguments: argparse.Namespace, raw: Path) -> None:
    """Append what is missing to the raw results."""
    lines = raw.read_text().splitlines() if raw.exists() else []
    done = {(run["table"], run["seed"], run["way"]) for run in map(json.loads, lines)}
    for name in arguments.tables:
        table = read_table(arguments.data, name)
        (n_train,) = training_rows(table, [arguments.size])
        for seed in range(arguments.seeds):
            if all((name, seed, way) in done for way in WAYS):
                continue
            split = split_rows(table, n_train, seed)
            for way, numbers in runs_of(split, table.task, seed, arguments.steps):
                if (name, seed, way) in done:
                    continue
                known = {"table": name, "task": table.task, "n_train": n_train, "seed": seed}
                run = {**known, "way": way, **numbers}
                with raw.open("a") as file:
                    file.write(json.dumps(run) + "\n")
                print(f"{name} {seed} {way}: {numbers}", flush=True)


def runs_of(split: Split, task: str, seed: int, n_steps: int) -> Any:
    """Yield each way of training the nets of a split with its numbers."""
    K = KINDS[task]
    net = net_of(K["net"], len(split.X), n_steps)
    snapshots = {"alpha_zero": ALPHA_ZERO, "warmup": WARMUP, "random_state": seed}
    growing = snapshots | {"M": M, "cycle_mult": 2.0}
    yield ONE, fitted(K["snapshot"](net, M=1, **snapshots), split)
    yield UNIFORM, fitted(K["snapshot"](net, **growing), split)
    held_out = {"weights": "validation", "validation_fraction": 0.2}
    yield VALIDATION, fitted(K["snapshot"](net, **growing, **held_out), split)
    method = K["snapshot"](net, **growing)
    crossed = K["crossed"](method, n_nets=N_NETS, cv=4, random_state=seed)
    numbers = fitted(crossed, split)
    yield OUT_OF_FOLD, numbers | {"out of fold": out_of_fold(crossed, split)}
    begun = time.perf_counter()
    score = score_of(crossed.set_params(weights="uniform"), split)
    seconds = {"fit s": numbers["fit s"], "predict s": time.perf_counter() - begun}
    yield NETS_UNIFORM, {"score": score, **seconds}
    deep = K["deep"](net, M=N_NETS, alpha_zero=ALPHA_ZERO, random_state=seed)
    yield DEEP, fitted(deep, split)


def net_of(kind: Callable[..., Any], n_train: int, n_steps: int) -> Any:
    """Give the net of all ways, whose batches and epochs depend on the rows."""
    batch_size = int(np.clip(2 ** round(np.log2(n_train / 64)), 32, 256))
    epochs = min(80, max(1, round(n_steps / -(-n_train // batch_size))))
    return kind(
        module__hidden_units=(64, 64),
        module__activation="relu",
        optimizer=torch.optim.AdamW,
        optimizer__betas=(0.9, 0.95),
        optimizer__weight_decay=0.01,
        optimizer__param_groups=[("*.bias", {"weight_decay": 0.0})],
        batch_size=batch_size,
        max_epochs=epochs,
        device="cpu",
    )


def fitted(ensemble: Any, split: Split) -> dict[str, float]:
    """Fit an ensemble, and give its score on the test rows and its seconds."""
    begun = time.perf_counter()
    with warnings.catch_warnings():
        # Of cycles that are short, and of averages that lose: both are what is measured.
        warnings.simplefilter("ignore", UserWarning)
        ensemble.fit(split.X, split.y)
    between = time.perf_counter()
    score = score_of(ensemble, split)
    seconds = {"fit s": between - begun, "predict s": time.perf_counter() - between}
    return {"score": score, **seconds}


def score_of(ensemble: Any, split: Split) -> float:
    """Return the log-loss on the test rows, or the root mean squared error."""
    if hasattr(ensemble, "classes_"):
        proba = ensemble.predict_proba(split.X_test).astype(np.float64)
        return float(log_loss(split.y_test, proba, labels=ensemble.classes_))
    return float(root_mean_squared_error(split.y_test, ensemble.predict(split.X_test)))


def out_of_fold(ensemble: Any, split: Split) -> float:
    """Return the same score on the training rows, from nets that left them out."""
    if hasattr(ensemble, "classes_"):
        proba = ensemble.oof_decision_function_.astype(np.float64)
        return float(log_loss(split.y, proba, labels=ensemble.classes_))
    return float(root_mean_squared_error(split.y, ensemble.oof_prediction_))


KINDS: dict[str, dict[str, Callable[..., Any]]] = {
    "classification": {
        "net": NetClassifier,
        "snapshot": SnapshotEnsembleClassifier,
        "crossed": CrossFittedEnsembleClassifier,
        "deep": DeepEnsembleClassifier,
    },
    "regression": {
        "net": NetRegressor,
        "snapshot": SnapshotEnsembleRegressor,
        "crossed": CrossFittedEnsembleRegressor,
        "deep": DeepEnsembleRegressor,
    },
}


def report(runs: pd.DataFrame) -> str:
    """Write the table: means over the seeds, and ratios to the out-of-fold weights."""
    means = runs.pivot_table(index="table", columns="way", values="score", sort=False)[WAYS]
    rows = [f"| {name} | " + " | ".join(f"{v:.4g}" for v in row) + " |" for name, row in (
        (name, means.loc[name]) for name in means.index
    )]  # fmt: skip
    against = {way: means[OUT_OF_FOLD] / means[way] for way in WAYS}
    others = [name for name in means.index if name not in CHOSEN_ON]
    for title, names in (("all", list(means.index)), ("not used for choosing", others)):
        ratios = [float(np.exp(np.log(against[way][names]).mean())) for way in WAYS]
        rows.append(
            f"| out of fold over it, {title} | " + " | ".join(f"{r:.3f}" for r in ratios) + " |"
        )
        wins = [f"{int((against[way][names] < 1).sum())} of {len(names)}" for way in WAYS]
        wins[WAYS.index(OUT_OF_FOLD)] = ""
        rows.append(f"| out of fold ahead, {title} | " + " | ".join(wins) + " |")
    seconds = runs.groupby("way")[["fit s", "predict s"]].mean()
    for name in ("fit s", "predict s"):
        rows.append(
            f"| mean {name.replace(' s', '')}, seconds | "
            + " | ".join(f"{seconds[name][way]:.2f}" for way in WAYS)
            + " |"
        )
    crossed = runs[runs["way"] == OUT_OF_FOLD]
    gap = (np.log(crossed["out of fold"] / crossed["score"])).mean()
    head = [
        "# Cross-fitted snapshots",
        "",
        f"Settings: training rows up to {runs['n_train'].max()}, splits "
        f"{runs['seed'].nunique()}, settings of the nets chosen on {', '.join(CHOSEN_ON)}.",
        f"Machine and versions: {listed(environment())}.",
        "",
        f"| data | {' | '.join(WAYS)} |",
        "|---|" + "---|" * len(WAYS),
        *rows,
        "",
        f"The score of rows that were left out, over that of the test rows: "
        f"{np.exp(gap):.3f} in the geometric mean.",
        "",
    ]
    return "\n".join(head)


if __name__ == "__main__":
    main()
