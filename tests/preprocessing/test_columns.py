from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from skensemble.preprocessing import TableCoder


def column_of(values):
    """Make a table of one column of objects."""
    X = np.empty((len(values), 1), dtype=object)
    X[:, 0] = values
    return X


def is_category(X):
    return bool(TableCoder().fit(X).is_categorical_[0])


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5, None],
        [Decimal("1"), Decimal("2.5"), np.nan],
        [np.float32(1), np.int8(2), float("nan")],
        [Fraction(1), Fraction(5, 2), None],
    ],
)
def test_objects_that_are_all_numbers_are_numbers(values):
    coder = TableCoder().fit(column_of(values))
    assert not coder.is_categorical_[0]
    assert coder.centers_[0] == (float(values[0]) + float(values[1])) / 2
    assert np.isnan(coder.transform(column_of(values))[2, 0])


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([True, False, None], [False, True]),
        ([np.True_, np.False_, None], [False, True]),
        (["b", "a", np.nan], ["a", "b"]),
        ([b"b", b"a", None], [b"a", b"b"]),
        (["1", "2", None], ["1", "2"]),
        (["a", 2, 1.0], [1.0, 2, "a"]),
        ([None, None, None], []),
    ],
)
def test_other_objects_are_categories(values, levels):
    assert TableCoder().fit(column_of(values)).categories_[0].tolist() == levels


@pytest.mark.parametrize("kind", [bool, "U1", "S1"])
def test_arrays_of_bools_and_strings_are_categories(kind):
    X = np.array([["1"], ["0"], ["1"]]).astype(int).astype(kind)
    coder = TableCoder().fit(X)
    assert coder.n_levels_.tolist() == [2]
    assert coder.transform(X)[:, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2), 1j, object()])
def test_nested_and_other_values_are_refused_by_name(value):
    X = column_of(["a", None])
    X[1, 0] = value
    rule = r"Column 'x0' must hold numbers or categories.*argument must be a string or a number"
    with pytest.raises(ValueError, match=rule):
        TableCoder().fit(X)
    coder = TableCoder().fit([["a"], ["b"]])
    with pytest.raises(ValueError, match=r"Column 'x0' must "):
        coder.transform(X)
    with pytest.raises(ValueError, match=r"Column 'x0' must hold numbers"):
        TableCoder().fit([[1.0], [2.0]]).transform(X[1:])


@pytest.mark.parametrize(
    "value",
    [
        date(2026, 1, 1),
        datetime(2026, 1, 1, tzinfo=UTC),
        time(12),
        timedelta(hours=1),
        np.datetime64("2026-01-01"),
    ],
)
def test_dates_and_times_are_refused_by_name(value):
    rule = "Column 'x0' .*got dates or times.*TableVectorizer"
    with pytest.raises(ValueError, match=rule):
        TableCoder().fit(column_of(["a", value]))
    with pytest.raises(ValueError, match="Column 'x0' must hold numbers"):
        TableCoder().fit([[1.0], [2.0]]).transform(column_of([value]))


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]"])
def test_arrays_of_dates_are_refused(kind):
    with pytest.raises(ValueError, match=r"Column 'x0' .*got dates or times \(.*64\[s\]\)"):
        TableCoder().fit(np.zeros((2, 1), dtype=kind))


NUMBERS = ["Int64", "UInt8", "Float32", "float16", "int32", "category", "Sparse[float64]"]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_numbers_of_any_pandas_dtype(dtype):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.array([1, 2, 4, 4], dtype="Int64").astype(dtype)})
    # The quartiles are 1.75, 3 and 4.
    expected = np.float32([(1 - 3) / 2.25, (2 - 3) / 2.25, (4 - 3) / 2.25, (4 - 3) / 2.25])
    np.testing.assert_array_equal(TableCoder(None).fit(frame).transform(frame)[:, 0], expected)
    assert is_category(frame) == (dtype == "category")


