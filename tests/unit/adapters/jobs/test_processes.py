"""A process's death is seen at once, and a living one is never taken for dead."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.jobs.alone import NoOtherProcesses
from adapters.jobs.processes import FOLDER, LockedProcesses
from core.domain.errors import StorageError
from tests.architecture.source_tree import ROOT

OTHER = """
import sys
from pathlib import Path
from adapters.jobs.alone import NoOtherProcesses
from adapters.jobs.processes import LockedProcesses
processes = LockedProcesses(Path(sys.argv[1]))
print(processes.me, flush=True)
sys.stdin.read()
"""


def start_other(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_company_is_who_lives_beside(tmp_path: Path) -> None:
    assert not NoOtherProcesses().has_company()
    one = LockedProcesses(tmp_path)
    assert not one.has_company()
    other = LockedProcesses(tmp_path)
    assert one.has_company()
    assert other.has_company()
    (tmp_path / FOLDER / ("0" * 32)).touch()  # of one that was killed
    other.close()
    assert not one.has_company()
    one.close()
    shutil.rmtree(tmp_path / FOLDER)
    assert not one.has_company()


def test_a_process_that_is_killed_has_died_at_once(tmp_path: Path) -> None:
    processes = LockedProcesses(tmp_path)
    other, name = start_other(tmp_path)
    with other:
        assert not processes.has_died(name)
        other.send_signal(signal.SIGKILL)
        other.wait(30)
        assert processes.has_died(name)
    processes.close()


def test_this_one_lives(tmp_path: Path) -> None:
    processes = LockedProcesses(tmp_path)
    assert not processes.has_died(processes.me)
    assert not LockedProcesses(tmp_path).has_died(processes.me)
    processes.close()


def test_names_differ(tmp_path: Path) -> None:
    assert LockedProcesses(tmp_path).me != LockedProcesses(tmp_path).me


@pytest.mark.parametrize("name", ["", "0" * 32, "../secret", "a/b", "\0", "é"])
def test_of_an_unknown_one_nobody_can_tell(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"")
    assert not LockedProcesses(tmp_path).has_died(name)


def test_one_that_ended_well_leaves_no_file(tmp_path: Path) -> None:
    first, second = LockedProcesses(tmp_path), LockedProcesses(tmp_path)
    second.close()
    second.close()
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [first.me]
    assert not first.has_died(second.me)


def test_who_was_seen_dead_stays_dead(tmp_path: Path) -> None:
    processes = LockedProcesses(tmp_path)
    name = "0" * 32
    (tmp_path / FOLDER / name).write_bytes(b"")
    assert processes.has_died(name)
    (tmp_path / FOLDER / name).unlink()
    assert processes.has_died(name)


def test_old_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    living = LockedProcesses(tmp_path)
    dead, hidden, fresh = "0" * 32, "." + "1" * 32, "2" * 32
    for name, days in ((dead, 30), (hidden, 30), (fresh, 1), ("somebody's", 30), (living.me, 30)):
        (tmp_path / FOLDER / name).touch()
        then = time.time() - days * 86_400
        os.utime(tmp_path / FOLDER / name, (then, then))
    second = LockedProcesses(tmp_path)
    left = {path.name for path in (tmp_path / FOLDER).iterdir()}
    assert left == {fresh, "somebody's", living.me, second.me}


def test_a_disk_that_refuses_says_why(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_bytes(b"a file is in the way")
    with pytest.raises(StorageError, match="in the way"):
        LockedProcesses(tmp_path)
