"""Settings that have to stand before the first import of SciPy."""

import os
import warnings
from importlib.util import find_spec

# scikit-learn skips its array API check without it.
os.environ["SCIPY_ARRAY_API"] = "1"

import joblib
import torch
from sklearn.utils.fixes import parse_version

with warnings.catch_warnings():
    # skorch imports torch_geometric where it lies, which new versions of torch warn of.
    warnings.simplefilter("ignore")
    import skorch  # noqa: F401

# An initializer for workers, as that page has one, needs joblib 1.5.
collect_ignore = ["docs/engines.md"] if parse_version(joblib.__version__).release < (1, 5) else []
# What `make docs` writes, and what needs Sphinx.
collect_ignore += ["docs/_build", "docs/_ext", "docs/examples"]
if find_spec("mapie") is None:
    collect_ignore.append("docs/conformal.md")

# More threads than one slow small nets down, and far more beside another busy process.
torch.set_num_threads(1)
