"""
A grid of M and alpha_zero
==========================

More cycles need a rate that is high enough to leave a minimum, and low enough to settle again
within a cycle. The map shows the log-loss in cross-validation. Broad valleys are good news: a
setting in the middle of one is as good as the best, which owes its lead to chance. One cycle, the
row of a single net, is behind most of them.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification

from skensemble import LockstepGridSearchCV, NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import SearchDisplay

X, y = make_classification(600, n_informative=8, flip_y=0.1, random_state=0)
net = NetClassifier(max_epochs=40, batch_size=32, module__hidden_units=(32,))
ensemble = SnapshotEnsembleClassifier(net, random_state=0)
grid = {"M": [1, 2, 4, 8], "alpha_zero": [0.001, 0.003, 0.01, 0.03, 0.1]}
search = LockstepGridSearchCV(ensemble, grid, cv=5, scoring="neg_log_loss").fit(X, y)
print(search.best_params_)

# %%
# `SearchDisplay.from_cv_results` reads the results of any search of scikit-learn. With one
# parameter it draws a line; with two, a map.

display = SearchDisplay.from_cv_results(
    search.cv_results_, x="alpha_zero", y="M", score_name="neg_log_loss"
)
display.figure_.set_size_inches(6, 3.8)
plt.show()
