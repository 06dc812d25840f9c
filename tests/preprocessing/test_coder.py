import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

from skensemble.preprocessing import TableCoder

BEYOND = "must be finite numbers that float32 can hold when they are scaled"


def frames(**columns):
    """Make the same table with pandas and with polars, where they are there."""
    made = []
    for library in ("pandas", "polars"):
        try:
            made.append(__import__(library).DataFrame(columns))
        except ImportError:
            continue
    return made or pytest.skip("needs pandas or polars")


def test_numbers_are_centred_by_the_median_and_divided_by_the_distance_of_the_quartiles():
    coded = TableCoder().fit([[1.0], [2.0], [3.0], [5.0], [9.0]]).transform([[1.0], [3.0], [9.0]])
    assert coded.dtype == np.float32
    assert coded.flags.c_contiguous
    np.testing.assert_allclose(coded, [[(1 - 3) / (5 - 2)], [0], [(9 - 3) / (5 - 2)]])


def test_the_scale_is_half_the_range_where_quartiles_tie_and_1_in_a_column_of_one_value():
    tied = [0.0] * 9 + [-2.0, 4.0]
    coder = TableCoder().fit(np.transpose([tied, [7.0] * 11, [np.nan] * 11]))
    assert coder.centers_.tolist() == [0, 7, 0]
    assert coder.scales_.tolist() == [(4 - -2) / 2, 1, 1]
    np.testing.assert_array_equal(coder.transform([[4, 8, 2]]), np.float32([[4 / 3, 1, 2]]))


def test_missing_numbers_count_for_nothing_and_stay_missing():
    coder = TableCoder().fit([[np.nan], [1.0], [3.0], [None]])
    assert (coder.centers_[0], coder.scales_[0]) == (2, 2.5 - 1.5)
    np.testing.assert_array_equal(coder.transform([[np.nan], [3.0]])[:, 0], [np.nan, 1])


def test_numbers_are_scaled_in_float64():
    days = 2.0**30 + np.arange(5.0)
    coded = TableCoder().fit(days[:, None]).transform(days[:, None])
    np.testing.assert_array_equal(coded[:, 0], [-1, -0.5, 0, 0.5, 1])


def test_categories_are_coded_by_their_place_in_sorted_order():
    coder = TableCoder().fit([["b", 1], ["a", 2], [None, 4], [np.nan, 3]])
    assert coder.categories_[0].tolist() == ["a", "b"]
    assert coder.categories_[1] is None
    assert coder.is_categorical_.tolist() == [True, False]
    assert coder.n_levels_.tolist() == [2, 0]
    assert (coder.n_columns_, coder.names_) == (2, ["x0", "x1"])
    coded = coder.transform([["b", 1], ["a", 2], [None, 4], ["c", 1]])
    np.testing.assert_array_equal(coded[:, 0], [1, 0, np.nan, -1])


def test_rows_are_coded_alike_in_whichever_block_they_are(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=40), rng.integers(0, 3, 40)])
    (frame, *_) = frames(a=X[:, 0], b=X[:, 1].astype(int).astype(str))
    coder, of_frame = TableCoder(categorical_features=[1]).fit(X), TableCoder().fit(frame)
    whole = coder.transform(X)
    monkeypatch.setattr("skensemble.preprocessing._coder.BLOCK_VALUES", 14)
    np.testing.assert_array_equal(coder.transform(X), whole)
    np.testing.assert_array_equal(of_frame.transform(frame), whole)


def test_frames_arrays_lists_and_tensors_are_coded_alike():
    numbers, text = [3.0, 1.0, None, 2.0], ["x", None, "y", "x"]
    expected = [[(3 - 2) / 1, 0], [(1 - 2) / 1, np.nan], [np.nan, 1], [0, 0]]
    rows = [list(row) for row in zip(numbers, text, strict=True)]
    for X in [rows, np.array(rows, dtype=object), *frames(a=numbers, b=text)]:
        np.testing.assert_array_equal(TableCoder().fit(X).transform(X), expected)
    tensor = torch.tensor([[3.0], [1.0], [torch.nan], [2.0]], requires_grad=True)
    np.testing.assert_array_equal(
        TableCoder().fit(tensor).transform(tensor)[:, 0], [1, -1, np.nan, 0]
    )


def test_columns_of_a_frame_are_found_by_name_in_any_order():
    for frame in frames(a=[1.0, 2.0, 4.0], b=["x", "y", "x"], c=[5, 5, 6]):
        coder = TableCoder().fit(frame)
        assert coder.names_ == ["a", "b", "c"]
        coded = coder.transform(frame)
        np.testing.assert_array_equal(coder.transform(frame[["c", "a", "b"]]), coded)
        with pytest.raises(
            ValueError, match="Feature names seen at fit time, yet now missing:\n- b"
        ):
            coder.transform(frame[["c", "a"]])


def test_columns_of_one_name_are_refused():
    pd = pytest.importorskip("pandas")
    with pytest.raises(Exception, match="names of their own"):
        TableCoder().fit(pd.DataFrame([[1.0, 10.0]], columns=["a", "a"]))


