"""
What an epoch buys
==================

Each point is a training of so many epochs in all, and its score on new rows. Compare along a
vertical line: methods at the same price. Labels are noisy here, so a single net only gets worse the
longer it trains. Snapshots are ahead of it at every budget. Five nets of a fifth of the epochs each
are too short at 10 epochs, and ahead of all from 40 on.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import BudgetDisplay
from skensemble.metrics import calibrated_log_likelihood

X, y = make_classification(4000, n_informative=10, n_classes=3, flip_y=0.05, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)


def methods(epochs):
    """Give three methods that train for so many epochs in all."""
    whole, fifth = (NetClassifier(max_epochs=n, batch_size=32) for n in (epochs, epochs // 5))
    yield "one net", SnapshotEnsembleClassifier(whole, M=1, random_state=0)
    yield "5 snapshots", SnapshotEnsembleClassifier(whole, M=5, random_state=0)
    yield "5 nets, a fifth each", DeepEnsembleClassifier(fifth, M=5, random_state=0)


records = []
for epochs in (10, 20, 40, 80):
    for name, model in methods(epochs):
        proba = model.fit(X_train, y_train).predict_proba(X_test)
        records.append(
            {
                "method": name,
                "epochs": epochs,
                "error": 1 - model.score(X_test, y_test),
                "log_likelihood": calibrated_log_likelihood(y_test, proba),
            }
        )

# %%
# The calibrated log-likelihood gives each method the temperature that suits it: what is left is
# more than a matter of being too sure.

display = BudgetDisplay.from_scores(records)
display.figure_.set_size_inches(6.5, 5)
plt.show()
