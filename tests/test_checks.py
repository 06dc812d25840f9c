import numpy as np
import pytest

from skensemble._checks import InvalidParameterError, check_int, check_real, reject, short_repr


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


class Nameless:
    def __repr__(self):
        raise RuntimeError("no name")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "'a'"),
        ([1] * 10**6, r"[1, 1, 1, 1, 1, 1, ...] (list of length 1000000)"),
        ("b" * 198, f"'{'b' * 198}'"),
        ("b" * 199, f"'{'b' * 97}...{'b' * 98}'"),
        (np.eye(2), "array([[1., 0.], [0., 1.]])"),
        (Nameless(), "an object of Nameless"),
    ],
)
def test_a_value_is_shown_in_one_line_of_at_most_200_characters(value, shown):
    assert short_repr(value) == shown
    assert str(reject("M", "an int", value)) == f"M must be an int, got {shown}."
    assert len(shown) <= 200
