"""The figures of the snapshot paper, on letters: ``python benchmarks/paper_figures.py``.

Every training is a line of JSON in the output; what is there already is not trained again, so that
a study can be broken off and go on. ``--draw`` only draws the pictures. What is compared stands in
``README.md``, and what came out on the page *The paper's figures*.
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from _comparison_data import Problem, Rows, letter
from _paper_pictures import draw_all
from sklearn.base import clone
from sklearn.metrics import log_loss

from skensemble import SnapshotEnsembleClassifier
from skensemble.metrics import output_correlation
from skensemble.model_selection import fit_over_seeds
from skensemble.weight_space import angle, distance, interpolate, with_members

EPOCHS, M, ALPHA_ZERO = 60, 6, 0.2
"""Budget, cycles and rate where a study does not change them."""

FRACTIONS = np.linspace(-0.25, 1.25, 31).round(3)
"""Points on the line through two members: 0 is the earlier one, 1 the last one."""

N_LINE_ROWS = 5000
"""Training rows whose loss is computed along a line, as many as there are test rows."""

SNAPSHOT, NO_CYCLE, SINGLE_CYCLE = "snapshot ensemble", "NoCycle", "SingleCycle"
STEP, COSINE = "single net, step schedule", "single net, one cosine cycle"
WAYS: dict[str, dict[str, Any]] = {
    SNAPSHOT: {},
    NO_CYCLE: {"schedule": "step"},
    SINGLE_CYCLE: {"cold_restart": True},
    STEP: {"schedule": "step", "M": 1},
    COSINE: {"M": 1},
}

Setting = dict[str, Any]


def main(argv: list[str] | None = None) -> None:
    """Train what is missing, and draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of letter.csv.xz; --draw needs none")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="budget where none is studied")
    parser.add_argument("--rows", type=int, help="training and test rows at most; None takes all")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--draw", action="store_true", help="only draw")
    arguments = parser.parse_args(argv)
    if not (arguments.draw or arguments.data):
        parser.error("the following arguments are required: --data")
    torch.set_num_threads(1)
    if not arguments.draw:
        problem = problem_of(arguments.data, arguments.rows)
        train_missing(problem, arguments)
        follow_lines(problem, arguments)
    draw_all(arguments.output)


def problem_of(folder: Path, n_rows: int | None) -> Problem:
    """Load letters, without weight decay: the paper's order is looked for without it."""
    problem = letter(folder)
    net = clone(problem.net).set_params(optimizer__weight_decay=0.0)
    cut = {
        part: Rows(rows.X[:n_rows], rows.y[:n_rows])
        for part, rows in {"train": problem.train, "test": problem.test}.items()
    }
    return Problem("letter", cut["train"], None, cut["test"], net, ALPHA_ZERO, EPOCHS, M, k=M)


