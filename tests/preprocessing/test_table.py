import numpy as np
import pytest

from skensemble.preprocessing import TableCoder


def test_no_rows_are_refused_in_the_words_of_scikit_learn():
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"):
        TableCoder().fit(np.empty((0, 2)))
