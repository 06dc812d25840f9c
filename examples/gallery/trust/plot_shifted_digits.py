"""
Digits unlike those of the training
===================================

Digits that are turned, or whose pixels are shuffled, are none that the nets have seen. The *AUROC*
is the chance that a model is less sure of such a row than of a fresh digit as it comes: 1 is
perfect, and 0.5 is blind. How unsure an ensemble is in all says little more than the entropy of one
net. How much nets that were trained apart *disagree* says more; of snapshots that holds for turned
digits, not for digits upside down or shuffled.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.metrics import ood_auroc

pixels, digit = load_digits(return_X_y=True)
images = (pixels / 16 - 0.3).reshape(-1, 8, 8)
known, fresh = images[:1200], images[1200:]
order = np.random.default_rng(0).permutation(64)
strange = {
    "turned by 90 degrees": np.rot90(fresh, axes=(1, 2)),
    "upside down": fresh[:, ::-1],
    "pixels shuffled": fresh.reshape(-1, 64)[:, order].reshape(-1, 8, 8),
}

net = NetClassifier(max_epochs=60, module__hidden_units=(100,))
models = {
    "one net": SnapshotEnsembleClassifier(net, M=1, random_state=0),
    "5 snapshots": SnapshotEnsembleClassifier(net, M=5, random_state=0),
    "5 nets": DeepEnsembleClassifier(net, M=5, random_state=0),
}
scores = {}
for name, model in models.items():
    model.fit(known.reshape(-1, 64), digit[:1200])
    inside = model.predict_uncertainty(fresh.reshape(-1, 64))
    for part in ("total", "epistemic")[: 1 if name == "one net" else 2]:
        scores[f"{name}, {part}"] = [
            ood_auroc(
                getattr(inside, part),
                getattr(model.predict_uncertainty(rows.reshape(-1, 64)), part),
            )
            for rows in strange.values()
        ]

# %%
# Bars begin at 0.5, where uncertainty says nothing. The differences hold for other seeds too.

figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for k, (name, values) in enumerate(scores.items()):
    print(f"{name:22s}", np.round(values, 3))
    places = np.arange(3) + 0.17 * (k - 2)
    ax.bar(places, np.array(values) - 0.5, width=0.15, bottom=0.5, color=f"C{k}", label=name)
ax.set(xticks=range(3), xticklabels=strange, ylabel="AUROC", ylim=(0.5, 1))
ax.legend(loc="upper left", fontsize="small")
plt.show()
