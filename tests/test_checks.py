import numpy as np
import pytest

from skensemble._checks import InvalidParameterError, check_int, check_real


def test_numpy_integers_are_integers():
    assert check_int("M", np.int32(3), 1) == 3


@pytest.mark.parametrize("value", [0, 2.0, True, "3", None])
def test_a_bad_int_is_named_with_its_rule(value):
    with pytest.raises(InvalidParameterError, match=r"^M must be an int >= 1, got .*\.$"):
        check_int("M", value, 1)


def test_an_int_above_its_range_is_refused():
    with pytest.raises(InvalidParameterError, match=r"^m must be an int in 1\.\.5, got 6\.$"):
        check_int("m", 6, 1, 5)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1", None, True])
def test_a_bad_number_is_named_with_its_rule(value):
    with pytest.raises(InvalidParameterError, match=r"^lr must be a finite number > 0, got "):
        check_real("lr", value, 0, low_open=True)


def test_a_closed_range_includes_both_ends():
    assert [check_real("p", value, 0, high=1) for value in (0, 1)] == [0.0, 1.0]
    with pytest.raises(InvalidParameterError, match="p must be a finite number >= 0 and <= 1"):
        check_real("p", 1.5, 0, high=1)


def test_the_error_is_a_value_error_and_a_type_error():
    assert issubclass(InvalidParameterError, ValueError)
    assert issubclass(InvalidParameterError, TypeError)
