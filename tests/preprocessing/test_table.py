import subprocess
import sys

import numpy as np
import pytest
import scipy
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.utils.fixes import parse_version

from skensemble.preprocessing import TableCoder


def test_tables_without_rows_or_columns_are_refused_in_the_words_of_scikit_learn():
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"):
        TableCoder().fit(np.empty((0, 2)))
    with pytest.raises(ValueError, match=r"Found array with 0 feature\(s\) \(shape=\(2, 0\)\)"):
        TableCoder().fit(np.empty((2, 0)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_without_rows_or_columns_are_refused_in_the_same_words(library):
    frame = pytest.importorskip(library).DataFrame({"a": [1.0], "b": ["x"]})
    coder = TableCoder().fit(frame)
    for use in (coder.fit, coder.transform):
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"):
            use(frame[:0])
    with pytest.raises(ValueError, match=r"0 (sample|feature)"):
        coder.fit(frame[[]])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_series_is_refused(library):
    with pytest.raises(ValueError, match=r"Expected (2D array, got 1D|a 2-dimensional container)"):
        TableCoder().fit(pytest.importorskip(library).Series([1.0, 2.0]))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones(3), "Expected 2D array, got 1D array instead"),
        (3.0, "Expected 2D array, got scalar array instead"),
        ({"a": [1]}, "Expected 2D array, got scalar array instead"),
        (np.ones((2, 2, 2)), "Found array with dim 3"),
        (np.ones((2, 1), dtype=complex), "Complex data not supported"),
    ],
)
def test_what_is_no_table_is_refused_in_the_words_of_scikit_learn(X, message):
    with pytest.raises(ValueError, match=message):
        TableCoder().fit(X)


def test_sparse_rows_are_refused_in_the_words_of_scikit_learn():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        TableCoder().fit(csr_array(np.eye(3)))


def test_arrays_of_the_array_api_are_read_whatever_scikit_learn_dispatches():
    xp = pytest.importorskip("array_api_strict")
    if parse_version(scipy.__version__) < parse_version("1.14"):
        pytest.skip("scikit-learn dispatches with SciPy 1.14 or later")
    X = xp.asarray([[1.0], [2.0], [3.0]])
    with config_context(array_api_dispatch=True):
        assert TableCoder().fit(X).transform(X).tolist() == [[-1], [0], [1]]


def test_numbers_in_a_list_beside_strings_stay_numbers():
    assert TableCoder().fit([["a", 1], ["b", 2]]).is_categorical_.tolist() == [True, False]


def test_names_that_are_no_strings_are_none():
    pd = pytest.importorskip("pandas")
    coder = TableCoder().fit(pd.DataFrame([[1.0, 2.0]]))
    assert coder.names_ == ["x0", "x1"]
    assert not hasattr(coder, "feature_names_in_")
    with pytest.raises(TypeError, match="Feature names are only supported if all"):
        coder.fit(pd.DataFrame([[1.0, 2.0]], columns=["a", 1]))


def test_the_users_table_is_left_as_it_is():
    X = np.array([[1.0, np.nan], [3.0, 5.0]])
    before = X.copy()
    X.flags.writeable = False
    TableCoder([1]).fit(X).transform(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.slow
def test_neither_pandas_nor_polars_is_needed():
    code = """
        import sys
        sys.modules["pandas"] = sys.modules["polars"] = None
        from skensemble.preprocessing import TableEncoder
        print(TableEncoder(("values",)).fit_transform([["a", 1.0], ["b", None], [None, 3.0]]))
    """
    lines = "\n".join(line.strip() for line in code.splitlines())
    shown = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout.splitlines()) == 3
