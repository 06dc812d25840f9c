"""
Schedules, before any training
==============================

A schedule is a function of the step, so it can be looked at before a training is paid for. A dot is
a snapshot. Cycles of equal length are the paper's; growing cycles give early members less time and
the last one most of it; `alpha_mult` lowers the peaks. A triangle rises before it falls.
"""

import matplotlib.pyplot as plt

from skensemble.displays import ScheduleDisplay

settings = {
    "equal cycles": {"schedule": "cosine", "M": 5},
    "growing cycles": {"schedule": "cosine", "M": 5, "cycle_mult": 2.0},
    "growing cycles, falling peaks": {
        "schedule": "cosine",
        "M": 5,
        "cycle_mult": 2.0,
        "alpha_mult": 0.7,
    },
    "triangular, warmed up": {"schedule": "triangular", "M": 3, "warmup": 0.1},
}

# %%
# `ScheduleDisplay.from_estimator` draws the rates and the losses of a fitted ensemble.

figure, axes = plt.subplots(2, 2, figsize=(7.5, 4.6), layout="constrained", sharey=True)
for ax, (name, setting) in zip(axes.flat, settings.items(), strict=True):
    ScheduleDisplay.from_schedule(n_steps=620, alpha_zero=0.1, ax=ax, **setting)
    ax.set_title(name, fontsize="medium")
plt.show()