def settings(epochs: int) -> Iterator[Setting]:
    """Give every training of the studies once: restart rates, cycles, budgets, ways."""
    standard = {"alpha_zero": ALPHA_ZERO, "M": M, "epochs": epochs}
    for alpha_zero in (0.2, 0.1, 0.025, 0.05, 0.4):
        yield {"way": SNAPSHOT} | standard | {"alpha_zero": alpha_zero}
    for alpha_zero in (0.2, 0.1):
        yield {"way": NO_CYCLE} | standard | {"alpha_zero": alpha_zero}
    yield {"way": SINGLE_CYCLE} | standard
    for n_cycles in (2, 3, 4, 8, 10):
        yield {"way": SNAPSHOT} | standard | {"M": n_cycles}
    for budget in (epochs // 4, epochs // 2, epochs, 2 * epochs):
        # Cycles of ten epochs, but two of them at least.
        n_cycles = max(2, budget * M // epochs)
        if budget != epochs:
            for way in (SNAPSHOT, NO_CYCLE, SINGLE_CYCLE):
                yield {"way": way} | standard | {"M": n_cycles, "epochs": budget}
        for way in (STEP, COSINE):
            yield {"way": way} | standard | {"M": 1, "epochs": budget}


def ensemble_of(problem: Problem, setting: Setting) -> SnapshotEnsembleClassifier:
    """Make the ensemble of a setting, not fitted yet."""
    net = clone(problem.net).set_params(max_epochs=setting["epochs"])
    parameters = {"M": setting["M"], "alpha_zero": setting["alpha_zero"]}
    return SnapshotEnsembleClassifier(net, **(parameters | WAYS[setting["way"]]))


def train_missing(problem: Problem, arguments: argparse.Namespace) -> None:
    """Append the trainings that the raw results lack, the seeds of each in lock-step."""
    raw = arguments.output / "paper_figures.jsonl"
    lines = raw.read_text().splitlines() if raw.exists() else []
    done = [
        {key: run[key] for key in ("way", "alpha_zero", "M", "epochs")}
        for run in map(json.loads, lines)
    ]
    X, y = problem.train.X, problem.train.y
    for setting in settings(arguments.epochs):
        if setting in done:
            continue
        fitted = fit_over_seeds(ensemble_of(problem, setting), X, y, seeds=arguments.seeds)
        runs = [
            setting | {"seed": seed} | scores_of(e, problem.test) for seed, e in enumerate(fitted)
        ]
        with raw.open("a") as file:
            file.writelines(json.dumps(run) + "\n" for run in runs)
        print(setting, [run["error %"][-1] for run in runs], flush=True)


def scores_of(ensemble: SnapshotEnsembleClassifier, test: Rows) -> dict[str, Any]:
    """Score the mean of the last 1, 2, ... members, and each member alone, oldest first."""
    staged = [score(proba, ensemble, test) for proba in ensemble.staged_predict_proba(test.X)]
    alone = [score(proba, ensemble, test) for proba in ensemble.member_predict_proba(test.X)]
    columns = {"": staged, "alone, ": alone}
    return {
        prefix + name: [round(scores[k], 5) for scores in of_these]
        for prefix, of_these in columns.items()
        for k, name in enumerate(("error %", "NLL"))
    }


def score(
    proba: np.ndarray, ensemble: SnapshotEnsembleClassifier, rows: Rows
) -> tuple[float, float]:
    """Give the error in per cent and the log-loss in nats."""
    proba = proba.astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    error = 100 * np.mean(ensemble.classes_[proba.argmax(axis=1)] != rows.y)
    return float(error), float(log_loss(rows.y, proba, labels=ensemble.classes_))


def follow_lines(problem: Problem, arguments: argparse.Namespace) -> None:
    """Write losses along lines from members to the last one, and correlations of members."""
    path = arguments.output / "paper_lines.json"
    if path.exists():
        return
    train = Rows(problem.train.X[:N_LINE_ROWS], problem.train.y[:N_LINE_ROWS])
    found = []
    for setting in settings(arguments.epochs):
        is_shown = setting["way"] in (SNAPSHOT, NO_CYCLE) and setting["alpha_zero"] in (0.1, 0.2)
        if is_shown and setting["M"] == M and setting["epochs"] == arguments.epochs:
            ensemble = ensemble_of(problem, setting).set_params(random_state=0)
            ensemble.fit(problem.train.X, problem.train.y)
            correlation = output_correlation(ensemble.member_predict_proba(problem.test.X))
            lines = [line_of(ensemble, k, train, problem.test) for k in range(M - 1)]
            found.append(setting | {"correlation": correlation.round(4).tolist(), "lines": lines})
    path.write_text(
        json.dumps({"fractions": FRACTIONS.tolist(), "ensembles": found}, indent=1) + "\n"
    )


def line_of(ensemble: SnapshotEnsembleClassifier, k: int, train: Rows, test: Rows) -> Setting:
    """Score the nets on the line through a member and the last one, on training and test rows."""
    first, last = ensemble.members_[k], ensemble.members_[-1]
    between = with_members(ensemble, [interpolate(first, last, f) for f in FRACTIONS])
    line = {
        f"{part} {name}": np.round(values, 5).tolist()
        for part, rows in {"train": train, "test": test}.items()
        for name, values in zip(
            ("error %", "NLL"),
            zip(
                *(score(p, ensemble, rows) for p in between.member_predict_proba(rows.X)),
                strict=True,
            ),
            strict=True,
        )
    }
    origin = ensemble.members_[0]
    return {
        "member": k + 1,
        "distance": round(distance(first, last), 4),
        "angle": round(angle(first, origin, last), 2) if k else None,
        **line,
    }


if __name__ == "__main__":
    main()
