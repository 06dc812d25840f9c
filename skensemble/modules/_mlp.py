from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skensemble._checks import check_int, check_real, reject
from skensemble.modules._columns import ColumnDropout, ColumnScale, checked_columns
from skensemble.modules._encoding import EncodingTables, TableEncoding
from skensemble.modules._inspect import unwrap_compiled

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class MLP(nn.Sequential):
    """Multi-layer perceptron: linear layers with an activation and dropout between them.

    Parameters
    ----------
    n_features : int
        Values of a row; the product of the axes for rows of more than one axis.
    n_outputs : int
        Width of the output: classes, or targets.
    hidden_units : int or sequence of int, default=(64, 64)
        Width of each hidden layer; empty for a linear model.
    dropout : float, default=0.0
        Probability to drop a hidden unit in training.
    activation : {"relu", "gelu", "silu", "tanh"}, default="relu"
        Non-linearity after each hidden layer.
    columns : array-like of int of shape (n_features,) or None, default=None
        The column of a table, from 0, that each feature encodes; None takes each by itself, or what
        `encoding` says.
    column_scale : bool, default=False
        Whether to learn a scale for each column, as a first layer `ColumnScale`.
    column_dropout : float, default=0.0
        Probability to drop a column of a row in training, by a first layer `ColumnDropout`; below
        1.
    encoding : EncodingTables or None, default=None
        Encodes the `n_features` columns of coded rows, as a first layer `TableEncoding`; the first
        linear layer then takes what comes out of it.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    Notes
    -----
    *Shape*: input ``(n_samples, n_features)``, or ``(n_samples, *axes)``, which is flattened;
    output ``(n_samples, n_outputs)``, logits or values without a final non-linearity.

    The model is an `torch.nn.Sequential` and no more: on small nets every further call of a
    module costs some per cent of a training step.

    Examples
    --------
    >>> MLP(4, 3, hidden_units=(8,))
    MLP(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        *,
        hidden_units: int | Sequence[int] = (64, 64),
        dropout: float = 0.0,
        activation: str = "relu",
        columns: Any = None,
        column_scale: bool = False,
        column_dropout: float = 0.0,
        encoding: EncodingTables | None = None,
    ) -> None:
        if not isinstance(hidden_units, Integral | Sequence):
            raise reject("hidden_units", "an int or a sequence of ints", hidden_units)
        widths = [hidden_units] if isinstance(hidden_units, Integral) else list(hidden_units)
        check_int("n_features", n_features, 1)
        check_int("n_outputs", n_outputs, 1)
        for width in widths:
            check_int("hidden_units", width, 1)
        check_real("dropout", dropout, 0, high=1)
        if activation not in ACTIVATIONS:
            raise reject("activation", f"one of {sorted(ACTIVATIONS)}", activation)
        check_real("column_dropout", column_dropout, 0, high=1, high_open=True)
        layers: list[nn.Module] = []
        if encoding is not None:
            if encoding.n_columns != n_features:
                rule = f"tables for the n_features={n_features} columns of the rows"
                raise reject("encoding", rule, f"tables for {encoding.n_columns}")
            layers.append(TableEncoding(encoding))
            n_features = encoding.n_features
            columns = encoding.columns if columns is None else columns
        columns = range(n_features) if columns is None else columns
        columns = checked_columns(columns, n_features)
        if column_dropout:
            layers.append(ColumnDropout(columns, column_dropout))
        if column_scale:
            layers.append(ColumnScale(columns))
        for n_in, n_out in zip([n_features, *widths], widths, strict=False):
            layers += [nn.Linear(n_in, n_out), ACTIVATIONS[activation]()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.Linear([n_features, *widths][-1], n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features) or (n_samples, *axes)
            A batch of rows.

        Returns
        -------
        output : Tensor of shape (n_samples, n_outputs)
        """
        return super().forward(x if x.ndim == 2 else torch.flatten(x, 1))


class InputLayers(NamedTuple):
    """The first layers of an MLP that a net may apply before the module sees the rows.

    Attributes
    ----------
    encoding : TableEncoding or None
    dropout : ColumnDropout or None
    """

    encoding: TableEncoding | None = None
    dropout: ColumnDropout | None = None

    def __bool__(self) -> bool:
        return any(layer is not None for layer in self)

    @property
    def are_in_batches(self) -> bool:
        """Whether all that are there have been applied when the module gets its rows."""
        return all(layer.in_batches for layer in self if layer is not None)

    def set_in_batches(self, value: bool) -> None:
        """Tell the layers whether the rows of a training come with them applied."""
        for layer in self:
            if layer is not None:
                layer.in_batches = value


def input_layers(module: nn.Module | None) -> InputLayers:
    """Return the layers of an MLP that encode and drop columns of its rows.

    Only where nothing else comes before them can they be applied before the module sees the rows.

    Parameters
    ----------
    module : torch.nn.Module or None
        Compiled or not.

    Returns
    -------
    layers : InputLayers
    """
    inner: Any = unwrap_compiled(module)
    if type(inner) is not MLP:
        return InputLayers()
    first, second = inner[0], inner[1] if len(inner) > 1 else None
    if type(first) is not TableEncoding:
        return InputLayers(None, first if type(first) is ColumnDropout else None)
    return InputLayers(first, second if type(second) is ColumnDropout else None)
