import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.preprocessing import TableCoder

ROWS = np.array([["a", 1, True, 1.5], ["b", 2, False, 2.5]], dtype=object)


def frame(**columns):
    return pytest.importorskip("pandas").DataFrame(columns)


@pytest.fixture
def mixed():
    pd = pytest.importorskip("pandas")
    levels = pd.Categorical(["u", "v"])
    return pd.DataFrame({"text": ["a", "b"], "n": [1, 2], "bool": [True, False], "level": levels})


@pytest.mark.parametrize(
    ("categorical_features", "expected"),
    [
        ("from_dtype", [True, False, True, True]),
        ([], [True, False, False, True]),
        (["n"], [True, True, False, True]),
        ([1], [True, True, False, True]),
        (np.array([1, 2]), [True, True, True, True]),
        ([False, True, False, False], [True, True, False, True]),
    ],
)
def test_columns_are_categories_by_dtype_and_by_the_list(mixed, categorical_features, expected):
    coder = TableCoder(categorical_features).fit(mixed)
    assert coder.is_categorical_.tolist() == expected
    assert coder.n_levels_.tolist() == [2 * flag for flag in expected]


def test_without_categories_strings_are_refused_and_bools_are_numbers(mixed):
    for name in ("text", "level"):
        with pytest.raises(ValueError, match=f"Column '{name}' must hold numbers, got '[au]'"):
            TableCoder(None).fit(mixed[[name]])
    assert TableCoder(None).fit(mixed[["n", "bool"]]).centers_.tolist() == [1.5, 0.5]
    assert TableCoder(None).fit(ROWS[:, 1:2].astype(bool)).centers_.tolist() == [1]


def test_numbers_that_are_listed_are_coded_by_the_order_of_their_size():
    coder = TableCoder([0]).fit([[10.0], [9.0], [np.nan], [-1.0]])
    assert coder.categories_[0].tolist() == [-1, 9, 10]
    coded = coder.transform([[9.0], [10.0], [-1.0], [np.nan], [9.5]])
    np.testing.assert_array_equal(coded[:, 0], [1, 2, 0, np.nan, -1])
    whole = TableCoder([0]).fit([[3], [1]])
    assert whole.categories_[0].dtype.kind == "i"
    assert whole.transform([[1.0], [3.0]])[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("categorical_features", "message"),
    [
        ("auto", r"must be 'from_dtype', None, or a list of .*, got 'auto'\."),
        (3, "must be 'from_dtype', None, or a list"),
        ([1.5], "must be 'from_dtype', None, or a list"),
        ([4], r"must be a list of indices in 0\.\.3, got \[4\]"),
        ([-1], r"must be a list of indices in 0\.\.3, got \[-1\]"),
        ([True], r"must be as long as the table has columns \(4\) if it is a mask, got \[True\]"),
        (["n", "q"], r"must be a list of columns that there are \(text, n, bool, level\), got 'q'"),
    ],
)
def test_a_wrong_list_is_refused(mixed, categorical_features, message):
    with pytest.raises(InvalidParameterError, match=f"categorical_features {message}"):
        TableCoder(categorical_features).fit(mixed)


def test_names_need_a_table_of_names():
    with pytest.raises(ValueError, match="must be a list of indices or a mask where columns have"):
        TableCoder(["x0"]).fit(ROWS)


def levels(n, times=1):
    return [[f"level {i}"] for i in range(n)] * times


def test_text_of_which_nearly_every_row_has_its_own_is_refused():
    with pytest.raises(ValueError, match=r"Column 'x0' .* got 31 levels in 31 rows.*TableVectoriz"):
        TableCoder().fit(levels(31))
    assert TableCoder().fit(levels(30)).n_levels_ == [30]
    # 36 of 40 rows are nine tenths of them.
    assert TableCoder().fit(levels(36) + levels(4)).n_levels_ == [36]
    with pytest.raises(ValueError, match="got 37 levels in 40 rows"):
        TableCoder().fit(levels(37) + levels(3))


def test_a_column_of_too_many_levels_is_told_its_own_way_out():
    numbers = [[str(i)] for i in range(300)]
    with pytest.raises(ValueError, match="numbers as text: read them as numbers"):
        TableCoder().fit(numbers)
    with pytest.raises(ValueError, match=r"numbers as text, but for 'n/a': .*to_numeric"):
        TableCoder().fit([*numbers, ["n/a"]])
    with pytest.raises(ValueError, match="Take it out of categorical_features"):
        TableCoder([0]).fit(np.arange(300)[:, None])


def test_what_is_called_a_category_may_be_rare():
    assert TableCoder([0]).fit(levels(31)).n_levels_ == [31]
    column = frame(a=[row[0] for row in levels(31)]).astype("category")
    assert TableCoder().fit(column).n_levels_ == [31]


@pytest.mark.parametrize("categorical_features", ["from_dtype", [0]])
def test_no_category_has_more_than_255_levels(categorical_features):
    coder = TableCoder(categorical_features)
    assert coder.fit(levels(255, 3)).n_levels_ == [255]
    with pytest.raises(ValueError, match=r"at most 255 levels.*got 256 levels in 768 rows"):
        coder.fit(levels(256, 3))


def test_levels_that_no_row_has_are_none():
    pd = pytest.importorskip("pandas")
    table = frame(a=pd.Categorical(["b", "b"], categories=[f"{i}" for i in range(300)] + ["b"]))
    assert TableCoder().fit(table).categories_[0].tolist() == ["b"]


def test_an_infinite_level_is_refused():
    with pytest.raises(ValueError, match=r"Column 'x0' must be finite \(no infinity\), got .*inf"):
        TableCoder([0]).fit([[1.0], [np.inf]])


def test_levels_of_intervals_are_levels():
    pd = pytest.importorskip("pandas")
    table = frame(a=pd.cut([1.0, 5.0, 9.0], [0, 3, 6, 10]))
    assert TableCoder().fit(table).transform(table)[:, 0].tolist() == [0, 1, 2]
