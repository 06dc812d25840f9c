"""
Digits unlike those of the training
===================================

Digits that are turned, or whose pixels are shuffled, are none that the nets have seen. A good model
is less sure of them than of fresh digits as they come. The *AUROC* is the chance that it is: 1 is
perfect, and 0.5 is blind. Shuffled pixels are told from digits; turned ones hardly, for many look
like other digits. An ensemble is little ahead of the entropy of one net, where it is ahead: do not
take it for a detector.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import entropy
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier

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
    "5 nets, total": DeepEnsembleClassifier(net, M=5, random_state=0),
}
for model in models.values():
    model.fit(known.reshape(-1, 64), digit[:1200])


def auroc(uncertainty):
    """Return the chance that a strange row has more of it than a fresh one."""
    half = len(uncertainty) // 2
    return roc_auc_score(np.repeat([0, 1], [half, half]), uncertainty)


# %%
# Bars begin at 0.5, where uncertainty says nothing.

scores = {name: [] for name in [*models, "5 nets, epistemic"]}
for rows in strange.values():
    both = np.concatenate([fresh, rows]).reshape(-1, 64)
    for name, model in models.items():
        scores[name].append(auroc(entropy(model.predict_proba(both), axis=1)))
    scores["5 nets, epistemic"].append(auroc(model.predict_uncertainty(both).epistemic))

figure, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
for k, (name, values) in enumerate(scores.items()):
    print(f"{name:18s}", np.round(values, 3))
    places = np.arange(3) + 0.2 * (k - 1.5)
    ax.bar(places, np.array(values) - 0.5, width=0.18, bottom=0.5, color=f"C{k}", label=name)
ax.set(xticks=range(3), xticklabels=strange, ylabel="AUROC", ylim=(0.5, 1))
ax.legend(loc="upper left")
plt.show()
