from collections.abc import Sequence
from typing import Any

from torch import Tensor

from skensemble._checks import check_int
from skensemble.modules._mlp import MLP


class MeanVarianceMLP(MLP):
    """An `MLP` that gives a mean and the logarithm of a variance, for a Gaussian likelihood.

    Parameters
    ----------
    n_features : int
        Values of a row; the product of the axes for rows of more than one axis.
    n_outputs : int
        Targets; each has a mean and a variance.
    hidden_units : int or sequence of int, default=(64, 64)
        Width of each hidden layer; empty for a linear model.
    dropout : float, default=0.0
        Probability to drop a hidden unit in training.
    activation : {"relu", "gelu", "silu", "tanh"}, default="relu"
        Non-linearity after each hidden layer.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    Notes
    -----
    *Shape*: input ``(n_samples, n_features)``, or ``(n_samples, *axes)``, which is flattened;
    output a pair of ``(n_samples, n_outputs)``.

    References
    ----------
    Lakshminarayanan, Pritzel, Blundell (2017), *Simple and scalable predictive uncertainty
    estimation using deep ensembles*, equation 1.

    Examples
    --------
    >>> import torch
    >>> from skensemble import NetRegressor
    >>> from skensemble.modules import MeanVarianceMLP
    >>> net = NetRegressor(MeanVarianceMLP, criterion=torch.nn.GaussianNLLLoss)
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        *,
        hidden_units: int | Sequence[int] = (64, 64),
        dropout: float = 0.0,
        activation: str = "relu",
    ) -> None:
        check_int("n_outputs", n_outputs, 1)
        hidden: dict[str, Any] = {
            "hidden_units": hidden_units,
            "dropout": dropout,
            "activation": activation,
        }
        super().__init__(n_features, 2 * n_outputs, **hidden)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute both for a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features) or (n_samples, *axes)
            A batch of rows.

        Returns
        -------
        mean, log_variance : Tensor of shape (n_samples, n_outputs)
        """
        mean, log_variance = super().forward(x).chunk(2, dim=1)
        return mean, log_variance
