"""Is a fit on a table as fast as CatBoost's? Run ``python benchmarks/table_speed.py``.

Both fit the same rows by their defaults, in turn and on one thread; then a single row is predicted,
from an array and from a frame.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from _report import environment, listed
from _table_competitors import CATBOOST, CLASSES, METHODS, OURS
from _table_report import VERSIONS, markdown
from _table_runs import warm_up
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

N_COLUMNS, N_PREDICTIONS = 20, 200


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and write raw results and a table."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    arguments = parser.parse_args(argv)
    warm_up()
    found = measure(arguments.rows, arguments.repeats)
    found["environment"] = environment(more=VERSIONS)
    (arguments.output / "table_speed.json").write_text(json.dumps(found, indent=1) + "\n")
    text = report(found)
    (arguments.output / "table_speed.md").write_text(text)
    print(text)


def measure(n_rows: int, repeats: int) -> dict[str, Any]:
    """Fit both in turn, and predict single rows by ours."""
    X, y = make_classification(
        2 * n_rows, N_COLUMNS, n_informative=N_COLUMNS // 2, flip_y=0.1, random_state=0
    )
    X = X.astype(np.float32)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)])
    found: dict[str, Any] = {"rows": n_rows, OURS: [], CATBOOST: [], "loss": {}}
    for seed in range(repeats):
        for name in (CATBOOST, OURS):
            model = METHODS[name].build(CLASSES, seed)
            begun = process_time()
            model.fit(X[:n_rows], y[:n_rows])
            found[name].append(process_time() - begun)
            found["loss"].setdefault(name, []).append(
                float(log_loss(y[n_rows:], model.predict_proba(X[n_rows:])))
            )
    found["row of an array"] = per_call(lambda: model.predict_proba(X[:1]))
    named = METHODS[OURS].build(CLASSES, 0).fit(frame[:n_rows], y[:n_rows])
    found["row of a frame"] = per_call(lambda: named.predict_proba(frame[:1]))
    return found


def per_call(predict: Callable[[], Any]) -> list[float]:
    """Return the seconds of single predictions."""
    predict()
    seconds = []
    for _ in range(N_PREDICTIONS):
        begun = perf_counter()
        predict()
        seconds.append(perf_counter() - begun)
    return seconds


def report(found: dict[str, Any]) -> str:
    """Write medians as Markdown."""
    rows = [
        [name, f"{np.median(found[name]):.2f} s", f"{np.mean(found['loss'][name]):.4f}"]
        for name in (OURS, CATBOOST)
    ]
    ratios = np.array(found[OURS]) / np.array(found[CATBOOST])
    about = (
        f"A fit on {found['rows']:,} rows of {N_COLUMNS} columns, two classes, in seconds of the\n"
        f"processor, medians of {len(ratios)}; ours takes {np.median(ratios):.2f} of the time of\n"
        f"CatBoost, {ratios.min():.2f} to {ratios.max():.2f}."
    )
    of_array, of_frame = (
        1e3 * float(np.median(found[f"row of {what}"])) for what in ("an array", "a frame")
    )
    single = (
        f"One row is predicted in {of_array:.2f} ms from an array and in {of_frame:.2f} ms from a\n"
        "DataFrame (medians)."
    )
    machine = f"Machine and versions: {listed(found['environment'])}."
    table = markdown(["method", "fit", "log-loss on as many test rows"], rows)
    return "\n\n".join(["# Speed on a table", machine, about, table, single]) + "\n"


if __name__ == "__main__":
    main()
