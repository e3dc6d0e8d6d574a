"""What holds between the two processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.fakes import JournalPlugin, LedgerBackend
from core.domain.errors import SettingsError

PATIENCE = 60.0
PARENT = """
import sys
from adapters.container import Container
from adapters.worker.process.supervisor import Supervisor
from core.jobs.outage import Outage
from pathlib import Path
hello = {"settings": {"data_dir": sys.argv[1], "backend": {"name": sys.argv[2]}}, "blobs": sys.argv[1]}
supervisor = Supervisor(hello, first_pause=0.01, outage=Outage())
supervisor.start()
try:
    print(supervisor.link().pid, flush=True)
    sys.stdin.read()
except Exception as error:
    print(error, flush=True)
"""


def parent(folder: Path, backend: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PARENT, str(folder), backend]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ, cwd=folder
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    with parent(tmp_path, "fake") as process:
        child = int(said(process))
        os.kill(child, signal.SIGINT)  # Ctrl-C reaches the whole group; what to do about it the parent says
        os.kill(child, signal.SIGTERM)
        assert is_alive(child)
        process.kill()
        process.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while is_alive(child):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_why_a_child_cannot_be_started_is_told(tmp_path: Path) -> None:
    with parent(tmp_path, "nobody") as process:
        assert "the worker cannot be started: backend 'nobody' is not installed" in said(process)


def test_without_a_parent_it_ends_at_once(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "serena", "_worker"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, b"")


def test_objects_cannot_go_to_another_process(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, backend={"name": "fake"}, worker={"kind": "process"})
    with pytest.raises(SettingsError, match="the plugin journal, the backend was given as an object"):
        bootstrap(settings, backend=LedgerBackend(), plugins=[("journal", JournalPlugin())])


def is_alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
