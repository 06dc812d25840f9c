"""
One line on a table
===================

`TabularSnapshotClassifier` takes columns of numbers and strings with missing values as they are.
It also predicts each row by nets that have not seen it: so one fit gives an honest score, and the
probabilities for a calibration curve. The columns that made the classes come out as those that
count.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import permutation_importance

from skensemble import TabularSnapshotClassifier

rng = np.random.default_rng(0)
n = 2000
table = pd.DataFrame(
    {
        "age": rng.integers(18, 80, n).astype(float),
        "rent": np.where(rng.random(n) < 0.4, 0, rng.exponential(800, n)).round(),
        "city": rng.choice(["Berne", "Geneva", "Zurich"], n),
        "member": rng.random(n) < 0.5,
        "noise": rng.normal(size=n),
    }
)
pay = 30 * table["age"] + 0.5 * table["rent"] + 400 * (table["city"] == "Zurich")
paid = np.where(pay + rng.normal(0, 400, n) > 1800, "high", "low")
table.loc[::10, "age"] = np.nan
table.loc[::7, "city"] = None
train, test = table[:1000], table[1000:]

model = TabularSnapshotClassifier(max_cycles=3, random_state=0).fit(train, paid[:1000])
score = model.score(test, paid[1000:])
print("accuracy out of fold", round(model.oof_score_, 3), "on new rows", round(score, 3))

# %%
# At the left the rows of the training, as nets that left them out predicted them; at the right what
# shuffling a column of new rows costs.

found = permutation_importance(model, test, paid[1000:], scoring="neg_log_loss", random_state=0)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
out_of_fold = model.oof_decision_function_[:, 1]
CalibrationDisplay.from_predictions(
    paid[:1000] == "low", out_of_fold, n_bins=8, strategy="quantile", name="out of fold", ax=left
)
left.set(xlabel="predicted", ylabel="share of the rows")
order = found.importances_mean.argsort()
right.barh(table.columns[order], found.importances_mean[order], xerr=found.importances_std[order])
right.set(xlabel="increase of the log-loss, nats")
plt.show()
