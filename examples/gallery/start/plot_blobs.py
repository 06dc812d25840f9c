"""
Three blobs
===========

One training of 50 epochs gives five nets. A panel shows the probability of the likeliest class:
dark where a net is sure. The members draw different borders, and nobody knows beforehand which is
best. Their mean is less sure between the borders, and its log-loss on new rows is as low as that of
the better members. (One training: another seed has other numbers, and the page *Measured* has
spreads.)
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.metrics import log_loss

from skensemble import NetClassifier, SnapshotEnsembleClassifier

X, y = make_blobs(2100, centers=3, cluster_std=2.0, random_state=2)
X_train, X_test, y_train, y_test = X[:100], X[100:], y[:100], y[100:]

net = NetClassifier(max_epochs=50, batch_size=10, module__hidden_units=(50,))
ensemble = SnapshotEnsembleClassifier(net, M=5, random_state=0).fit(X_train, y_train)

members = ensemble.member_predict_proba(X_test)
losses = [log_loss(y_test, proba) for proba in (*members, ensemble.predict_proba(X_test))]
print(
    "log-loss of the members", np.round(losses[:-1], 3), "and of their mean", round(losses[-1], 3)
)

# %%
# Points are the rows of the training; titles have the log-loss on 2,000 other rows.

ticks = np.linspace(X.min(axis=0), X.max(axis=0), 100)
x1, x2 = np.meshgrid(*ticks.T)
points = np.column_stack([x1.ravel(), x2.ravel()])
shown = [*ensemble.member_predict_proba(points), ensemble.predict_proba(points)]
names = [f"member {k}" for k in range(1, 6)] + ["mean of all"]

figure, axes = plt.subplots(2, 3, figsize=(7.5, 5), layout="constrained")
for ax, proba, name, loss in zip(axes.flat, shown, names, losses, strict=True):
    sure = proba.max(axis=1).reshape(x1.shape)
    image = ax.contourf(x1, x2, sure, levels=np.linspace(1 / 3, 1, 9), cmap="Blues")
    for label, marker in enumerate("os^"):
        ax.plot(*X_train[y_train == label].T, marker, color=f"C{label + 1}", markersize=3)
    ax.set(title=f"{name}: {loss:.3f}", xticks=[], yticks=[])
figure.colorbar(image, ax=axes, label="probability of the likeliest class", format="{x:.2f}")
plt.show()
