import os

import pytest

from skensemble.datasets._archive import members, opened_archive

FILES = {f"file{number}": os.urandom(3000) for number in range(20)}


def contents(path):
    with opened_archive(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in members(archive)}


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_archives_are_read_however_they_are_packed(ending, write_archive, tmp_path):
    assert contents(write_archive(tmp_path / f"a.{ending}", FILES)) == FILES


def test_members_are_not_kept(write_archive, tmp_path):
    with opened_archive(write_archive(tmp_path / "a.tar", FILES)) as archive:
        assert {len(archive.members) for _ in members(archive)} == {0}


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_a_damaged_archive_is_refused(ending, write_archive, tmp_path):
    path = write_archive(tmp_path / f"a.{ending}", FILES)
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(ValueError, match=rf"a.{ending} is no whole tar archive: \w.*\w\.$"):
        contents(path)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"no archive" * 200)
    with pytest.raises(ValueError, match=r"no whole tar archive: file could not be opened success"):
        contents(path)


def test_what_the_system_refuses_is_no_damage(tmp_path):
    with pytest.raises(IsADirectoryError):
        contents(tmp_path)
