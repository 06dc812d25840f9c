"""How many rows a device answers at once."""

import torch

DEVICE_ROWS = 2048
"""Rows of a batch in prediction on CUDA: fewer leave most of it idle."""

COPIES_OF_A_ROW = 256
"""Memory that the widest layers take for a row, as a multiple of the row itself in float32.

A wide residual net of 28 layers and width 10 holds 160 channels of an image of 3 several times.
"""


def forward_rows(device: torch.device, n_rows: int, n_values: int, batch_size: int) -> int:
    """Return the least number of rows of a batch in prediction.

    Parameters
    ----------
    device : torch.device
    n_rows : int
        Rows to be answered.
    n_values : int
        Values of a row.
    batch_size : int
        Rows of a batch in training.

    Returns
    -------
    n_rows : int
        On CUDA at least 2,048 where memory allows; elsewhere `batch_size`.
    """
    if device.type != "cuda" or n_rows <= batch_size:
        # To ask for the memory takes longer than to answer a few rows.
        return batch_size
    return max(batch_size, rows_that_fit(n_values, _free_bytes(device)))


def rows_that_fit(n_values: int, n_bytes: int) -> int:
    """Return how many rows are answered in half of some free memory, up to 2,048.

    Parameters
    ----------
    n_values : int
        Values of a row.
    n_bytes : int
        Free bytes.

    Returns
    -------
    n_rows : int

    Examples
    --------
    >>> rows_that_fit(3 * 32 * 32, n_bytes=16 * 2**30), rows_that_fit(3 * 32 * 32, n_bytes=2**30)
    (2048, 170)
    """
    return max(1, min(DEVICE_ROWS, n_bytes // (2 * 4 * COPIES_OF_A_ROW * max(1, n_values))))


def _free_bytes(device: torch.device) -> int:
    """Return the free bytes of a CUDA device, those included that torch keeps for later tensors."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept
