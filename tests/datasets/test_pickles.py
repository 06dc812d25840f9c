import io
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from skensemble.datasets._pickles import read_plain_pickle

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_the_pickles_of_these_tests_are_those_of_python_2(python2_pickle):
    """Python reads them as the page of CIFAR says that they are to be read."""
    content = pickle.loads(python2_pickle({"data": ARRAY, "n": 1}), encoding="bytes")
    np.testing.assert_array_equal(content[b"data"], ARRAY)
    assert b"cnumpy.core.multiarray" in python2_pickle({"data": ARRAY})


@pytest.mark.parametrize("array", [ARRAY, np.asfortranarray(ARRAY), ARRAY[:0]])
def test_arrays_of_python_2_are_read(array, python2_pickle):
    found = read_plain_pickle(io.BytesIO(python2_pickle({"data": array})), "x")["data"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", [ARRAY, np.asfortranarray(ARRAY)])
def test_dicts_of_every_protocol_are_read(protocol, array):
    content = {"data": array, "labels": [1, 2, 3], "names": ["cat"], b"raw": b"bytes"}
    found = read_plain_pickle(io.BytesIO(pickle.dumps(content, protocol)), "x")
    np.testing.assert_array_equal(found.pop("data"), array)
    assert found == {"labels": [1, 2, 3], "names": ["cat"], "raw": b"bytes"}


class Calls:
    """Asks for a function to be called when it is loaded."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def test_nothing_that_a_pickle_asks_for_is_called(tmp_path):
    made = tmp_path / "made"
    for asked in (Calls(os.mkdir, str(made)), Calls(eval, "1 + 1"), Calls(np.load, str(made))):
        content = pickle.dumps({"data": asked})
        with pytest.raises(
            ValueError, match=r"x is not a pickle of arrays of bytes: it asks for \w"
        ):
            read_plain_pickle(io.BytesIO(content), "x")
    assert not made.exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (OrderedDict(), "it asks for collections.OrderedDict, which is not allowed"),
        (np.float64(1.5), "it asks for numpy"),
        (np.zeros(2), "an array of the type 'f8', not of bytes"),
        (np.zeros(2, dtype=np.int8), "an array of the type 'i1', not of bytes"),
        (np.array([{}], dtype=object), "an array of the type 'O8', not of bytes"),
    ],
)
def test_objects_that_are_no_plain_values_are_refused(value, reason):
    with pytest.raises(ValueError, match=reason):
        read_plain_pickle(io.BytesIO(pickle.dumps({"data": value}, protocol=4)), "x")


def test_arrays_whose_content_is_no_bytes_are_refused():
    """A list as the content is how arrays of objects are stored."""
    text = pickle.dumps({"data": np.array([65], dtype=np.uint8)}, protocol=3)
    assert text.count(b"C\x01A") == 1
    with pytest.raises(ValueError, match="an array that does not hold bytes"):
        read_plain_pickle(io.BytesIO(text.replace(b"C\x01A", b"]")), "x")


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", pickle.dumps([1, 2]), pickle.dumps({"a": "long" * 9})[:-20]]
)
def test_files_that_are_no_pickled_dicts_are_refused(content):
    with pytest.raises(ValueError, match="meta is not a pickle of arrays of bytes: "):
        read_plain_pickle(io.BytesIO(content), "meta")