def test_the_owner_gets_the_features_and_is_named():
    owner = BaseEstimator()
    (frame, *_) = frames(a=[1.0, 2.0])
    coder = TableCoder().fit(frame, owner)
    assert (owner.n_features_in_, owner.feature_names_in_.tolist()) == (1, ["a"])
    with pytest.warns(UserWarning, match="BaseEstimator was fitted with feature names"):
        coder.transform([[1.0]], owner)
    coder.fit([[1.0], [2.0]], owner)
    assert not hasattr(owner, "feature_names_in_")
    with pytest.raises(ValueError, match="X has 2 features, but BaseEstimator is expecting 1"):
        coder.transform([[1.0, 2.0]], owner)
    with pytest.raises(ValueError, match="X has 2 features, but TableCoder is expecting 1"):
        coder.transform([[1.0, 2.0]])
    for call in (coder.fit, coder.transform):
        with pytest.raises(ValueError, match="minimum of 1 is required by BaseEstimator"):
            call(np.empty((0, 1)), owner)
        with pytest.raises(ValueError, match="minimum of 1 is required by TableCoder"):
            call(np.empty((0, 1)))


def test_an_owner_keeps_its_features_where_a_fit_fails():
    owner = BaseEstimator()
    coder = TableCoder().fit([[1.0], [2.0]], owner)
    with pytest.raises(ValueError, match="finite"):
        coder.fit([[1.0, np.inf], [2.0, 1.0]], owner)
    assert owner.n_features_in_ == coder.n_columns_ == 1
    assert coder.transform([[1.5]], owner).tolist() == [[0]]


@pytest.mark.parametrize("known", [[1.0, 2.0], ["a", "b"], [True, False]])
def test_a_column_that_changes_between_numbers_and_text_is_refused_by_name(known):
    coder = TableCoder().fit([[value] for value in known])
    other = "a" if known[0] != "a" else 1.0
    with pytest.raises(ValueError, match=r"Column 'x0' must .*(numbers|text).*, got"):
        coder.transform([[known[0]], [other]])
    np.testing.assert_array_equal(coder.transform([[None], [None]])[:, 0], [np.nan] * 2)
    np.testing.assert_array_equal(coder.transform(np.full((2, 1), np.nan))[:, 0], [np.nan] * 2)


def test_what_was_missing_all_along_may_turn_out_as_anything():
    coder = TableCoder().fit([[None, 1], [None, 2]])
    np.testing.assert_array_equal(
        coder.transform([["a", 1], [3.0, 1], [None, 1]])[:, 0], [-1, -1, np.nan]
    )


def test_dates_and_infinities_are_refused_where_categories_were():
    coder = TableCoder().fit([["a"], ["b"]])
    with pytest.raises(ValueError, match=r"Column 'x0' .* got dates or times"):
        coder.transform(np.array([["2026-01-01"]], dtype="datetime64[D]"))
    with pytest.raises(ValueError, match=f"Column 'x0' {BEYOND}"):
        TableCoder([0]).fit([[1.0], [2.0]]).transform([[np.inf]])


@pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ns]", "datetime64[D]"])
def test_dates_are_refused_where_numbers_were(kind):
    coder = TableCoder().fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"Column 'x0' .* got dates or times"):
        coder.transform(np.array([[1], [2]]).astype(kind))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308, 9e38, 10**400])
def test_infinities_and_what_float32_cannot_hold_are_refused_by_name(value):
    fine = [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0], [4.0, 3.0]]
    coder = TableCoder().fit(fine)
    with pytest.raises(ValueError, match=f"Column 'x1' {BEYOND}"):
        coder.transform([[1.0, value]])
    with pytest.raises(ValueError, match=f"Column 'x1' {BEYOND}"):
        TableCoder().fit([*fine, [1.0, value]])


def test_what_is_too_large_is_shown_also_in_a_later_block(monkeypatch):
    monkeypatch.setattr("skensemble.preprocessing._coder.BLOCK_VALUES", 3)
    with pytest.raises(ValueError, match=r"got 1e\+300\."):
        TableCoder().fit([[1.0], [2.0]]).transform([[1.0]] * 7 + [[1e300], [np.inf]])


def test_what_is_too_large_is_told_from_the_scale_of_the_column():
    with pytest.raises(ValueError, match=r"got 1e\+30\."):
        TableCoder().fit([[0.0], [1e-10], [0.0], [1e-10], [1e30]])
    assert TableCoder().fit([[9e38], [9e38]]).transform([[9e38]]) == 0


def test_a_range_beyond_float64_is_refused():
    with pytest.raises(ValueError, match=BEYOND):
        TableCoder().fit([[1e308], [-1e308]])


def test_a_large_table_is_never_copied_as_a_whole():
    X = np.ones((100_000, 20), dtype=np.float32)
    tracemalloc.start()
    try:
        coder = TableCoder().fit(X)
        _, peak_fit = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        coded = coder.transform(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A column as float64 without its missing values, and what quantiles copy of it.
    assert peak_fit < 6 * 8 * len(X)
    assert peak < coded.nbytes + 4 * 2**20


def test_a_coder_is_pickled():
    coder = TableCoder().fit([["a", 1.0], ["b", 2.0]])
    again = pickle.loads(pickle.dumps(coder))
    np.testing.assert_array_equal(again.transform([["b", 5.0]]), coder.transform([["b", 5.0]]))
