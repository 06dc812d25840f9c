"""Constructors answer a wrong argument with the public class and the spelling that works."""

import inspect
import pickle

import pytest

from skensemble import InvalidParameterError
from skensemble._arguments import (
    AnsweringConstructor,
    invalid_names,
    keywords_of,
    nearest,
    parameters_of,
    written,
)


class Mixin:
    def __init__(self, first=None, *, second=2):
        if first == "fail":
            raise TypeError("a fault of its own")
        self.first, self.second = first, second


class Base(AnsweringConstructor):
    def _write_call(self, names, args):
        return f"{type(self).__name__}({', '.join(names)})"


class Public(Mixin, Base):
    """Its constructor is that of a mixin."""


class Child(Public):
    def __init__(self, third, **kwargs):
        super().__init__(**kwargs)
        self.third = third


def test_an_unknown_keyword_is_answered_with_the_public_class():
    message = r"^Invalid parameters 'b', 'a' for estimator Public, got b=1, a=2\. Write Public\(b, "
    with pytest.raises(InvalidParameterError, match=message):
        Public(b=1, second=3, a=2)
    # A subclass that hands keywords on is named itself.
    with pytest.raises(InvalidParameterError, match="for estimator Child, got sceond=1"):
        Child(3, sceond=1)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1, 2), {}, r"^Public must get all arguments but first by name, got 2 without one: write"),
        ((1,), {"first": 2}, r"^first must be given to Public once, got 1 and 2\.$"),
    ],
)
def test_arguments_without_a_name_are_answered(args, kwargs, message):
    with pytest.raises(InvalidParameterError, match=message):
        Public(*args, **kwargs)


def test_a_constructor_fails_by_itself_as_it_did():
    with pytest.raises(TypeError, match=r"^a fault of its own$"):
        Public("fail")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'third'"):
        Child()


def test_right_calls_and_signatures_stay():
    assert inspect.signature(Public) == inspect.signature(Mixin)
    assert vars(Public(1, second=3)) == {"first": 1, "second": 3}
    assert vars(Child(5, second=4)) == {"first": None, "second": 4, "third": 5}
    assert vars(pickle.loads(pickle.dumps(Public(7)))) == {"first": 7, "second": 2}
    assert Mixin.__init__ is not Public.__init__


def test_defaults_can_be_changed_as_those_of_any_function(monkeypatch):
    monkeypatch.setitem(Public.__init__.__kwdefaults__, "second", 5)
    assert Public().second == 5


class Later:
    def __init__(self, value=1):
        self.value = value


class Between(Base, Later):
    """Has no constructor of its own."""


class Last(Between, Later):
    """Calls the constructor that comes last."""


def test_a_constructor_further_down_is_left_to_super():
    assert "__init__" not in vars(Between)
    assert Last(3).value == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lr", "lr"),
        ("batchsize", "batch_size"),
        ("Batch_Size", "batch_size"),
        ("epochs", "max_epochs"),
        ("colour", None),
    ],
)
def test_the_nearest_name_is_found(name, expected):
    known = {"lr": "lr", "batch_size": "batch_size", "epochs": "max_epochs"}
    assert nearest(name, known) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "lr=0.1"), (int, "lr=int"), ("x" * 58, f"lr={'x' * 58!r}"), ("x" * 59, "lr=...")],
)
def test_long_values_are_left_out_of_a_call(value, text):
    assert written("lr", value) == [text]


def test_without_a_call_the_parameters_are_listed():
    error = invalid_names(Public(), ["third"], None, {"third": 3})
    assert str(error).endswith("got third=3. Valid parameters are: first, second.")


def test_parameters_are_those_of_all_constructors_that_keywords_reach():
    assert parameters_of(Public) == {"first", "second"}
    assert parameters_of(Child) == {"first", "second", "third"}


@pytest.mark.parametrize("value", [3, [], dict.fromkeys])
def test_what_has_no_signature_has_no_known_keywords(value):
    assert keywords_of(value) is None or isinstance(keywords_of(value), dict)
