"""Settings that have to stand before the first import of SciPy."""

import os

# scikit-learn skips its array API check without it.
os.environ["SCIPY_ARRAY_API"] = "1"

import torch

# More threads than one slow small nets down, and far more beside another busy process.
torch.set_num_threads(1)
