import numpy as np
import pytest

from skensemble.preprocessing import TableCoder


def test_numbers_are_centred_by_the_median_and_divided_by_the_distance_of_the_quartiles():
    coded = TableCoder().fit([[1.0], [2.0], [3.0], [5.0], [9.0]]).transform([[1.0], [3.0], [9.0]])
    assert coded.dtype == np.float32
    np.testing.assert_allclose(coded, [[(1 - 3) / (5 - 2)], [0], [(9 - 3) / (5 - 2)]])


def test_categories_are_coded_by_their_place_in_sorted_order():
    coder = TableCoder().fit([["b", 1], ["a", 2], [None, 4]])
    assert coder.categories_[0].tolist() == ["a", "b"]
    assert coder.n_levels_.tolist() == [2, 0]
    coded = coder.transform([["b", 1], ["a", 2], [None, 4], ["c", 1]])
    np.testing.assert_array_equal(coded[:, 0], [1, 0, np.nan, -1])


def test_text_where_numbers_were_is_refused_by_name():
    coder = TableCoder().fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match="Column 'x0' must hold numbers, got 'a'"):
        coder.transform([["a"]])
