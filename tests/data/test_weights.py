import numpy as np
import pytest

from skensemble.data import relative_weights


def test_weights_are_divided_by_their_mean():
    assert relative_weights([1.0, 2.0, 6.0]).tolist() == [1 / 3, 2 / 3, 6 / 3]


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e307])
def test_their_size_does_not_matter(size):
    # A thousand weights of 1e307 have a sum that float64 cannot hold.
    weight = np.tile([1.0, 3.0], 500)
    np.testing.assert_allclose(relative_weights(weight * size), weight / 2, rtol=1e-14)


def test_none_is_so_small_that_it_would_be_no_row():
    weight = relative_weights([1e-200, 1.0]).astype(np.float32) / 4096
    assert (weight > 0).all()
    assert weight[1] == 2 / 4096
