"""
Uncertainty on two moons
========================

Where classes overlap, no further rows would make a net sure: that uncertainty is *aleatoric*. Where
the members of an ensemble disagree, rows are missing: that one is *epistemic*, and a single net has
nothing of the kind. Here it grows where the border leaves the rows. Far from the border all nets
are sure alike, although they have seen nothing there: an ensemble is no detector of all that is
strange.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial import KDTree
from scipy.stats import entropy
from sklearn.datasets import make_moons

from skensemble import DeepEnsembleClassifier, NetClassifier
from skensemble.metrics import ood_auroc

X, y = make_moons(200, noise=0.2, random_state=0)
net = NetClassifier(max_epochs=100, batch_size=32, module__activation="relu")
ensemble = DeepEnsembleClassifier(net, M=20, random_state=0).fit(X, y)

x1, x2 = np.meshgrid(np.linspace(-3, 4, 120), np.linspace(-3, 3.5, 120))
points = np.column_stack([x1.ravel(), x2.ravel()])


def uncertainty(rows):
    """Give the entropy of the first net, and the parts of the uncertainty of all, in nats."""
    parts = ensemble.predict_uncertainty(rows)
    of_one_net = entropy(ensemble.member_predict_proba(rows)[0], axis=1)
    return {"one net: entropy": of_one_net} | {
        f"ensemble: {name}": part for name, part in parts._asdict().items()
    }


everywhere, of_rows = uncertainty(points), uncertainty(X)
is_far = KDTree(X).query(points)[0] > 1
for name, part in everywhere.items():
    print(f"{name}: AUROC {ood_auroc(of_rows[name], part[is_far]):.2f}")

# %%
# The area that is printed would be 1 if every point far from the rows were more uncertain than
# every row, and 0.5 by chance. Over four seeds it is 0.11 to 0.15 for one net, and 0.16 to 0.18 for
# the total and 0.19 to 0.24 for the epistemic part of the ensemble: all of them take far points for
# the surer ones.
#
# Uncertainty is in nats; log 2 = 0.69 is that of a coin.

panels = [name for name in everywhere if "total" not in name]
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.9), layout="constrained", sharey=True)
for ax, name in zip(axes, panels, strict=True):
    shown = everywhere[name].reshape(x1.shape)
    image = ax.contourf(x1, x2, shown, levels=np.linspace(0, 0.7, 15), cmap="Blues")
    for label, marker in enumerate("o^"):
        ax.plot(*X[y == label].T, marker, color=f"C{label + 1}", markersize=2)
    ax.set_title(name, fontsize="medium")
figure.colorbar(image, ax=axes, label="nats")
plt.show()
