"""Fitted ensembles on their way through a pickle, and what is checked on that way."""

from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse

from skensemble._warn import warn_user
from skensemble.ensembles._answers import differ, seeded_outputs
from skensemble.ensembles._net import build_module
from skensemble.ensembles._pickling import can_be_pickled
from skensemble.members import (
    MemberState,
    MemberTemplate,
    Predictor,
    Structures,
)
from skensemble.modules import MLP

N_PROBES = 8
"""Synthetic rows on which an ensemble that was stored and one that is loaded have to agree."""

N_SEEN = 1000
"""Training rows from which the ranges of synthetic ones are taken."""


class Ranges:
    """Ranges of the values of training rows, for synthetic rows that a module can take.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Training rows; none of them is kept.
    """

    def __init__(self, X: Any) -> None:
        seen = X[:: -(-X.shape[0] // N_SEEN)]
        seen = seen.toarray() if issparse(seen) else seen
        self.is_whole = bool((seen == np.floor(seen)).all())
        self.shape, self.dtype = seen.shape[1:], seen.dtype
        # What stands at a place of an image says nothing of that place.
        axes = 0 if seen.ndim == 2 else None
        # A value that is missing has no size.
        self.low, self.high = np.fmin.reduce(seen, axis=axes), np.fmax.reduce(seen, axis=axes)

    def rows(self) -> np.ndarray:
        """Draw rows from a fixed seed, of the dtype of the training rows."""
        shares = np.random.default_rng(0).random((N_PROBES, *self.shape))
        low, high = np.float64(self.low), np.float64(self.high)
        rows = low + shares * (high - low)
        return (np.round(rows) if self.is_whole else rows).astype(self.dtype)


class Stored:
    """What a pickle holds of the members beside their arrays.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Fitted.

    Attributes
    ----------
    structures : Structures or None
        None where the net's own constructor makes a module that answers alike.
    answers : ndarray of shape (n_members, n_probes, n_outputs) or None
        What the members answer to synthetic rows; None where they answer at random.
    device : str
        Type of the device that they answered on.
    """

    def __init__(self, ensemble: Any) -> None:
        predictor, rows = ensemble._predictor_, ensemble._ranges_.rows()
        self.device = predictor.device.type
        self.answers: np.ndarray | None = seeded_outputs(predictor, rows)
        if differ(self.answers, seeded_outputs(predictor, rows)):
            self.answers = None
        self.structures: Structures | None = None
        if not _is_own(ensemble.template_net_, predictor):
            structures = Structures(predictor.members, ensemble.members_)
            if can_be_pickled(structures) or not _answers_alike(ensemble, rows, self.answers):
                self.structures = structures

    def states(self, ensemble: Any) -> list[MemberState]:
        """Put the members of an ensemble that is loaded together again."""
        if self.structures is not None:
            return self.structures.fill(ensemble.members_)
        return _rebuilt(ensemble)

    def check(self, ensemble: Any) -> None:
        """Hold what a loaded ensemble answers to what the stored one did.

        Raises
        ------
        ValueError
            If it answers otherwise; on another kind of device it is a warning.
        """
        if self.answers is None:
            return
        found = seeded_outputs(ensemble._predictor_, ensemble._ranges_.rows())
        if not differ(self.answers, found):
            return
        message = (
            f"This {type(ensemble).__name__} does not answer as it did when it was stored: of "
            f"{N_PROBES} synthetic rows, outputs differ by up to "
            f"{np.abs(found - self.answers).max():.3g}. The code of the module or of the net has "
            "changed since, or what it computes from is not part of it: load it with the code "
            "that it was stored with, or fit it again."
        )
        if ensemble._predictor_.device.type == self.device:
            raise ValueError(message)
        warn_user(f"{message} It was stored on {self.device!r}.")


def _is_own(net: Any, predictor: Predictor) -> bool:
    """Say whether the constructor is known to make modules that answer alike."""
    is_known = predictor.are_modules and predictor.is_of_known_layers
    # Nets that encode a table may each do it in a way of their own.
    return net.module is MLP and is_known and "module__encoding" not in vars(net)


def _answers_alike(ensemble: Any, rows: np.ndarray, answers: np.ndarray | None) -> bool:
    """Say whether members whose modules are built anew answer as those that are there."""
    if answers is None or not ensemble._predictor_.are_modules:
        return False
    predictor = ensemble._make_predictor(ensemble._predictor_.device)
    try:
        for state in _rebuilt(ensemble):
            predictor.add(None, state)
        return not differ(answers, seeded_outputs(predictor, rows))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        # Whatever a module raises that was not built for these arrays.
        return False


def _rebuilt(ensemble: Any) -> list[MemberState]:
    template = MemberTemplate(ensemble._member_template(build_module(ensemble.template_net_)))
    return [template.state(member) for member in ensemble.members_]
