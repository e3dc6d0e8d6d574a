"""What is said, and counted, of plugins that a child died in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.worker.process.blame import Blame, handed_marks
from adapters.worker.process.channel import Channel
from adapters.worker.process.plugin_parts import RemoteCounts
from adapters.worker.process.processing import RemoteProcessing
from adapters.worker.process.relay import RunRelay
from adapters.worker.process.supervisor import Supervisor
from core.domain.errors import NoWorker, WorkerDied
from core.domain.job import Job
from core.domain.result import GenerationResult
from core.jobs.outage import Outage
from plugins.counting import HookCount
from plugins.marking import marked
from tests.unit.adapters.worker.children import PATIENCE, Noted, Nursery, ThreadChild, Watched, job, parts
from tests.unit.adapters.worker.children import result as drawn

LONG = 600.0


class Doomed:
    """A child of a supervisor that ends when a plugin is in the hooks that a job's prompt names.

    :ivar died: so often, a hook of a plugin at a time.
    """

    def __init__(self, code: int = 4, patience: float = LONG) -> None:
        self.blame = Blame()
        self._code = code
        self._over = threading.Event()
        self._marks = handed_marks(os.dup(self.blame.handle))
        self._nursery = Nursery(parts(self._draw, noted=Noted()))
        self._patience = patience
        self.supervisor = Supervisor({}, self._nursery, first_pause=0.01, outage=Outage(), blame=self.blame)

    @contextmanager
    def started(self) -> Iterator[Doomed]:
        self.supervisor.start()
        try:
            yield self
        finally:
            self._over.set()
            self.supervisor.stop()

    def draw(self, prompt: str) -> GenerationResult:
        process = RemoteProcessing(self.supervisor, lambda sha256: None, self._patience)
        return process(job(prompt), Watched())

    @property
    def died(self) -> dict[tuple[str, str], int]:
        return {(one.plugin, one.hook): one.failures for one in self.blame.counts()}

    def _draw(self, job: Job, relay: RunRelay) -> GenerationResult:
        """Everybody whom the prompt names is in a hook, one thread each; then the child ends."""
        calls = [call.split(".") for call in job.request.prompt.split(" ") if "." in call]
        inside = threading.Barrier(len(calls) + 1)

        def stay() -> None:
            inside.wait(PATIENCE)
            self._over.wait(PATIENCE)

        for plugin, hook in calls:
            threading.Thread(target=marked, args=(self._marks, plugin, hook, stay), daemon=True).start()
        inside.wait(PATIENCE)
        if job.request.prompt.startswith("greedy"):
            raise MemoryError
        if not job.request.prompt.startswith("hang"):
            self._nursery.started[-1].end(self._code)
        self._over.wait(PATIENCE)
        return drawn(job)


@pytest.mark.parametrize(
    ("prompt", "code", "reason", "died"),
    [
        (
            "x.serena_prepare",
            4,
            "the worker ended with exit code 4 while plugin 'x' was in serena_prepare",
            {("x", "serena_prepare"): 1},
        ),
        (
            "x.serena_prepare x.serena_image x.serena_image",
            -9,
            "the worker was killed by signal 9 (SIGKILL) while plugin 'x' was in serena_image and in "
            "serena_prepare; the system does that when memory runs out",
            {("x", "serena_image"): 1, ("x", "serena_prepare"): 1},
        ),
        (
            "y.serena_image x.serena_prepare",
            -6,
            "the worker was killed by signal 6 (SIGABRT) while it was in several plugins, of which one or "
            "more may have done it: 'x' in serena_prepare, 'y' in serena_image",
            {("x", "serena_prepare"): 1, ("y", "serena_image"): 1},
        ),
        ("nobody", -11, "the worker was killed by signal 11 (SIGSEGV)", {}),
        (
            "nobody",
            -9,
            "the worker was killed by signal 9 (SIGKILL); the system does that when memory runs out",
            {},
        ),
        ("greedy x.serena_prepare", 4, "the worker ran out of memory", {}),
    ],
)
def test_who_was_in_a_hook_is_named_and_counted(
    prompt: str, code: int, reason: str, died: dict[tuple[str, str], int]
) -> None:
    with Doomed(code).started() as doomed:
        with pytest.raises(WorkerDied) as raised:
            doomed.draw(prompt)
        assert str(raised.value) == reason
        assert doomed.died == died


def test_the_next_child_begins_outside_and_the_counts_stay() -> None:
    with Doomed().started() as doomed:
        with pytest.raises(WorkerDied, match="while plugin 'x' was in serena_image"):
            doomed.draw("x.serena_image")
        with pytest.raises(WorkerDied, match=r"exit code 4$"):
            doomed.draw("nobody")
        with pytest.raises(WorkerDied, match="while plugin 'x' was in serena_image"):
            doomed.draw("x.serena_image")
        doomed.supervisor.link()
        [count] = RemoteCounts(doomed.supervisor, doomed.blame.counts)()
    assert count == HookCount(plugin="x", hook="serena_image", calls=0, seconds=0.0, failures=2)


def test_who_hangs_is_named_too() -> None:
    with Doomed(patience=0.05).started() as doomed:
        with pytest.raises(
            WorkerDied, match=r"no sign of life .* ended while plugin 'x' was in serena_prepare$"
        ):
            doomed.draw("hang x.serena_prepare")
        assert doomed.died == {("x", "serena_prepare"): 1}


def test_a_child_that_is_told_to_end_accuses_nobody() -> None:
    doomed = Doomed()
    with doomed.started():
        doomed.supervisor.link()
        marks = handed_marks(os.dup(doomed.blame.handle))
        marks.put(marks.number("x", "serena_shutdown"))
    assert doomed.died == {}


def test_a_child_that_dies_as_it_loads_a_plugin() -> None:
    blame = Blame()

    def loads() -> tuple[ThreadChild, Channel]:
        marks = handed_marks(os.dup(blame.handle))
        marks.put(marks.number("x", "its import"))
        child = ThreadChild(lambda channel: None, code=4)
        return child, child.channel

    supervisor = Supervisor({}, loads, first_pause=0.01, outage=Outage(), blame=blame)
    supervisor.start()
    with pytest.raises(NoWorker, match="ended with exit code 4 while plugin 'x' was in its import"):
        supervisor.link()
    supervisor.stop()
