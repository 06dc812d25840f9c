"""
A fan around a regression
=========================

A net whose loss is a Gaussian log-likelihood learns the noise of the targets along with their mean.
The fan at the left shows that noise and the disagreement of the members together; the one at the
right shows the disagreement alone, which is least where there are rows. Beyond them it grows, and
yet not enough: all nets go on along straight lines there, and the truth turns.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from skensemble import DeepEnsembleRegressor, NetRegressor
from skensemble.displays import RegressionFanDisplay
from skensemble.modules import MeanVarianceMLP

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-4, -1.5, 100), rng.uniform(1.5, 4, 100)])
y = np.sin(x) + rng.normal(0, 0.05 + 0.08 * np.abs(x))
X = x[:, None]

net = NetRegressor(
    MeanVarianceMLP,
    criterion=torch.nn.GaussianNLLLoss,
    max_epochs=100,
    module__activation="relu",
)
ensemble = DeepEnsembleRegressor(net, M=10, random_state=0).fit(X, y)

# %%
# The dashed line is the truth.

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.6), layout="constrained", sharey=True)
for ax, part in zip(axes, ("total", "spread"), strict=True):
    fan = RegressionFanDisplay.from_estimator(ensemble, X, y, uncertainty=part, extend=0.3, ax=ax)
    ax.plot(fan.x, np.sin(fan.x), "--", color="0.3")
    ax.set_title(part, fontsize="medium")
plt.show()
