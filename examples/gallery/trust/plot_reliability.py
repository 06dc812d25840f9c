"""
Reliability
===========

Of the rows of which a calibrated model says 80 %, it is right in 80 %. On noisy labels a net that
trains for long is too sure of itself: its line lies below the diagonal. The mean of its snapshots
is far less so, and here less than that of five nets which are all trained for so long. The steps
below count the rows: most of them lie where a model is sure. The numbers that are printed are those
of the legend: the metric and the picture have 15 bins each.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import ReliabilityDisplay
from skensemble.metrics import expected_calibration_error

X, y = make_classification(5000, n_informative=10, n_classes=3, flip_y=0.1, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)

net = NetClassifier(max_epochs=40, batch_size=32)
models = {
    "one net": SnapshotEnsembleClassifier(net, M=1, random_state=0),
    "5 snapshots": SnapshotEnsembleClassifier(net, M=5, random_state=0),
    "5 nets": DeepEnsembleClassifier(net, M=5, random_state=0),
}
for name, model in models.items():
    proba = model.fit(X_train, y_train).predict_proba(X_test)
    print(f"{name:12s} calibration error {expected_calibration_error(y_test, proba):.3f}")

# %%
# The three on one pair of axes, on 4,000 rows that none has seen.

axes = None
for name, model in models.items():
    display = ReliabilityDisplay.from_estimator(model, X_test, y_test, name=name, ax=axes)
    axes = display.ax_
display.figure_.set_size_inches(5.6, 5.2)
plt.show()
