import pytest

from skensemble.preprocessing import TableCoder


def test_text_of_many_values_is_refused():
    text = [[f"level {i}"] for i in range(31)]
    with pytest.raises(ValueError, match=r"Column 'x0' .* got 31 levels in 31 rows.*TableVectoriz"):
        TableCoder().fit(text)
    assert TableCoder().fit(text[:30]).n_levels_ == [30]
    assert TableCoder().fit(text + text).n_levels_ == [31]
