"""
A grid of M and alpha_zero
==========================

The map shows the log-loss in cross-validation. A high rate over-fits these noisy rows, and the more
cycles there are, the higher a rate they stand: the valley moves to the right from row to row. The
best of four or eight cycles is only a little ahead of the best single net, M = 1: tune both before
you compare them. Broad valleys are good news, since a setting in the middle of one is as good as
the best, which owes a part of its lead to chance.
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
