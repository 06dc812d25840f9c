"""
How alike are the members?
==========================

An average repairs what members do not have in common. The map has the correlation of what they
predict on new rows. Snapshots of one training are alike, neighbours most of all; nets that are
trained apart differ more. How much an average gains also depends on how good its members are: here
both have the same accuracy, at one training and at five.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import CorrelationDisplay
from skensemble.metrics import disagreement

X, y = make_classification(3000, n_informative=10, n_classes=3, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)
net = NetClassifier(max_epochs=50, batch_size=32)
models = {
    "snapshots": SnapshotEnsembleClassifier(net, M=5, random_state=0),
    "nets trained apart": DeepEnsembleClassifier(net, M=5, random_state=0),
}

# %%
# The disagreement, printed here, is the share of rows of which two members say different labels.

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    model.fit(X_train, y_train)
    apart = disagreement(model.member_predict_proba(X_test))
    print(f"{name}: disagreement {apart:.3f}, accuracy {model.score(X_test, y_test):.3f}")
    display = CorrelationDisplay.from_estimator(model, X_test, ax=ax)
    # The same colours in both.
    display.image_.set_clim(0.9, 1)
    ax.set_title(name, fontsize="medium")
plt.show()
