"""What a training leaves in the history of its net, an entry for each epoch."""

from collections.abc import Sequence
from typing import Any


def without_batches(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Copy entries of a history without those of their batches, of which there are many.

    Examples
    --------
    >>> without_batches([{"batches": [{"train_loss": 0.3}], "epoch": 1, "train_loss": 0.3}])
    [{'batches': [], 'epoch': 1, 'train_loss': 0.3}]
    """
    return [{**row, "batches": []} for row in rows]


def rows_of(
    losses: Sequence[float], seconds: Sequence[float], n_batches: int
) -> list[dict[str, Any]]:
    """Make the entries of epochs that were trained without a history of their own.

    Parameters
    ----------
    losses : sequence of float
        Mean training loss of each epoch.
    seconds : sequence of float
        Duration of each.
    n_batches : int
        Steps of an epoch.

    Returns
    -------
    rows : list of dict
        With the names that a net alone gives them.

    Examples
    --------
    >>> [row["train_loss_best"] for row in rows_of([0.5, 0.7, 0.4], [0.1, 0.1, 0.1], 2)]
    [True, False, True]
    """
    rows = []
    for k, (loss, duration) in enumerate(zip(losses, seconds, strict=True)):
        rows.append(
            {
                "batches": [],
                "epoch": k + 1,
                "train_loss": loss,
                "train_loss_best": loss < min(losses[:k], default=float("inf")),
                "train_batch_count": n_batches,
                "dur": duration,
            }
        )
    return rows
