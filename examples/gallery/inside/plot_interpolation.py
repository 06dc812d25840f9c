"""
On the way from one member to another
=====================================

The weights of two members are points, and the loss can be followed along the straight line between
them. Snapshots of this training lie in one valley: no ridge parts them. Between nets that are
trained apart there is one, and the mean of their *weights* lies upon it, while the mean of their
*predictions* is as good as ever. The dips on its slopes are no better nets that were missed:
weights that shrink make an over-confident net less sure.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import InterpolationDisplay
from skensemble.weight_space import distance

X, y = make_classification(3000, n_informative=10, n_classes=3, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)
net = NetClassifier(max_epochs=50, batch_size=32, module__activation="relu")
models = {
    "snapshots": SnapshotEnsembleClassifier(net, M=5, random_state=0),
    "nets trained apart": DeepEnsembleClassifier(net, M=5, random_state=0),
}

# %%
# The same two pairs in both panels: members 1 and 5, and members 4 and 5.

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained", sharey=True)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    members = model.fit(X_train, y_train).members_
    print(name, "are apart by", *(f"{distance(members[k], members[4]):.1f}" for k in range(4)))
    InterpolationDisplay.from_estimator(model, X_test, y_test, pairs=[(0, 4), (3, 4)], ax=ax)
    ax.set_title(name, fontsize="medium")
plt.show()
