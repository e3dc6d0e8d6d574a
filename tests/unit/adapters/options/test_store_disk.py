from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.options.store_disk import OPTIONS_FILE, DiskOptionStore
from core.domain.errors import SettingsError, StorageError


def test_unknown_keys_stay_in_the_file_and_are_not_given_out(tmp_path: Path) -> None:
    (tmp_path / OPTIONS_FILE).write_text('{"plugin_option": [1], "eta": 1}')
    store = DiskOptionStore(tmp_path, {"eta", "steps"}.__contains__)
    assert dict(store.load()) == {"eta": 1}
    store.save({"steps": 3})
    assert json.loads((tmp_path / OPTIONS_FILE).read_text()) == {"plugin_option": [1], "steps": 3}


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_a_broken_file_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / OPTIONS_FILE
    path.write_bytes(content)
    store = DiskOptionStore(tmp_path)
    with pytest.raises(SettingsError, match=OPTIONS_FILE):
        store.load()
    with pytest.raises(SettingsError, match=OPTIONS_FILE):
        store.save({"a": 1})
    assert path.read_bytes() == content


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / OPTIONS_FILE).mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        DiskOptionStore(tmp_path).load()


def test_a_file_where_the_data_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((StorageError, SettingsError)):
        DiskOptionStore(tmp_path / "file").save({"a": 1})
    assert (tmp_path / "file").read_bytes() == b""


def test_a_disk_that_takes_no_files() -> None:
    with pytest.raises((StorageError, SettingsError)):
        DiskOptionStore(Path("/proc")).save({"a": 1})


def test_a_lone_surrogate_is_kept(tmp_path: Path) -> None:
    DiskOptionStore(tmp_path).save({"a": "\ud83d"})
    assert DiskOptionStore(tmp_path).load() == {"a": "\ud83d"}