def test_missing_values_of_pandas():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "Int64": pd.array([1, 3, None], dtype="Int64"),
            "boolean": pd.array([True, False, None], dtype="boolean"),
            "string": pd.array(["b", "a", None], dtype="string"),
            "category": pd.Categorical(["b", "a", None], categories=["c", "b", "a"]),
            "object": pd.Series(["b", "a", pd.NA], dtype=object),
            "NaT": pd.Series(["b", "a", pd.NaT], dtype=object),
            "decimal": pd.Series([Decimal(1), Decimal(3), pd.NA], dtype=object),
        }
    )
    coder = TableCoder().fit(frame)
    rest = [[1, 0, np.nan]] * 5
    expected = [[-1, 1, np.nan], *rest, [-1, 1, np.nan]]
    np.testing.assert_array_equal(coder.transform(frame).T, expected)
    assert [levels.tolist() for levels in coder.categories_[1:6]] == [[False, True]] + [
        ["a", "b"]
    ] * 4


def test_levels_of_a_pandas_category_are_told_by_value_not_by_code():
    pd = pytest.importorskip("pandas")
    fitted = pd.DataFrame({"a": pd.Categorical(["x", "z", "x"], categories=["z", "y", "x"])})
    other = pd.DataFrame({"a": pd.Categorical(["z", "q", None, "x"], categories=["q", "x", "z"])})
    coder = TableCoder().fit(fitted)
    np.testing.assert_array_equal(coder.transform(other)[:, 0], [1, -1, np.nan, 0])
    np.testing.assert_array_equal(coder.transform(other.astype(object))[:, 0], [1, -1, np.nan, 0])


@pytest.mark.parametrize("freq", [None, "M"])
def test_dates_of_pandas_are_refused(freq):
    pd = pytest.importorskip("pandas")
    dates = pd.Series(pd.to_datetime(["2026-01-01", "2026-02-01"]))
    dates = dates.dt.tz_localize("UTC") if freq is None else dates.dt.to_period(freq)
    with pytest.raises(ValueError, match=r"Column 'day' must hold numbers or categories"):
        TableCoder().fit(pd.DataFrame({"day": dates}))


def test_numbers_and_missing_values_of_polars():
    pl = pytest.importorskip("polars")
    series = {
        "int": pl.Series([1, 3, None], dtype=pl.Int16),
        "float": pl.Series([1.0, 3.0, None], dtype=pl.Float32),
        "decimal": pl.Series([Decimal("1.0"), Decimal("3.0"), None]),
        "bool": pl.Series([True, False, None]),
        "string": pl.Series(["b", "a", None]),
        "categorical": pl.Series(["b", "a", None], dtype=pl.Categorical),
        "enum": pl.Series(["b", "a", None], dtype=pl.Enum(["c", "b", "a"])),
        "binary": pl.Series([b"b", b"a", None]),
        "object": pl.Series(["b", "a", None], dtype=pl.Object),
    }
    frame = pl.DataFrame(series)
    coder = TableCoder().fit(frame)
    assert coder.is_categorical_.tolist() == [False] * 3 + [True] * 6
    expected = [[-1, 1, np.nan]] * 3 + [[1, 0, np.nan]] * 6
    np.testing.assert_array_equal(coder.transform(frame).T, expected)
    bools = TableCoder(["string"]).fit(frame[["bool", "string"]])
    np.testing.assert_array_equal(bools.transform(frame[["bool", "string"]])[:, 0], [1, -1, np.nan])


def test_a_polars_column_of_nulls_has_no_levels():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [None, None]})
    coder = TableCoder().fit(frame)
    assert np.isnan(coder.transform(frame)).all()
    assert coder.n_levels_.tolist() == [0]
    numbers = TableCoder().fit(pl.DataFrame({"a": [1.0, 2.0]}))
    assert np.isnan(numbers.transform(frame)).all()


@pytest.mark.parametrize("value", [date(2026, 1, 1), timedelta(1), time(1), [1], {"b": 1}])
def test_dates_and_nested_columns_of_polars_are_refused(value):
    pl = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"Column 'a' must hold numbers or categories.*TableVec"):
        TableCoder().fit(pl.DataFrame({"a": [value, None]}))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_digits_in_a_string_are_no_number(library):
    frames = pytest.importorskip(library)
    coder = TableCoder().fit(frames.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="Column 'a' must hold numbers, got '1'"):
        coder.transform(frames.DataFrame({"a": ["1"]}))
    coder = TableCoder().fit(frames.DataFrame({"a": ["1", "2"]}))
    with pytest.raises(ValueError, match="Column 'a' must be text, as in fit, got 1"):
        coder.transform(frames.DataFrame({"a": [1]}))
