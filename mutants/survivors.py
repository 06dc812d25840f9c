"""Why each mutant that lives does no harm, or what it would take to kill it."""

REASONS: dict[str, str] = {
    "data/_targets.py:74:54: 1e+30 -> 2e+30": (
        "any limit far below what float32 holds serves as well"
    ),
    "lockstep/_compatibility.py:100:8: momentum_of(net) is None -> momentum_of(net) is not None": (
        "a part of a key that is inverted tells the same trainings apart"
    ),
    "lockstep/_compatibility.py:163:51: False -> True": (
        "modules that share weights go alone before the key is asked for"
    ),
    "lockstep/_loop.py:108:53: False -> True": (
        "observers fail in the thread of their fit, so that no error gets there"
    ),
    "lockstep/_populations.py:184:23: 0.0 -> 1.0": (
        "where p is 1 the mask is all 0, and any finite number will do"
    ),
    "lockstep/_stacked_batches.py:51:48: 1 -> 2": "the size of a block decides speed alone",
    "lockstep/_stacked_batches.py:81:23: 1 -> 2": "the size of a block decides speed alone",
    "lockstep/_stacked_sgd.py:36:21: min(norms) < torch.inf -> min(norms) <= torch.inf": (
        "to cut gradients to an infinite norm changes none"
    ),
    "nets/_epoch.py:45:62: False -> True": "skorch always passes the argument",
    "nets/_epoch.py:50:60: False -> True": "skorch always passes the argument",
    "nets/gradients/_mlp.py:83:21: 0.0 -> 1.0": (
        "where p is 1 the mask is all 0, and any finite number will do"
    ),
    "schedules/_stages.py:80:11: t > n_before -> t >= n_before": (
        "at t = n_before it asks for step 0 of the tail, which ends no cycle"
    ),
    "training/_course.py:48:36: 0 -> 1": "it is replaced before the first loss comes",
}
"""By the name of the mutant in `results.json`."""
