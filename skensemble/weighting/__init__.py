"""Weights of members from what they give on rows that none of them was trained on.

Pure functions of arrays, of members of any origin. Rows that the members were trained on are of no
use here: there, the most over-confident member looks best.
"""

from skensemble.weighting._fitted import log_loss_weights, squared_error_weights
from skensemble.weighting._greedy import greedy_weights

__all__ = ["greedy_weights", "log_loss_weights", "squared_error_weights"]
