"""Folders of pictures: one lasts, the other goes with its process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.images.blob_places import PREFIX, LastingPlace, TemporaryPlace
from core.domain.errors import StorageError

HOLD = """
import sys
from pathlib import Path
from adapters.images.blob_places import TemporaryPlace
place = TemporaryPlace(Path(sys.argv[1]))
(place.folder / "picture").write_bytes(b"x")
print(place.folder.name, flush=True)
sys.stdin.read()
"""


def test_one_that_lasts_is_left_as_it_is(tmp_path: Path) -> None:
    place = LastingPlace(tmp_path)
    place.close()
    assert place.folder.is_dir()


def test_one_for_a_process_goes_when_it_is_closed(tmp_path: Path) -> None:
    place = TemporaryPlace(tmp_path)
    (place.folder / "picture").write_bytes(b"x")
    assert place.folder.name.startswith(PREFIX)
    place.close()
    place.close()
    assert list(tmp_path.iterdir()) == []


def test_the_next_removes_what_a_dead_process_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    living = TemporaryPlace(tmp_path)
    (tmp_path / "of-others").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "of-others")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = tmp_path / process.stdout.readline().strip()
        TemporaryPlace(tmp_path).close()
        assert (left / "picture").exists()
        process.send_signal(signal.SIGKILL)
    next_one = TemporaryPlace(tmp_path)
    assert not left.exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        "of-others", f"{PREFIX}link", living.folder.name, next_one.folder.name,
    }  # fmt: skip
    living.close()
    next_one.close()


def test_where_no_folder_can_be_made_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        TemporaryPlace(tmp_path / "gone")
