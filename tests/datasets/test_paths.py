import pytest

from skensemble import InvalidParameterError
from skensemble.datasets._paths import existing


def test_a_path_is_completed(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("data", "data/../data", "~/data", tmp_path / "data"):
        assert existing(path, "a folder") == (tmp_path / "data").resolve()


def test_a_path_to_nothing_says_what_should_be_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"path must be that of a cat, but nothing is at .*x"
    ):
        existing(tmp_path / "x", "a cat")


@pytest.mark.parametrize("path", [None, 3, b"data"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(InvalidParameterError, match="path must be the path of a cat, got "):
        existing(path, "a cat")
