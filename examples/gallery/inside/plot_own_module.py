"""
A module of your own
====================

Any PyTorch module can be the net: here a small convolutional one with batch normalisation, whose
rows are images. The loss rises where the rate restarts, and a snapshot is taken where it is low
again. Every member has its own statistics of batch normalisation. This net is small for its task
and far from over-fitting: the mean is no better than the best member.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import ScheduleDisplay

pixels, digit = load_digits(return_X_y=True)
images = (pixels / 16).reshape(-1, 1, 8, 8)


class Convolutional(nn.Sequential):
    """A convolution, a pooling and a linear layer."""

    def __init__(self, n_classes, channels=16):
        super().__init__(
            nn.Conv2d(1, channels, 3),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(9 * channels, n_classes),
        )


net = NetClassifier(Convolutional, max_epochs=24, batch_size=32, module__channels=16)
ensemble = SnapshotEnsembleClassifier(net, M=4, alpha_zero=0.2, random_state=0)
ensemble.fit(images[:1000], digit[:1000])
test, truth = images[1000:], digit[1000:]
losses = [log_loss(truth, proba) for proba in ensemble.member_predict_proba(test)]
print("log-loss of the members", np.round(losses, 3))
print("and of their mean", round(log_loss(truth, ensemble.predict_proba(test)), 3))

# %%
# Above the rate, below the training loss of each epoch.

display = ScheduleDisplay.from_estimator(ensemble)
display.figure_.set_size_inches(7, 4)
plt.show()
