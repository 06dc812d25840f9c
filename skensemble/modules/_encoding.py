"""A first layer that encodes the columns of a table, from tables that were fitted before."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

BLOCK_ROWS = 256
"""Rows that are encoded at once on a CPU: what is computed stays in the cache."""

CLIP = 3.0
"""Scales beyond which numbers are bent towards a bound, as z / sqrt(1 + (z / CLIP)^2)."""

MOST_NORMAL = 3.5
"""Largest size of a rank-normal value."""

COSINE_DECAY = 0.7
"""Power of m by which the rank cosine of m half waves is divided."""


class EncodingTables:
    """What the columns of a table are encoded by; it never changes, and copies are itself.

    A table is coded before as floats: numbers, centred and scaled; categories, by the number of
    their level, -1 for one that was not known; nan where a value is missing.

    Parameters
    ----------
    n_columns : int
        Columns of the table.
    numbers : array-like of int of shape (n_numbers,), default=()
        Columns that hold numbers and have a rank.
    knots, ranks : array-like of shape (n_numbers, n_knots), default=()
        Rising values of each of them, and the share of rows below each; filled up with infinity
        and 1.
    values : array-like of int, default=()
        Columns whose numbers are smoothly clipped.
    normals : bool, default=False
        Whether all of `numbers` have their rank-normal value as a feature.
    n_cosines : int, default=0
        Cosines of the rank of each of `numbers`.
    bin_columns : array-like of int of shape (n_bins,), default=()
        Column of each bin of a piecewise-linear encoding.
    bins : array-like of shape (n_bins, 2), default=()
        Lower and upper edge of each.
    atom_columns, atoms : array-like of shape (n_atoms,), default=()
        Column of each value that has an indicator of its own, and the value.
    pairs : array-like of int, default=()
        Columns of two levels, encoded as -1 and 1.
    level_columns, levels : array-like of int of shape (n_levels,), default=()
        Column and number of each level of the other categories.
    missing : array-like of int, default=()
        Columns that have an indicator of missing values.

    Attributes
    ----------
    columns : tuple of int
        The table column that each feature encodes.
    kinds : list of str
        What each feature is.
    """

    def __init__(
        self,
        n_columns: int,
        *,
        numbers: Any = (),
        knots: Any = (),
        ranks: Any = (),
        values: Any = (),
        normals: bool = False,
        n_cosines: int = 0,
        bin_columns: Any = (),
        bins: Any = (),
        atom_columns: Any = (),
        atoms: Any = (),
        pairs: Any = (),
        level_columns: Any = (),
        levels: Any = (),
        missing: Any = (),
    ) -> None:
        self.n_columns, self.normals, self.n_cosines = n_columns, normals, n_cosines
        of_columns = {
            "numbers": numbers,
            "values": values,
            "bin_columns": bin_columns,
            "atom_columns": atom_columns,
            "pairs": pairs,
            "level_columns": level_columns,
            "missing": missing,
        }
        self.index = {name: np.asarray(own, dtype=np.int64) for name, own in of_columns.items()}
        edges = np.asarray(bins, dtype=np.float32).reshape(-1, 2)
        half_waves = np.arange(1, n_cosines + 1)
        self.floats = {
            "knots": np.asarray(knots, dtype=np.float32),
            "ranks": np.asarray(ranks, dtype=np.float32),
            "middles": edges.mean(axis=1),
            "steepness": 1 / (edges[:, 1] - edges[:, 0]),
            "atoms": np.asarray(atoms, dtype=np.float32),
            "levels": np.asarray(levels, dtype=np.float32),
            "angles": np.pi * half_waves,
            "heights": half_waves**-COSINE_DECAY,
        }
        own, n = self.index, n_cosines
        parts = {
            "value": own["values"],
            "normal": own["numbers"][: None if normals else 0],
            "bin": own["bin_columns"],
            "cosine": np.repeat(own["numbers"], n),
            "atom": own["atom_columns"],
            "pair": own["pairs"],
            "level": own["level_columns"],
            "missing": own["missing"],
        }
        self.columns = tuple(np.concatenate([*parts.values()]).tolist())
        self.kinds = [kind for kind, columns in parts.items() for _ in columns]
        self._placed: dict[Any, dict[str, Tensor]] = {}
        self._kept: dict[Any, tuple[Tensor, Tensor]] | None = None

    def __deepcopy__(self, memo: Any) -> "EncodingTables":
        return self

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_placed": {}, "_kept": None}

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return len(self.columns)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Let `encode_all` encode rows once that come again at once, while the block lasts."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    def encode_all(self, x: Tensor) -> Tensor:
        """Return features of all rows, kept for others: nobody is to write to either meanwhile."""
        if self._kept is None:
            return self.encode(x)
        place = x.data_ptr(), x.shape, x.dtype, x.device
        if place not in self._kept:
            self._kept.clear()
            # The rows are held too, so that no others can come to stand where they were.
            self._kept[place] = x, self.encode(x)
        return self._kept[place][1]

    @property
    def kept(self) -> Tensor | None:
        """The features of all rows that are kept now."""
        return next((own for _, own in (self._kept or {}).values()), None)

    @cached_property
    def digest(self) -> bytes:
        """What tables have in common that encode alike, in whatever process they were made."""
        content = blake2b(repr((self.n_columns, self.normals, self.n_cosines)).encode())
        for values in (*self.index.values(), *self.floats.values()):
            content.update(repr(values.shape).encode() + values.tobytes())
        return content.digest()

    def encode(self, x: Tensor) -> Tensor:
        """Return the features of coded rows.

        Parameters
        ----------
        x : Tensor of shape (..., n_columns)
            nan where a value is missing.

        Returns
        -------
        features : Tensor of shape (..., n_features)
            0 in all features of a missing value but its indicator.
        """
        if not self.columns:
            return x.new_empty(*x.shape[:-1], 0)
        rows = x.reshape(-1, self.n_columns)
        if x.is_cpu and len(rows) > BLOCK_ROWS and not x.requires_grad:
            features = x.new_empty(len(rows), self.n_features)
            for own, block in zip(features.split(BLOCK_ROWS), rows.split(BLOCK_ROWS), strict=True):
                own.copy_(self._encoded(block))
        else:
            features = self._encoded(rows)
        return features.view(*x.shape[:-1], self.n_features)

    def _encoded(self, rows: Tensor) -> Tensor:
        """Return the features of coded rows of shape (n_rows, n_columns)."""
        own, dtype = self._on(rows), rows.dtype
        parts = []
        if len(own["values"]):
            z = rows.index_select(1, own["values"])
            parts.append(z / torch.hypot(z.new_ones(()), z / CLIP))
        if self.normals or self.n_cosines:
            u = self._ranks(rows.index_select(1, own["numbers"]), own)
        if self.normals:
            # torch has no such function for MPS.
            there = u.cpu() if u.device.type == "mps" else u
            parts.append(torch.special.ndtri(there).to(u.device).clamp_(-MOST_NORMAL, MOST_NORMAL))
        if len(own["bin_columns"]):
            z = rows.index_select(1, own["bin_columns"])
            parts.append(z.sub_(own["middles"]).mul_(own["steepness"]).clamp_(-0.5, 0.5))
        if self.n_cosines:
            parts.append((u[..., None] * own["angles"]).cos_().mul_(own["heights"]).flatten(1))
        if len(own["atoms"]):
            parts.append((rows.index_select(1, own["atom_columns"]) == own["atoms"]).to(dtype))
        if len(own["pairs"]):
            z = rows.index_select(1, own["pairs"])
            parts.append((z == 1).to(dtype) - (z == 0).to(dtype))
        if len(own["levels"]):
            parts.append((rows.index_select(1, own["level_columns"]) == own["levels"]).to(dtype))
        if len(own["missing"]):
            parts.append(rows.index_select(1, own["missing"]).isnan().to(dtype))
        features = torch.cat(parts, 1)
        # A look at the values takes a tenth of a pass over them, and would make a GPU wait.
        is_whole = rows.is_cpu and not rows.isnan().any()
        return features if is_whole else features.nan_to_num_(nan=0.0)

    def _ranks(self, z: Tensor, own: dict[str, Tensor]) -> Tensor:
        """Return the ranks of numbers of shape (n_rows, n_numbers), along lines between knots."""
        z = z.t().contiguous()
        knots, ranks = own["knots"], own["ranks"]
        above = torch.searchsorted(knots, z, right=True).clamp_(1, knots.shape[1] - 1)
        below = above - 1
        low, low_rank = knots.gather(1, below), ranks.gather(1, below)
        share = (z - low).div_(knots.gather(1, above) - low).clamp_(0, 1)
        return torch.lerp(low_rank, ranks.gather(1, above), share).t()

    def _on(self, x: Tensor) -> dict[str, Tensor]:
        """Return all tables as tensors on the device of some rows, floats of their type."""
        place = x.device, x.dtype
        if place not in self._placed:
            # Made in a prediction, they may be asked for gradients of rows later.
            with torch.inference_mode(False):
                placed = {name: torch.tensor(v, device=x.device) for name, v in self.index.items()}
                for name, v in self.floats.items():
                    placed[name] = torch.tensor(np.ascontiguousarray(v)).to(x.device, x.dtype)
            self._placed[place] = placed
        return self._placed[place]


class TableEncoding(nn.Module):
    """Encode the columns of a table as the features that a net learns from.

    The layer has no weights. A net of ours encodes rows where it cuts batches, once for all nets
    that share them, and sets `in_batches`, whereupon the layer leaves them alone in training.

    Parameters
    ----------
    tables : EncodingTables
        Fitted before, as `skensemble.preprocessing.TableEncoder` does.

    Attributes
    ----------
    in_batches : bool
        Whether the rows of a training come encoded.

    Notes
    -----
    *Shape*: input ``(n_samples, n_columns)``, output ``(n_samples, n_features)``.

    Examples
    --------
    >>> tables = EncodingTables(1, bin_columns=[0, 0], bins=[[0, 1], [1, 3]])
    >>> TableEncoding(tables)(torch.tensor([[0.5], [2.0], [torch.nan]])).tolist()
    [[0.0, -0.5], [0.5, 0.0], [0.0, 0.0]]
    """

    def __init__(self, tables: EncodingTables) -> None:
        super().__init__()
        self.tables = tables
        self.in_batches = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
            Coded rows; in training with `in_batches` their features.

        Returns
        -------
        features : Tensor of shape (n_samples, n_features)
        """
        return x if self.training and self.in_batches else self.tables.encode(x)

    def extra_repr(self) -> str:
        """Return what the repr says of it."""
        return f"n_columns={self.tables.n_columns}, n_features={self.tables.n_features}"
