"""
Weights from rows that were left out
====================================

Eight nets are trained in lock-step, each on three quarters of the rows. At the end of each of five
growing cycles every net predicts the quarter that it has not seen. The weights of the snapshots
come from these predictions, so they cost no training and no rows. The longest cycles over-fit here:
the last snapshots are behind the third ones. The weighted mean is ahead of an equal mean, and of
every position alone.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skensemble import CrossFittedEnsembleClassifier

X, y = make_classification(
    4000, n_informative=10, n_clusters_per_class=4, flip_y=0.05, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1500, random_state=0)

ensemble = CrossFittedEnsembleClassifier(n_nets=8, cv=4, random_state=0).fit(X_train, y_train)
weights = ensemble.weights_
print(
    "out of fold", round(ensemble.oof_score_, 3), "test", round(ensemble.score(X_test, y_test), 3)
)

# %%
# The eight nets of one position count alike. Beside their weights stands the test log-loss of each
# position alone, of the equal mean and of the weighted one.

positions = ensemble.member_positions_
members = ensemble.member_predict_proba(X_test)
n_positions = positions.max() + 1
alone = [log_loss(y_test, members[positions == k].mean(axis=0)) for k in range(n_positions)]
weighted = log_loss(y_test, ensemble.predict_proba(X_test))
equal = log_loss(y_test, ensemble.set_params(weights="uniform").predict_proba(X_test))

figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained")
steps = [str(step) for step in np.unique(ensemble.member_steps_)]
left.bar(steps, [weights[positions == k].sum() for k in range(n_positions)])
left.set(xlabel="snapshot after step", ylabel="weight of the eight nets")
right.plot(steps, alone, "o", label="snapshots of one position")
right.axhline(equal, color="C1", linestyle="--", label="equal mean")
right.axhline(weighted, color="C2", label="weights out of fold")
right.set(xlabel="snapshot after step", ylabel="test log-loss")
right.legend(fontsize="small")
plt.show()
