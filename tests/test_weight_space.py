"""Members as points: arithmetic that is written out."""

import numpy as np
import pytest
import torch

from skensemble import InvalidParameterError
from skensemble.weight_space import angle, average_of, distance, interpolate, with_members


def member(*weights, bias=0.0, n_batches=0, dtype=np.float32, statistic=0.0):
    """Give a member of a net with batch normalisation."""
    return {
        "0.weight": np.array(weights, dtype),
        "0.bias": np.array([bias], dtype),
        "1.running_mean": np.array([statistic], dtype),
        "1.running_var": np.array([1 + statistic], dtype),
        "1.num_batches_tracked": np.array(n_batches),
    }


A, B = member(1, 2, bias=4, n_batches=10), member(3, -2, n_batches=30, statistic=2)


def test_a_point_of_the_line_lies_by_its_share_between_the_ends():
    point = interpolate(A, B, 0.25)
    assert point["0.weight"].tolist() == [0.75 * 1 + 0.25 * 3, 0.75 * 2 - 0.25 * 2]
    assert point["0.bias"].tolist() == [3]
    assert point["1.running_mean"].tolist() == [0.5]
    assert {array.dtype for name, array in point.items() if "tracked" not in name} == {
        np.dtype(np.float32)
    }


def test_the_ends_are_the_members_to_the_bit():
    a, b = ({"w": np.float32([x, 1e30, -x])} for x in (0.1, 1 / 3))
    assert interpolate(a, b, 0)["w"].tolist() == a["w"].tolist()
    assert interpolate(a, b, 1)["w"].tolist() == b["w"].tolist()


def test_beyond_its_ends_the_line_goes_on():
    assert interpolate(A, B, 1.5)["0.weight"].tolist() == [4, -4]
    assert interpolate(A, B, -1)["0.weight"].tolist() == [-1, 6]


@pytest.mark.parametrize(("fraction", "n"), [(0, 10), (0.4, 10), (0.5, 10), (0.6, 30), (1, 30)])
def test_whole_numbers_are_those_of_the_nearer_member(fraction, n):
    count = interpolate(A, B, fraction)["1.num_batches_tracked"]
    assert count == n
    assert count.dtype == A["1.num_batches_tracked"].dtype


def test_what_is_the_same_in_all_stays_so():
    same = {"mask": np.float32([0, -np.inf, 0.1]), "is_on": np.array([True, False])}
    for point in (*(interpolate(same, dict(same), f) for f in (0, 1 / 3)), average_of([same] * 3)):
        assert point["mask"].tolist() == same["mask"].tolist()
        assert point["is_on"].tolist() == [True, False]


def test_the_members_are_not_written_to_and_share_no_memory():
    for point in (interpolate(A, B, 0), average_of([A])):
        for name, array in point.items():
            assert not np.shares_memory(array, A[name])
            array += 1
    assert A["0.weight"].tolist() == [1, 2]
    assert A["1.num_batches_tracked"] == 10


def test_the_average_is_weighted():
    assert average_of([A, B])["0.weight"].tolist() == [2, 0]
    assert average_of([A, B], [1, 3])["0.weight"].tolist() == [(1 + 9) / 4, (2 - 6) / 4]
    turned = [{"w": np.array([z], np.complex64)} for z in (1 + 2j, 3 - 2j)]
    assert average_of(turned)["w"].tolist() == [2]
    assert average_of([A, B], [1, 3])["1.num_batches_tracked"] == 30
    assert average_of([A, B], [3, 1])["1.num_batches_tracked"] == 10


def test_many_members_are_summed_in_float64():
    members = [{"w": np.float32([1e8 if k == 0 else 1])} for k in range(1001)]
    # In float32 none of the thousand ones would count.
    assert average_of(members)["w"].tolist() == [np.float32((1e8 + 1000) / 1001)]


def test_the_distance_is_that_of_weights_alone():
    assert distance(A, B) == np.sqrt(2**2 + 4**2 + 4**2)
    assert distance(A, A | {"1.running_var": np.float32([9])}) == 0
    # float16 would overflow.
    far = [{"w": np.array([x], np.float16)} for x in (6e4, -6e4)]
    assert distance(*far) == pytest.approx(12e4, rel=1e-3)


@pytest.mark.parametrize(
    ("one", "other", "degrees"),
    [((1, 0), (0, 3), 90), ((2, 0), (2, 2), 45), ((1, 1), (-2, -2), 180), ((1, 1), (3, 3), 0)],
)
def test_angles_are_those_at_the_origin(one, other, degrees):
    start = np.array([5, -7])
    points = (member(*(start + place)) for place in (one, (0, 0), other))
    assert angle(*points) == pytest.approx(degrees, abs=1e-5)


@pytest.mark.parametrize("kind", [lambda array: array.tolist(), torch.tensor])
def test_members_may_hold_lists_and_tensors(kind):
    a, b = ({name: kind(array) for name, array in member.items()} for member in (A, B))
    for found, expected in (
        (interpolate(a, b, 0.25), interpolate(A, B, 0.25)),
        (average_of([a, b], [1, 3]), average_of([A, B], [1, 3])),
    ):
        assert {name: array.tolist() for name, array in found.items()} == {
            name: array.tolist() for name, array in expected.items()
        }
    assert distance(a, b) == distance(A, B)
    origin = {name: kind(0 * array) for name, array in A.items()}
    assert angle(a, origin, b) == angle(A, origin, B)


def test_small_angles_are_not_lost():
    points = ({"w": np.array(place)} for place in ([1.0, 0.0], [0.0, 0.0], [1.0, 1e-9]))
    assert angle(*points) == pytest.approx(np.degrees(1e-9))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interpolate(A, {"0.weight": [1]}, 0), "member_b must be a dict of arrays with"),
        (lambda: interpolate(A, B, np.nan), "fraction must be a finite number"),
        (lambda: distance(A, [1, 2]), r"member_b must be a dict .* got \[1, 2\]"),
        (lambda: distance(A, A | {"0.bias": np.zeros(2)}), r"member_b must .*'0.bias': \(2,\)"),
        (lambda: angle(A, B, {}), "member_b must be"),
        (lambda: angle(A, {}, B), "origin must be"),
        (lambda: angle(A, dict(A), B), "member_a must be other weights than those of origin"),
        (lambda: angle(A, B, dict(B)), "member_b must be other weights"),
        (lambda: average_of([]), "members must be a sequence of at least one member"),
        (lambda: average_of([A, B, {}]), r"members\[2\] must be a dict of arrays"),
        (lambda: average_of([A, B], [1]), "weights must be 2 finite numbers >= 0"),
        (lambda: average_of([A, B], [1, -1]), "weights must be 2 finite numbers >= 0"),
        (lambda: average_of([A, B], [0, 0]), "and not all 0"),
        (lambda: average_of([A, B], ["a", "b"]), r"weights must be 2 finite .* got \['a', 'b'\]"),
        (lambda: average_of(m for m in [A, B]), "members must be a sequence of .* got <generator"),
        (lambda: distance([1], [1]), r"member_a must be a dict of arrays by name, got \[1\]"),
        (lambda: distance({"w": [[1], [2, 3]]}, A), r"member_a\['w'\] must be an array of numbers"),
        (lambda: with_members("no ensemble", [A]), "ensemble must be a fitted ensemble"),
    ],
)
def test_what_is_no_point_is_refused(call, message):
    with pytest.raises(InvalidParameterError, match=message):
        call()
