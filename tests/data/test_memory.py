"""Freed memory is given back for large tables, where the allocator has a way."""

import ctypes

import pytest

from skensemble.data import _memory, give_back


@pytest.fixture
def trimmed(monkeypatch):
    """Give a list that grows with each call of the allocator's way."""
    calls = []
    monkeypatch.setattr(_memory, "_trim", lambda: calls.append)
    return calls


def test_only_large_tables_are_worth_it(trimmed):
    give_back(_memory.WORTH_BYTES - 1)
    assert trimmed == []
    give_back(_memory.WORTH_BYTES)
    assert trimmed == [0]


def test_where_there_is_no_way_nothing_happens(monkeypatch):
    def refused(name):
        """Raise as systems do whose libraries cannot be opened so."""
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", refused)
    _memory._trim.cache_clear()
    assert _memory._trim() is None
    give_back(2**40)
    _memory._trim.cache_clear()


def test_blocks_that_have_passed_are_given_back_together(trimmed):
    passing = _memory.Passing()
    for _ in range(5):
        passing.note(_memory.GIVEN_BACK_BYTES // 2)
    assert trimmed == [0, 0]
