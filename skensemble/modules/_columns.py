"""Layers that know which column of a table each feature comes from."""

from collections.abc import Sequence
from functools import lru_cache
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from skensemble._checks import check_real, reject


class ColumnScale(nn.Module):
    """Multiply the features of each table column by a number that is learnt.

    Features that encode one column, such as the bins of a number or the levels of a category, share
    their scale. It starts at 1, and is a weight like others: a group of the optimizer, as
    ``optimizer__param_groups=[("*scale", {"lr": 0.3, "weight_decay": 0})]``, gives it a rate.

    Parameters
    ----------
    columns : array-like of int of shape (n_features,)
        The table column, from 0, that each feature encodes.

    Raises
    ------
    InvalidParameterError
        If `columns` breaks its rule.

    Notes
    -----
    *Shape*: input ``(n_samples, n_features)``, output the same.

    Examples
    --------
    >>> layer = ColumnScale([0, 1, 1])
    >>> layer.load_state_dict({"scale": torch.tensor([2.0, 3.0])})
    <All keys matched successfully>
    >>> layer(torch.ones(1, 3)).tolist()
    [[2.0, 3.0, 3.0]]
    """

    def __init__(self, columns: Any) -> None:
        super().__init__()
        self.columns = checked_columns(columns)
        self.scale = nn.Parameter(torch.ones(max(self.columns) + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows, scaled.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            A batch of rows.

        Returns
        -------
        x : Tensor of shape (n_samples, n_features)
        """
        return x * self.scale[index_of(self.columns, x.device)]

    def extra_repr(self) -> str:
        """Return what the repr says of it."""
        return _sizes(self.columns)


class ColumnDropout(nn.Module):
    """Drop all features of a table column of a row together, in training.

    Each column of each row is dropped with probability p, and what is left is divided by 1 - p. In
    evaluation the rows are left as they are.

    Nets that see the same batches, as those that are cross-fitted do, see the same columns dropped:
    only then can their rows be held once. So a net of ours drops columns where it cuts its batches
    and sets `in_batches`, whereupon the layer itself leaves rows as they are. What is dropped in an
    epoch follows from a number that is drawn right after the order of its rows, from the same
    stream: nets with the same order drop the same, one by one and in lock-step. That is so for an
    `MLP` that begins with this layer; anywhere else it draws as `torch.nn.Dropout` does.

    Parameters
    ----------
    columns : array-like of int of shape (n_features,)
        The table column, from 0, that each feature encodes.
    p : float, default=0.1
        Probability to drop a column of a row, below 1.

    Attributes
    ----------
    in_batches : bool
        Whether the rows come with their columns dropped already.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    Notes
    -----
    *Shape*: input ``(n_samples, n_features)``, output the same.

    Examples
    --------
    >>> layer = ColumnDropout([0, 1, 1], p=0.5)
    >>> first, second, third = layer(torch.ones(100, 3)).T
    >>> sorted(set(first.tolist())), torch.equal(second, third), torch.equal(first, second)
    ([0.0, 2.0], True, False)
    """

    def __init__(self, columns: Any, p: float = 0.1) -> None:
        super().__init__()
        self.columns = checked_columns(columns)
        self.p = check_real("p", p, 0, high=1, high_open=True)
        self.in_batches = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows; in training without the columns that are dropped.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            A batch of rows.

        Returns
        -------
        x : Tensor of shape (n_samples, n_features)
        """
        return self.drop(x, self.draw(len(x))) if self.training and not self.in_batches else x

    @property
    def n_columns(self) -> int:
        """Columns of the table."""
        return max(self.columns) + 1

    def draw(self, n_rows: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw which columns of some rows are kept, on the CPU, to be the same on every device.

        Parameters
        ----------
        n_rows : int
        generator : torch.Generator, optional
            What is drawn from; torch's global generator without it.

        Returns
        -------
        kept : Tensor of shape (n_rows, n_columns)
            Of 1 where a column is kept, else 0.
        """
        kept = torch.empty(n_rows, self.n_columns, device="cpu", dtype=torch.float32)
        return kept.bernoulli_(1 - self.p, generator=generator)

    def drop(self, x: Tensor, kept: Tensor) -> Tensor:
        """Return rows without the columns that are not kept.

        Parameters
        ----------
        x : Tensor of shape (..., n_samples, n_features)
        kept : Tensor of shape (..., n_samples, n_columns)

        Returns
        -------
        x : Tensor of shape (..., n_samples, n_features)
        """
        # A step does not wait for what it has drawn on the CPU.
        factors = kept.to(x.device, x.dtype, non_blocking=True) / (1 - self.p)
        return x * factors[..., index_of(self.columns, x.device)]

    def drop_from(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw and drop columns of the rows of a batch, of any shape.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
        generator : torch.Generator

        Returns
        -------
        x : Tensor of shape (n_samples, ...)
        """
        return self.drop(x.flatten(1), self.draw(len(x), generator)).view(x.shape)

    def extra_repr(self) -> str:
        """Return what the repr says of it."""
        return f"{_sizes(self.columns)}, p={self.p}"


def checked_columns(columns: Any, n_features: int | None = None) -> tuple[int, ...]:
    """Return the table column of each feature as ints.

    Parameters
    ----------
    columns : array-like of int of shape (n_features,)
    n_features : int, optional
        As many as there must be.

    Returns
    -------
    columns : tuple of int

    Raises
    ------
    InvalidParameterError
        If these are no ints from 0, or not as many.
    """
    codes = columns.tolist() if hasattr(columns, "tolist") else columns
    if not isinstance(codes, Sequence) or not codes or not _are_codes(codes):
        raise reject("columns", "a table column, an int >= 0, for each feature", columns)
    if n_features is not None and len(codes) != n_features:
        rule = f"as long as there are features, {n_features}"
        raise reject("columns", rule, f"{len(codes)} columns")
    return tuple(map(int, codes))


def _are_codes(values: Sequence[Any]) -> bool:
    """Say whether all values are ints from 0; plain ints are seen at a glance."""
    return min(values) >= 0 if set(map(type, values)) == {int} else all(map(_is_code, values))


def _is_code(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 0


def index_of(columns: tuple[int, ...], device: torch.device) -> Tensor:
    """Return the table column of each feature as a tensor, which is no part of a module's state."""
    if torch.compiler.is_compiling():
        return torch.tensor(columns, device=device)
    return _index_of(columns, device)


@lru_cache
def _index_of(columns: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(columns, device=device)


def _sizes(columns: tuple[int, ...]) -> str:
    return f"n_features={len(columns)}, n_columns={max(columns) + 1}"
