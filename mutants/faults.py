"""Faults that a person thought of, as a piece of text and what takes its place."""

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault.

    Attributes
    ----------
    module : str
        Path in the package.
    what : str
        What goes wrong, in words.
    old, new : str
        A piece of the module that stands there once, and what takes its place.
    """

    module: str
    what: str
    old: str
    new: str


FAULTS: list[Fault] = []
