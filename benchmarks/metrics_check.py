"""Do our metrics give what other libraries give? Run ``python benchmarks/metrics_check.py``.

Rows are drawn; every metric of ours that torchmetrics or uncertainty-toolbox has too is computed by
both. What has no counterpart there is held to arithmetic in ``tests/metrics`` alone.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import uncertainty_toolbox as uct
from _report import environment
from _torchmetrics import classification, pearson_corrcoef

from skensemble import metrics

LIBRARIES = ("torchmetrics", "uncertainty-toolbox")
N_BINS, N_CLASSES, N_MEMBERS = 15, 5, 4

Check = tuple[str, str, float, float, str]
"""Metric, its counterpart, our number, theirs, and how the definitions differ, if they do."""


def main(argv: Sequence[str] | None = None) -> None:
    """Compute each metric twice, and write the numbers and their table."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    arguments = parser.parse_args(argv)
    rng = np.random.default_rng(arguments.seed)
    parts = (of_classes, of_members, of_two_sides, of_regression)
    checks = [check for part in parts for check in part(rng, arguments.rows)]
    report = {
        "environment": environment(more=LIBRARIES),
        "rows": arguments.rows,
        "seed": arguments.seed,
        "checks": [
            {
                "metric": metric,
                "counterpart": counterpart,
                "ours": ours,
                "theirs": theirs,
                "difference": abs(ours - theirs),
                "definitions differ": differ,
            }
            for metric, counterpart, ours, theirs, differ in checks
        ],
    }
    (arguments.output / "metrics_check.json").write_text(json.dumps(report, indent=1) + "\n")
    text = table(report)
    (arguments.output / "metrics_check.md").write_text(text)
    print(text)


def of_classes(rng: np.random.Generator, n_rows: int) -> Iterator[Check]:
    """Yield the checks of calibration errors: over-confident probabilities of some classes."""
    labels = list(range(N_CLASSES))
    proba, y = drawn_classes(rng, n_rows)
    ece = partial(metrics.expected_calibration_error, n_bins=N_BINS, labels=labels)
    theirs = partial(
        classification.multiclass_calibration_error,
        num_classes=N_CLASSES,
        n_bins=N_BINS,
        norm="l1",
    )
    name = "torchmetrics multiclass_calibration_error"
    yield ("expected_calibration_error", name, ece(y, proba), as_float(theirs, proba, y), "")
    one = partial(classification.binary_calibration_error, n_bins=N_BINS, norm="l1")
    each = [as_float(one, proba[:, k], y == k) for k in labels]
    yield (
        "expected_calibration_error, classwise=True",
        "mean over the classes of torchmetrics binary_calibration_error",
        ece(y, proba, classwise=True),
        float(np.mean(each)),
        "",
    )
    # With 5 bins, a confidence in fifths lies on an edge; every other row has one. Four of five
    # rows are right whatever their confidence, so that bins err to either side.
    on_edges = np.where(np.arange(n_rows)[:, None] % 2, proba, rng.multinomial(5, proba) / 5)
    right = on_edges.argmax(axis=1)
    y = np.where(rng.random(n_rows) < 0.8, right, (right + 1) % N_CLASSES)
    yield (
        "expected_calibration_error, half of the rows in fifths, 5 bins",
        name,
        ece(y, on_edges, n_bins=5),
        as_float(partial(theirs, n_bins=5), on_edges, y),
        "a confidence on an edge is in the bin below it, there in the one above",
    )


def of_members(rng: np.random.Generator, n_rows: int) -> Iterator[Check]:
    """Yield the checks of members: noisy copies of the same logits."""
    shared = rng.normal(size=(n_rows, N_CLASSES))
    noise = rng.normal(size=(N_MEMBERS, n_rows, N_CLASSES))
    members = softmax(shared + noise)
    pairs = [(i, j) for i in range(N_MEMBERS) for j in range(i)]
    votes = members.argmax(axis=2)
    same = partial(classification.multiclass_accuracy, num_classes=N_CLASSES, average="micro")
    agreed = [as_float(same, votes[i], votes[j]) for i, j in pairs]
    yield (
        "disagreement",
        "1 - torchmetrics multiclass_accuracy of one member by another, mean over pairs",
        metrics.disagreement(members),
        1 - float(np.mean(agreed)),
        "",
    )
    correlation = metrics.output_correlation(members)
    flat = members.reshape(N_MEMBERS, -1)
    theirs = [as_float(pearson_corrcoef, flat[i], flat[j]) for i, j in pairs]
    yield (
        "output_correlation, mean over pairs",
        "torchmetrics pearson_corrcoef",
        float(np.mean([correlation[i, j] for i, j in pairs])),
        float(np.mean(theirs)),
        "",
    )


