"""Warnings that point at the line of the user."""

import sys
import warnings

SKIPPED = ("skensemble.", "sklearn.callback.", "contextlib")
"""Modules whose frames lie between a user's call and what is warned of."""


def warn_user(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn where the package was called, however deep in it the reason was found.

    Parameters
    ----------
    message : str or Warning
    category : type, default=UserWarning
        Of a message that is a string.
    """
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(SKIPPED):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
