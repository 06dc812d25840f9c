"""
A fan around a regression
=========================

A net whose loss is a Gaussian log-likelihood learns the noise of the targets along with their mean.
The members of an ensemble of such nets also disagree, and most where they have seen no rows. The
inner band is the noise; the outer one adds the disagreement. It widens beyond the rows, and yet not
enough: all nets go on along straight lines there, and the truth turns.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from skensemble import DeepEnsembleRegressor, NetRegressor
from skensemble.modules import MeanVarianceMLP

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-4, -1.5, 100), rng.uniform(1.5, 4, 100)])
y = np.sin(x) + rng.normal(0, 0.05 + 0.08 * np.abs(x))

net = NetRegressor(
    MeanVarianceMLP,
    criterion=torch.nn.GaussianNLLLoss,
    max_epochs=100,
    module__activation="relu",
)
ensemble = DeepEnsembleRegressor(net, M=10, random_state=0).fit(x[:, None], y)

line = np.linspace(-6, 6, 200)
mean = ensemble.predict(line[:, None])
noise, spread = ensemble.predict_uncertainty(line[:, None])

# %%
# Bands of two standard deviations.

figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
bands = {"noise and disagreement": np.hypot(noise, spread), "noise": noise}
for (name, width), shade in zip(bands.items(), (0.25, 0.35), strict=True):
    ax.fill_between(line, mean - 2 * width, mean + 2 * width, color="C0", alpha=shade, label=name)
ax.plot(line, mean, color="C0", label="mean")
ax.plot(line, np.sin(line), "--", color="0.4", label="the truth")
ax.scatter(x, y, s=6, color="black", label="rows of the training")
ax.set(xlabel="x", ylabel="y", ylim=(-5, 4))
ax.legend(ncols=2, fontsize="small", loc="lower center")
plt.show()
