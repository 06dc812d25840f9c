"""Laplace's approximation with Kronecker-factored curvature (Ritter et al., 2018)."""

from collections.abc import Mapping
from functools import partial
from math import sqrt

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._checks import reject
from skensemble.modules import trained_parameter
from skensemble.posteriors._kronecker import Factors, kronecker_factors
from skensemble.posteriors._likelihood import (
    loss_of_drawn_targets,
    n_effective_rows,
    n_targets,
    prior_variance_of,
    temperature_of,
)
from skensemble.training import Data


class KroneckerGaussian:
    """Gaussian of a weight matrix around 0, with covariance ``inv(A) (x) inv(G)``.

    With Cholesky factors A = L_A L_A' and G = L_G L_G' a draw is ``inv(L_G)' Z inv(L_A)``.

    Parameters
    ----------
    factors : Factors
        Positive semidefinite.
    damping : float
        Added to both diagonals.

    Examples
    --------
    >>> factors = Factors(torch.tensor([[4.0]]), torch.tensor([[1.0]]))
    >>> matrix = KroneckerGaussian(factors, damping=0.0)
    >>> draws = [matrix.draw(torch.Generator().manual_seed(k)) for k in range(2000)]
    >>> round(torch.stack(draws).var().item(), 1)
    0.2
    """

    def __init__(self, factors: Factors, damping: float) -> None:
        self.roots = [
            torch.linalg.cholesky(factor.double() + damping * torch.eye(len(factor)))
            for factor in factors
        ]

    def draw(self, generator: torch.Generator) -> Tensor:
        """Draw a deviation from the mean.

        Parameters
        ----------
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        deviation : Tensor of shape (n_outputs, n_inputs)
            float64.
        """
        root_a, root_g = self.roots
        noise = torch.randn(len(root_g), len(root_a), generator=generator, dtype=torch.float64)
        half = torch.linalg.solve_triangular(root_g.mT, noise, upper=True)
        return torch.linalg.solve_triangular(root_a, half, upper=False, left=False)


class KroneckerPosterior:
    """A Gaussian for each layer of a net, around the weights that it was trained to.

    Parameters
    ----------
    factors : dict of str to Factors
        By name of the layer; other weights stay as they are.
    damping : float
        Added to the diagonals of all factors.
    n_rows : float
        Rows that the curvature is the mean of.
    """

    def __init__(self, factors: Mapping[str, Factors], *, damping: float, n_rows: float) -> None:
        self.gaussians = {name: KroneckerGaussian(pair, damping) for name, pair in factors.items()}
        self.n_rows = n_rows

    def move(self, module: nn.Module, scale: float, generator: torch.Generator) -> None:
        """Add a draw of the deviation to the weights and trained biases of a module, in place."""
        for name, gaussian in self.gaussians.items():
            layer = module.get_submodule(name)
            deviation = scale / sqrt(self.n_rows) * gaussian.draw(generator)
            bias = trained_parameter(layer, "bias")
            if bias is not None:
                bias.data += deviation[:, -1].to(bias)
                deviation = deviation[:, :-1]
            layer.weight.data += deviation.reshape(layer.weight.shape).to(layer.weight)


def fit_kronecker(
    net: NeuralNet, data: Data, *, loss: float, prior_variance: float | None, seed: int
) -> KroneckerPosterior:
    """Fit the Gaussian around a trained net's weights.

    The posterior of N rows has the precision ``N * (A (x) G) + 1 / prior_variance``, which is
    approximated by N times the product of the damped factors, with ``damping = 1 / sqrt(N *
    prior_variance)`` (equation 9 of Ritter et al., 2018).

    Parameters
    ----------
    net : NeuralNet
        Trained.
    data : Data
        Training rows.
    loss : float
        Training loss.
    prior_variance : float or None
        None is what the weight decay stands for.
    seed : int
        Of the targets that are drawn.

    Returns
    -------
    posterior : KroneckerPosterior

    Raises
    ------
    InvalidParameterError
        If the net has no layer that factors are known for, or `prior_variance` is so large that
        the factors cannot be inverted.
    """
    n_rows = n_effective_rows(data)
    if prior_variance is None:
        temperature = temperature_of(net, loss, n_targets(data))
        prior_variance = prior_variance_of(net, n_rows, temperature)
    device = next(net.module_.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    of_output = partial(loss_of_drawn_targets, net, loss=loss, generator=generator)
    factors = kronecker_factors(net, data, of_output)
    if not factors:
        rule = "a net with trainable linear layers, or convolutions of 1 or 2 axes without groups"
        raise reject("estimator", rule, type(net.module_))
    damping = 1 / sqrt(n_rows * prior_variance)
    try:
        return KroneckerPosterior(factors, damping=damping, n_rows=n_rows)
    except torch.linalg.LinAlgError as error:
        rule = "so small that the curvature has an inverse (scaling the inputs helps)"
        raise reject("prior_variance", rule, prior_variance) from error
