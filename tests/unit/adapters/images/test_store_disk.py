from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from adapters.disk import replace_file, storage_error
from adapters.images import store_disk
from adapters.images.store_disk import DiskImageStore
from core.domain.errors import StorageError


def test_the_path_is_relative_to_the_root(tmp_path: Path) -> None:
    stored = DiskImageStore(tmp_path).save(("a", "b"), "7", "png", b"x")
    assert stored.path == "a/b/00000-7.png"
    assert (tmp_path / stored.path).read_bytes() == b"x"


def test_the_number_follows_the_largest_there_is(tmp_path: Path) -> None:
    for name in ("00007-x.png", "00012.jpg", "3.txt", "notes", "99x.png", "12345678901234567890123-x.png"):
        (tmp_path / name).write_bytes(b"")
    assert DiskImageStore(tmp_path).save((), "s", "png", b"x").number == 13


def test_numbers_outgrow_five_digits(tmp_path: Path) -> None:
    (tmp_path / "99999-x.png").write_bytes(b"")
    assert DiskImageStore(tmp_path).save((), "s", "png", b"x").path.endswith("100000-s.png")


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out").symlink_to(tmp_path / "outside")
    for folder in (("out",), ("out", "deeper")):
        with pytest.raises(StorageError, match="leads out of"):
            DiskImageStore(tmp_path / "root").save(folder, "s", "png", b"x")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(StorageError, match="a file is in the way"):
        DiskImageStore(tmp_path).save(("a", "b"), "s", "png", b"x")


def test_a_name_that_is_too_long_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="too long"):
        DiskImageStore(tmp_path).save((), "s" * 300, "png", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
    ],
)
def test_what_the_disk_says_becomes_one_sentence(number: int, sentence: str) -> None:
    assert sentence in str(storage_error(Path("a"), OSError(number, os.strerror(number))))


def test_a_disk_that_takes_no_files() -> None:
    with pytest.raises(StorageError, match="cannot write '/proc"):
        DiskImageStore(Path("/proc")).save(("x",), "s", "png", b"x")


def test_disks_without_hard_links(tmp_path: Path) -> None:
    taken, free, temporary = tmp_path / "taken", tmp_path / "free", tmp_path / "temporary"
    taken.write_bytes(b"1")
    temporary.write_bytes(b"2")
    assert not store_disk._take_name_without_links(temporary, taken)
    assert store_disk._take_name_without_links(temporary, free)
    assert (taken.read_bytes(), free.read_bytes(), temporary.exists()) == (b"1", b"2", False)
    with pytest.raises(FileNotFoundError):
        store_disk._take_name_without_links(temporary, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_two_stores_never_share_a_name(tmp_path: Path) -> None:
    one, other = DiskImageStore(tmp_path), DiskImageStore(tmp_path)
    paths = [store.save((), "s", "png", b"x").path for store in (one, other, one, other)]
    assert len(set(paths)) == 4


def test_a_lost_root_comes_back(tmp_path: Path) -> None:
    store = DiskImageStore(tmp_path / "data")
    store.save((), "s", "png", b"x")
    shutil.rmtree(tmp_path / "data")
    assert (tmp_path / "data" / store.save((), "s", "png", b"x").path).read_bytes() == b"x"


def test_replace_file_swaps_the_content(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    replace_file(path, b"1")
    replace_file(path, b"2")
    assert path.read_bytes() == b"2"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
