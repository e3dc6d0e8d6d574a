"""Jobs run in a child, and what becomes of them when it dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from adapters.backends.remote import RemoteBackend
from adapters.worker.process.processing import RemoteProcessing
from adapters.worker.process.relay import RunRelay
from adapters.worker.process.reports import RemoteReports
from adapters.worker.process.saved import RemoteSaved
from adapters.worker.process.supervisor import STOPPED, Supervisor
from core.domain.errors import Interrupted, InvalidRequest, ModelError, NoWorker, WorkerDied
from core.domain.image import RasterImage
from core.domain.job import Job
from core.domain.model import ModelRef
from core.domain.result import GenerationResult, Outcome
from core.jobs.outage import Outage
from tests.unit.adapters.worker.children import (
    MODEL,
    PATIENCE,
    REPORT,
    Noted,
    Nursery,
    ThreadChild,
    ToldBackend,
    Watched,
    job,
    parts,
    result,
)

PICTURE = RasterImage(2, 1, "RGB", bytes(range(6)))
LONG = 600.0


def drawn(job: Job, relay: RunRelay) -> GenerationResult:
    relay.stage("execute")
    relay.plan(1, 1)
    relay.begin_iteration(0, "1/1")
    relay.begin_pass(2)
    relay.step(1)
    relay.step(2, lambda: PICTURE)
    return result(job)


def until_stopped(job: Job, relay: RunRelay) -> GenerationResult:
    """Gives up by itself after a while that is longer than any test."""
    relay.begin_iteration(0, "")
    relay.step(1, lambda: PICTURE)
    pause = threading.Event()
    for _ in range(300):
        if relay.interrupted:
            return result(job, outcome=Outcome.INTERRUPTED)
        pause.wait(0.01)
    return result(job)


@contextmanager
def supervised(nursery: Nursery, **more: Any) -> Iterator[Supervisor]:
    supervisor = Supervisor({}, nursery, **{"first_pause": 0.01, "outage": Outage(), **more})
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()


@contextmanager
def processing(nursery: Nursery, patience: float = LONG) -> Iterator[tuple[RemoteProcessing, Supervisor]]:
    with supervised(nursery) as supervisor:
        yield RemoteProcessing(supervisor, {MODEL.identity.sha256: MODEL}.get, patience), supervisor


def test_a_job_runs_in_the_child_and_is_watched_here() -> None:
    noted, watched = Noted(), Watched()
    with processing(Nursery(parts(drawn, noted=noted))) as (process, _):
        assert process(job("a dog"), watched) == result(job("a dog"))
    assert watched.heard == [
        ("stage", "execute"),
        ("plan", 1, 1),
        ("iteration", 0, "1/1"),
        ("pass", 2),
        ("step", 1),
        ("step", 2),
    ]
    assert noted.models == [MODEL]


def test_a_model_that_is_gone_is_for_the_child_to_miss() -> None:
    noted = Noted()
    with supervised(Nursery(parts(drawn, noted=noted))) as supervisor:
        RemoteProcessing(supervisor, lambda sha256: None, LONG)(job(), Watched())
    assert noted.models == []


def test_the_error_of_a_run_is_raised_here() -> None:
    def fail(job: Job, relay: RunRelay) -> GenerationResult:
        raise InvalidRequest("no cats")

    nursery = Nursery(parts(fail))
    with processing(nursery) as (process, _):
        for _ in range(3):
            with pytest.raises(InvalidRequest, match="no cats"):
                process(job(), Watched())
    assert len(nursery.started) == 1


def test_a_death_loses_the_attempt_and_the_next_one_has_a_new_child(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nursery = Nursery(parts(drawn))

    def die_once(job: Job, relay: RunRelay) -> GenerationResult:
        if len(nursery.started) == 1:
            nursery.started[0].end(-6)
        return drawn(job, relay)

    nursery.made = parts(die_once)
    with processing(nursery) as (process, supervisor):
        with pytest.raises(WorkerDied, match=r"^the worker was killed by signal 6 \(SIGABRT\)$"):
            process(job(), Watched())
        assert process(job(), Watched()) == result(job())
        assert supervisor.restarts == 1
    assert "SIGABRT" in caplog.text


def test_a_run_that_gives_no_sign_of_life_is_ended() -> None:
    nursery = Nursery(parts(until_stopped))
    with (
        processing(nursery, patience=0.2) as (process, _),
        pytest.raises(WorkerDied, match=r"no sign of life for 0.2 seconds"),
    ):
        process(job(), Watched())


def test_a_run_that_was_told_to_stop_is_cancelled_when_its_child_dies() -> None:
    over = threading.Event()

    def deaf(job: Job, relay: RunRelay) -> GenerationResult:
        relay.step(1)
        over.wait(PATIENCE)
        return result(job)

    watched = Watched()
    nursery = Nursery(parts(deaf))
    with processing(nursery) as (process, _), ThreadPoolExecutor() as pool:
        running = pool.submit(process, job(), watched)
        assert watched.stepped.wait(PATIENCE)
        watched.token.interrupt()
        nursery.started[0].end(-11)
        assert isinstance(running.exception(PATIENCE), Interrupted)
        over.set()


def test_out_of_memory_loses_the_attempt_and_brings_a_new_child() -> None:
    nursery = Nursery(parts(drawn))

    def greedy(job: Job, relay: RunRelay) -> GenerationResult:
        if len(nursery.started) == 1:
            raise MemoryError
        return drawn(job, relay)

    nursery.made = parts(greedy)
    with processing(nursery) as (process, _):
        with pytest.raises(WorkerDied, match="ran out of memory"):
            process(job(), Watched())
        assert process(job(), Watched()) == result(job())
    assert len(nursery.started) == 2


def test_interrupt_skip_and_preview_cross() -> None:
    watched = Watched()
    with processing(Nursery(parts(until_stopped))) as (process, _), ThreadPoolExecutor() as pool:
        running = pool.submit(process, job(), watched)
        assert watched.stepped.wait(PATIENCE)
        assert watched.previews[0]() == PICTURE
        watched.token.interrupt()
        assert running.result(PATIENCE).receipt.outcome is Outcome.INTERRUPTED
        assert watched.previews[0]() is None


def test_a_skip_reaches_the_iteration_it_was_meant_for() -> None:
    """The child drops that one and begins the next; here the flag is taken back, as in one process."""

    def two(job: Job, relay: RunRelay) -> GenerationResult:
        skipped = []
        for index in range(2):
            relay.begin_iteration(index, str(index))
            relay.step(1)
            skipped.append(_skipped(relay) if index == 0 else False)
        return result(job, skipped)

    watched = Watched()
    with processing(Nursery(parts(two))) as (process, _), ThreadPoolExecutor() as pool:
        running = pool.submit(process, job(), watched)
        assert watched.stepped.wait(PATIENCE)
        watched.token.skip()
        assert running.result(PATIENCE).info["info"] == [True, False]
    assert not watched.token.skipped


def _skipped(relay: RunRelay) -> bool:
    pause = threading.Event()
    for _ in range(int(PATIENCE * 100)):
        try:
            relay.check()
        except Interrupted as stop:
            return stop.skipped
        pause.wait(0.01)
    return False


def test_a_job_that_lost_an_attempt_runs_alone() -> None:
    together: list[int] = []
    inside, both = [0], threading.Event()

    def count(job: Job, relay: RunRelay) -> GenerationResult:
        inside[0] += 1
        both.wait(0.2)
        together.append(inside[0])
        inside[0] -= 1
        return result(job)

    with processing(Nursery(parts(count))) as (process, _), ThreadPoolExecutor() as pool:
        suspects = [job(attempts=1), job(attempts=1)]
        for future in [pool.submit(process, suspect, Watched()) for suspect in suspects]:
            future.result(PATIENCE)
    assert together == [1, 1]


def test_who_is_told_to_stop_does_not_wait_for_a_child() -> None:
    starting = threading.Event()

    def never_ready() -> Any:
        starting.wait(PATIENCE)
        raise OSError("too late")

    supervisor = Supervisor({}, never_ready, outage=Outage())
    supervisor.start()
    watched = Watched()
    watched.token.interrupt()
    with pytest.raises(Interrupted):
        RemoteProcessing(supervisor, {}.get, LONG)(job(), watched)
    starting.set()
    supervisor.stop()


def test_a_child_that_cannot_be_started_is_given_up_until_one_can() -> None:
    nursery = Nursery(parts(drawn), failing=3)
    with supervised(nursery, first_pause=0.3) as supervisor:
        with pytest.raises(NoWorker, match="cannot be started: the worker ended with exit code 3"):
            RemoteProcessing(supervisor, {}.get, LONG)(job(), Watched())
        ready = threading.Event()
        supervisor.when_ready(ready.set)
        assert ready.wait(PATIENCE)
        assert RemoteProcessing(supervisor, {}.get, LONG)(job(), Watched()) == result(job())


def test_a_child_that_never_gets_ready_is_ended() -> None:
    over = threading.Event()

    def asleep() -> Any:
        child = ThreadChild(lambda channel: over.wait(PATIENCE))
        return child, child.channel

    supervisor = Supervisor({}, asleep, first_pause=0.01, patience=0.05, outage=Outage())
    supervisor.start()
    with pytest.raises(NoWorker, match=r"not ready within 0\.05 seconds"):
        supervisor.link()
    over.set()
    supervisor.stop()


def test_a_message_that_is_not_understood_loses_its_run_only(caplog: pytest.LogCaptureFixture) -> None:
    class Choking(Watched):
        def stage(self, name: str) -> None:
            raise KeyError(name)

    with processing(Nursery(parts(drawn))) as (process, _):
        with pytest.raises(WorkerDied, match="not understood"):
            process(job(), Choking())
        assert process(job(), Watched()) == result(job())
    assert "not understood" in caplog.text


def test_a_command_that_is_not_there_is_told() -> None:
    def missing() -> Any:
        raise FileNotFoundError(2, "No such file", "python")

    supervisor = Supervisor({}, missing, first_pause=0.01, outage=Outage())
    supervisor.start()
    with pytest.raises(NoWorker, match="No such file"):
        supervisor.link()
    with pytest.raises(WorkerDied, match="No such file"):
        supervisor.call("describe", {}, 1.0)
    with pytest.raises(NoWorker, match="No such file"):
        RemoteBackend(supervisor, "told").load(MODEL)
    RemoteBackend(supervisor, "told").close()
    supervisor.stop()
    with pytest.raises(WorkerDied):
        supervisor.link()


def test_pauses_grow_while_no_child_is_of_use() -> None:
    supervisor = Supervisor({}, first_pause=0.25, outage=Outage())
    pauses = [supervisor.pause(failures) for failures in (0, 1, 2, 3, 4, 9, 5000)]
    assert pauses == [0.0, 0.0, 0.25, 0.5, 1.0, 30.0, 30.0]


def test_stopping_ends_the_child_and_what_waits_for_it() -> None:
    nursery = Nursery(parts(drawn))
    supervisor = Supervisor({}, nursery, outage=Outage())
    supervisor.start()
    assert supervisor.link().pid == supervisor.pid == 4711
    supervisor.stop()
    assert nursery.started[0].wait(PATIENCE) == 0
    with pytest.raises(WorkerDied, match=STOPPED):
        supervisor.link()
    Supervisor({}, nursery, outage=Outage()).stop()


class TestRemoteBackend:
    def test_what_it_says_of_itself(self) -> None:
        backend = ToldBackend()
        with supervised(Nursery(parts(drawn, backend))) as supervisor:
            remote = RemoteBackend(supervisor, "told")
            supervisor.link()
            remote.load(MODEL)
            assert remote.describe().memory == {"loads": 1}
            remote.close()
        assert (backend.loaded, backend.closed) == ([MODEL], 1)
        assert remote.describe().memory == {"loads": 0}
        remote.close()

    def test_before_it_is_there(self) -> None:
        remote = RemoteBackend(Supervisor({}, outage=Outage()), "torch")
        assert (remote.describe().name, remote.describe().max_runs) == ("torch", 1)

    def test_its_errors_come_here(self) -> None:
        backend = ToldBackend(error=ModelError("cut off"))
        with supervised(Nursery(parts(drawn, backend))) as supervisor:
            remote = RemoteBackend(supervisor, "told")
            with pytest.raises(ModelError, match="cut off"):
                remote.load(MODEL)
            with pytest.raises(ModelError, match="cut off"):
                remote.describe()

    def test_a_load_in_a_child_that_dies(self) -> None:
        nursery = Nursery(parts(drawn))

        class Dying(ToldBackend):
            def load(self, model: ModelRef) -> None:
                nursery.started[0].end(-11)

        nursery.made = parts(drawn, Dying())
        with supervised(nursery) as supervisor, pytest.raises(WorkerDied, match="signal 11"):
            RemoteBackend(supervisor, "told").load(MODEL)


def test_reports_come_from_the_child() -> None:
    supervisor = Supervisor({}, Nursery(parts(drawn)), outage=Outage())
    reports, known = RemoteReports(supervisor), RemoteReports(supervisor, (REPORT, REPORT))
    assert (list(reports), list(known)) == ([], [REPORT, REPORT])
    supervisor.start()
    supervisor.link()
    assert (list(reports), len(reports), reports[0], reports[:1]) == ([REPORT], 1, REPORT, (REPORT,))
    assert list(known) == [REPORT], "what the child says counts"
    supervisor.stop()


def test_files_are_told_to_the_plugins_in_the_child(caplog: pytest.LogCaptureFixture) -> None:
    noted = Noted()
    with supervised(Nursery(parts(drawn, noted=noted))) as supervisor:
        supervisor.link()
        RemoteSaved(supervisor).saved("run-1", "a.png")
    assert noted.files == [("run-1", "a.png")]
    RemoteSaved(supervisor).saved("run-1", "b.png")
    assert "b.png" in caplog.text
