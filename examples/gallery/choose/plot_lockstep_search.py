"""
Many nets as one
================

A step of a small net is nearly all overhead. `LockstepGridSearchCV` stacks the nets of all
candidates and folds and trains them together: the scores are those of `GridSearchCV` up to
rounding, and the time grows far more slowly with their number.

The trainings are short here, 180 steps each, so that checks and scores, which every fit still has,
take most of what is left. Searches of 45 such fits took 3.83 times as long one by one, and 8.9
times with 1,500 steps each: medians of the page *Measured*. Seconds here are those of one run on a
machine that also builds these pages.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skensemble import LockstepGridSearchCV, NetClassifier, SnapshotEnsembleClassifier

X, y = load_wine(return_X_y=True)
net = NetClassifier(max_epochs=20, batch_size=16, module__hidden_units=(16,))
ensemble = SnapshotEnsembleClassifier(net, random_state=0)
rates = np.geomspace(0.01, 0.2, 16)
searches = {"GridSearchCV": GridSearchCV, "LockstepGridSearchCV": LockstepGridSearchCV}
counts = [1, 4, 16]

seconds = {name: [] for name in searches}
scores = {}
for n_candidates in counts:
    grid = {"alpha_zero": rates[:: 16 // n_candidates]}
    for name, search in searches.items():
        begin = perf_counter()
        found = search(ensemble, grid, cv=4, scoring="neg_log_loss").fit(scale(X), y)
        seconds[name].append(perf_counter() - begin)
        scores[name] = -found.cv_results_["mean_test_score"]

# %%
# At the right, rings about dots: the same scores.

figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained")
for name, marker in zip(searches, "os", strict=True):
    left.plot(4 * np.array(counts), seconds[name], marker=marker, label=name)
left.set(xlabel="fits: candidates times folds", ylabel="seconds", ylim=(0, None))
left.legend(fontsize="small")
right.semilogx(rates, scores["GridSearchCV"], "o", label="GridSearchCV")
right.plot(rates, scores["LockstepGridSearchCV"], "o", ms=11, mfc="none", label="in lock-step")
right.set(xlabel="alpha_zero", ylabel="log-loss")
right.legend(fontsize="small")
plt.show()
