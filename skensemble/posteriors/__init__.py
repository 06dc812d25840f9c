"""Distributions over the weights of a net, from which members are drawn."""

from skensemble.posteriors._iterates import (
    IterateGaussian,
    fit_iterate_gaussian,
    load_weight_vector,
)
from skensemble.posteriors._kronecker import Factors, kronecker_factors
from skensemble.posteriors._langevin import LangevinNoise, langevin_std
from skensemble.posteriors._laplace import KroneckerGaussian, KroneckerPosterior, fit_kronecker
from skensemble.posteriors._likelihood import (
    loss_of_drawn_targets,
    n_effective_rows,
    prior_variance_of,
    temperature_of,
)
from skensemble.posteriors._mean_field import MeanField

__all__ = [
    "Factors",
    "IterateGaussian",
    "KroneckerGaussian",
    "KroneckerPosterior",
    "LangevinNoise",
    "MeanField",
    "fit_iterate_gaussian",
    "fit_kronecker",
    "kronecker_factors",
    "langevin_std",
    "load_weight_vector",
    "loss_of_drawn_targets",
    "n_effective_rows",
    "prior_variance_of",
    "temperature_of",
]