def of_two_sides(rng: np.random.Generator, n_rows: int) -> Iterator[Check]:
    """Yield the checks of telling rows apart, of which many are equally uncertain."""
    inside = rng.beta(2, 5, n_rows).round(2)
    outside = rng.beta(4, 3, n_rows).round(2)
    certainty = 1 - np.concatenate([inside, outside])
    is_in = np.repeat([1, 0], n_rows)
    yield (
        "ood_auroc",
        "torchmetrics binary_auroc",
        metrics.ood_auroc(inside, outside),
        as_float(classification.binary_auroc, certainty, is_in),
        "",
    )
    specificity, _threshold = classification.binary_specificity_at_sensitivity(
        torch.as_tensor(certainty), torch.as_tensor(is_in), min_sensitivity=0.95
    )
    yield (
        "ood_fpr95",
        "1 - torchmetrics binary_specificity_at_sensitivity of 0.95",
        metrics.ood_fpr95(inside, outside),
        1 - float(specificity),
        "",
    )


def of_regression(rng: np.random.Generator, n_rows: int) -> Iterator[Check]:
    """Yield the checks of Gaussians that are a fifth too narrow."""
    mean = rng.normal(size=n_rows)
    std = rng.uniform(0.5, 2, n_rows)
    y = rng.normal(mean, 1.25 * std)
    yield (
        "gaussian_crps",
        "uncertainty_toolbox crps_gaussian",
        metrics.gaussian_crps(y, mean, std),
        float(uct.crps_gaussian(mean, std, y)),
        "",
    )
    yield (
        "gaussian_log_likelihood",
        "- uncertainty_toolbox nll_gaussian",
        metrics.gaussian_log_likelihood(y, mean, std),
        -float(uct.nll_gaussian(mean, std, y)),
        "",
    )
    theirs = float(uct.mean_absolute_calibration_error(mean, std, y, num_bins=21, vectorized=True))
    counterpart = "uncertainty_toolbox mean_absolute_calibration_error, num_bins=21"
    ours = metrics.interval_calibration_error(y, mean, std)
    yield (
        "interval_calibration_error * 19 / 21",
        counterpart,
        ours * 19 / 21,
        theirs,
        "",
    )
    yield (
        "interval_calibration_error",
        counterpart,
        ours,
        theirs,
        "theirs counts the levels 0 and 1 too, whose intervals cover nothing and all",
    )
    half = std * 1.6448536269514722
    yield (
        "interval_coverage of 90 %",
        "uncertainty_toolbox get_proportion_in_interval",
        metrics.interval_coverage(y, mean - half, mean + half),
        float(uct.metrics_calibration.get_proportion_in_interval(mean, std, y, 0.9)),
        "",
    )


def drawn_classes(
    rng: np.random.Generator, n_rows: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return over-confident probabilities, and labels drawn from milder ones."""
    logits = rng.normal(size=(n_rows, N_CLASSES))
    chances = softmax(logits).cumsum(axis=1)
    y = (chances[:, :-1] < rng.random((n_rows, 1))).sum(axis=1)
    return softmax(2 * logits), y


def softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return probabilities, in float64."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def as_float(score: Callable[..., Any], *arrays: Any) -> float:
    """Return what a score of tensors gives for arrays."""
    tensors = (torch.as_tensor(np.ascontiguousarray(array)) for array in arrays)
    return float(score(*(t.long() if t.dtype == torch.bool else t for t in tensors)))


def table(report: dict[str, Any]) -> str:
    """Return the numbers as Markdown, and a line for each pair of definitions that differ."""
    where = report["environment"]
    libraries = ", ".join(f"{name} {where[name]}" for name in LIBRARIES)
    lines = [
        f"{report['rows']} drawn rows, seed {report['seed']}, float64; {libraries}.",
        "torchmetrics counts, and computes the error of several classes, in float32.",
        "",
        "| metric | counterpart | ours | theirs | difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    notes = []
    for check in report["checks"]:
        mark = ""
        if check["definitions differ"]:
            notes.append(check["definitions differ"])
            mark = f" ({len(notes)})"
        lines.append(
            f"| `{check['metric']}`{mark} | {check['counterpart']} | {check['ours']:.8f} "
            f"| {check['theirs']:.8f} | {check['difference']:.1e} |"
        )
    lines += ["", "Where definitions differ:", ""]
    lines += [f"{k}. {note}." for k, note in enumerate(notes, 1)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
