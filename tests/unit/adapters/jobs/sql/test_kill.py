"""A process that is killed in the middle of its work loses nothing that it said it had."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from contracts.job_samples import drain, make_job
from core.domain.job import JobState
from tests.architecture.source_tree import ROOT
from tests.unit.adapters.jobs.sql.samples import opened

THREADS = 8

# Each line is written in one piece, once its operation has returned.
WORK = f"""
import os, sys, threading
from pathlib import Path
from adapters.jobs.choose import open_job_store
from contracts.job_samples import leased, make_job

store = open_job_store("sqlite", Path(sys.argv[1]))

def work(thread):
    for number in range(100_000):
        name = f"{{sys.argv[2]}}-{{thread}}-{{number}}"
        store.put(make_job(name, key=name))
        os.write(1, f"put {{name}}\\n".encode())
        if number % 3 == 0:
            taken = store.take(leased(name), 0)
            os.write(1, f"took {{taken.id}}\\n".encode())

for thread in range({THREADS}):
    threading.Thread(target=work, args=(thread,)).start()
"""


@pytest.mark.parametrize("lines", [1, 60])
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path, lines: int) -> None:
    acknowledged: set[str] = set()
    for life in ("first", "second"):
        acknowledged |= killed_after(lines, tmp_path, life)
    put = {line.removeprefix("put ") for line in acknowledged if line.startswith("put ")}
    took = {line.removeprefix("took ") for line in acknowledged if line.startswith("took ")}
    with opened(tmp_path / "jobs.sqlite") as store:
        jobs = {job.id: job for job in store.all()}
        assert put - jobs.keys() == set()
        # What nobody heard of may be there too: at most what each thread was about to hear of.
        assert len(jobs.keys() - put) <= 2 * THREADS
        assert {jobs[name].state for name in took} <= {JobState.RUNNING}
        # The counts are those of the rows, and the store goes on.
        states = [job.state for job in jobs.values()]
        assert store.counts() == {state: states.count(state) for state in JobState}
        waiting = {job.id for job in jobs.values() if job.state is JobState.QUEUED}
        assert store.put(make_job("again", key="key of nobody")).id == "again"
        assert set(drain(store)) == waiting | {"again"}


def killed_after(lines: int, folder: Path, life: str) -> set[str]:
    """Everything that a process said before it was killed, some time after its n-th line."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(folder), life],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        with suppress(ProcessLookupError):
            process.kill()
        said += process.stdout.readlines()
    return {line.strip() for line in said if line.endswith("\n")}
