import numpy as np
import pytest

from skensemble.preprocessing import TableCoder


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2)])
def test_nested_values_are_refused_by_name(value):
    X = np.array([["a"], [None]], dtype=object)
    X[1, 0] = value
    with pytest.raises(ValueError, match=r"Column 'x0' .* must be a string or a number"):
        TableCoder().fit(X)
