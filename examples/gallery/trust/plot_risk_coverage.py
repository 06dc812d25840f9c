"""
Answer only where sure
======================

A model that may pass over the rows it is least sure of makes fewer errors on the others. The curve
shows how many: error against the share of rows that are answered, the surest first. The lower line
is the better order, whatever its accuracy on all rows, which is where it ends.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import RiskCoverageDisplay
from skensemble.metrics import accuracy_at_coverage

X, y = make_classification(5000, n_informative=10, n_classes=3, flip_y=0.05, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)

net = NetClassifier(max_epochs=40, batch_size=32)
models = {
    "one net": SnapshotEnsembleClassifier(net, M=1, random_state=0),
    "5 snapshots": SnapshotEnsembleClassifier(net, M=5, random_state=0),
    "5 nets": DeepEnsembleClassifier(net, M=5, random_state=0),
}

# %%
# The accuracy on the surest 80 % of the rows is printed beside that on all.

figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for name, model in models.items():
    proba = model.fit(X_train, y_train).predict_proba(X_test)
    sure = accuracy_at_coverage(y_test, proba, coverage=0.8)
    print(f"{name:12s} {model.score(X_test, y_test):.3f} of all, {sure:.3f} of the surest 80 %")
    RiskCoverageDisplay.from_estimator(model, X_test, y_test, name=name, ax=ax)
plt.show()
