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
from scipy.stats import entropy
from sklearn.datasets import make_moons

from skensemble import DeepEnsembleClassifier, NetClassifier

X, y = make_moons(200, noise=0.2, random_state=0)
net = NetClassifier(max_epochs=100, batch_size=32, module__activation="relu")
ensemble = DeepEnsembleClassifier(net, M=20, random_state=0).fit(X, y)

x1, x2 = np.meshgrid(np.linspace(-3, 4, 120), np.linspace(-3, 3.5, 120))
points = np.column_stack([x1.ravel(), x2.ravel()])
parts = ensemble.predict_uncertainty(points)

# %%
# Uncertainty is in nats; log 2 = 0.69 is that of a coin.

panels = {
    "one net: entropy": entropy(ensemble.member_predict_proba(points)[0], axis=1),
    "ensemble: aleatoric": parts.aleatoric,
    "ensemble: epistemic": parts.epistemic,
}
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.9), layout="constrained", sharey=True)
for ax, (name, part) in zip(axes, panels.items(), strict=True):
    shown = part.reshape(x1.shape)
    image = ax.contourf(x1, x2, shown, levels=np.linspace(0, 0.7, 15), cmap="Blues")
    for label, marker in enumerate("o^"):
        ax.plot(*X[y == label].T, marker, color=f"C{label + 1}", markersize=2)
    ax.set_title(name, fontsize="medium")
figure.colorbar(image, ax=axes, label="nats")
plt.show()
