import warnings

import pytest

from skensemble._warn import warn_user


def call_from_the_package(depth):
    """Call `warn_user` from below some frames of modules that are the package's own."""
    names = {"__name__": "skensemble.somewhere", "warn_user": warn_user}
    lines = ["def f0(): warn_user('a word', FutureWarning)"]
    lines += [f"def f{k}(): f{k - 1}()" for k in range(1, depth + 1)]
    exec("\n".join(lines), names)
    return names[f"f{depth}"]


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_a_warning_points_at_the_line_that_called_the_package(depth):
    function = call_from_the_package(depth)
    with pytest.warns(FutureWarning, match="a word") as warned:
        function()
    (warning,) = warned
    assert warning.filename == __file__


def test_a_warning_may_be_built_already():
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warn_user(DeprecationWarning("a word"))
    assert warned[0].category is DeprecationWarning
    assert warned[0].filename == __file__
