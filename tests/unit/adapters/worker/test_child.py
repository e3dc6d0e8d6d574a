"""The child's side of the channel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from adapters.worker.process.channel import Channel, Message
from adapters.worker.process.child import ChildWorker, Parts
from adapters.worker.process.plain import picture_from_plain
from adapters.worker.process.relay import RunRelay
from core.domain.errors import (
    UNFORESEEN,
    BackendError,
    Interrupted,
    InvalidRequest,
    InvalidValue,
    ModelError,
    PluginError,
)
from core.domain.image import RasterImage
from core.domain.job import Job
from core.domain.result import GenerationResult
from core.domain.serial import from_plain, to_plain
from tests.unit.adapters.worker.children import (
    MODEL,
    PATIENCE,
    REPORT,
    Noted,
    ToldBackend,
    channels,
    job,
    parts,
    result,
)

PICTURE = RasterImage(2, 1, "RGB", bytes(range(6)))


class Parent:
    """The other end."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._messages = iter(channel)

    def next(self) -> Message:
        return next(self._messages)

    def until(self, *kinds: str) -> list[Message]:
        """Up to and with the first message of one of these kinds."""
        heard = [self.next()]
        while heard[-1]["is"] not in kinds:
            heard.append(self.next())
        return heard

    def run(self, wanted: Job, number: int = 1, models: tuple[Any, ...] = ()) -> None:
        plain = [to_plain(model) for model in models]
        self.channel.send("run", run=number, job=to_plain(wanted), models=plain)

    def ask(self, name: str, **arguments: Any) -> Message:
        self.channel.send("call", call=9, name=name, arguments=arguments)
        return self.until("answer")[-1]


@contextmanager
def serving(made: Parts) -> Iterator[tuple[Parent, Callable[[], bool]]]:
    """A child that said it is ready, and what waits for its end."""
    ours, theirs, cut = channels()
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(ChildWorker(theirs, made).serve()))
    thread.start()

    def end() -> bool:
        thread.join(PATIENCE)
        return ended[0]

    parent = Parent(ours)
    try:
        assert parent.next() == {
            "is": "ready",
            "backend": to_plain(made.backend.describe()),
            "plugins": [to_plain(REPORT)],
        }
        yield parent, end
    finally:
        cut()
        thread.join(PATIENCE)
        ours.close()
        theirs.close()


def drawn(job: Job, relay: RunRelay) -> GenerationResult:
    relay.stage("execute")
    relay.plan(2, 1)
    relay.begin_iteration(0, "1/2")
    relay.begin_pass(4)
    relay.step(1)
    relay.step(2, lambda: PICTURE)
    return result(job)


def test_a_run_is_told_step_by_step() -> None:
    noted = Noted()
    with serving(parts(drawn, noted=noted)) as (parent, _):
        parent.run(job("a dog"), models=(MODEL,))
        *steps, last = parent.until("result")
    assert [{k: v for k, v in step.items() if k != "run"} for step in steps] == [
        {"is": "stage", "name": "execute"},
        {"is": "plan", "iterations": 2, "passes": 1},
        {"is": "iteration", "index": 0, "label": "1/2"},
        {"is": "pass", "steps": 4},
        {"is": "step", "done": 1, "preview": False},
        {"is": "step", "done": 2, "preview": True},
    ]
    assert {message["run"] for message in (*steps, last)} == {1}
    assert from_plain(GenerationResult, last["result"]) == result(job("a dog"))
    assert noted.models == [MODEL]


class OwnRefusal(InvalidRequest):
    """An error class that only a plugin knows."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InvalidValue("width", 0, "at least 8"), ("InvalidValue", "width is 0; at least 8")),
        (OwnRefusal("no cats"), ("InvalidRequest", "no cats")),
        (Interrupted(), ("Interrupted", "interrupted")),
        (KeyError("secret path"), ("BackendError", UNFORESEEN)),
        (SystemExit(2), ("BackendError", UNFORESEEN)),
    ],
)
def test_an_error_is_told_by_a_class_that_the_parent_knows(
    error: BaseException, told: tuple[str, str]
) -> None:
    def fail(job: Job, relay: RunRelay) -> GenerationResult:
        raise error

    with serving(parts(fail)) as (parent, _):
        parent.run(job())
        message = parent.next()
    assert message == {"is": "error", "run": 1, "kind": told[0], "message": told[1]}


def test_a_result_that_has_no_json_form_fails_the_run() -> None:
    with serving(parts(lambda job, relay: result(job, object()))) as (parent, _):
        parent.run(job())
        message = parent.next()
    assert (message["is"], message["message"]) == ("error", UNFORESEEN)


@pytest.mark.parametrize("wrapped", [False, True])
def test_no_memory_loses_the_attempt(wrapped: bool) -> None:
    def fail(job: Job, relay: RunRelay) -> GenerationResult:
        error = MemoryError()
        if wrapped:
            raise PluginError("greedy", "serena_prepare", error) from error
        raise error

    with serving(parts(fail)) as (parent, _):
        parent.run(job())
        message = parent.next()
    assert message == {"is": "lost", "run": 1, "reason": "the worker ran out of memory"}


def test_a_backend_that_copes_with_no_memory_fails_the_run_in_its_own_words() -> None:
    def fail(job: Job, relay: RunRelay) -> GenerationResult:
        try:
            raise MemoryError
        except MemoryError:
            raise BackendError("out of memory; draw smaller") from None

    with serving(parts(fail)) as (parent, _):
        parent.run(job())
        message = parent.next()
    assert message == {
        "is": "error",
        "run": 1,
        "kind": "BackendError",
        "message": "out of memory; draw smaller",
    }


def stepping(job: Job, relay: RunRelay) -> GenerationResult:
    """Two iterations, each until it is told to stop."""
    for index in range(2):
        relay.begin_iteration(index, "")
        try:
            _until_stopped(relay)
        except Interrupted as stop:
            if not stop.skipped:
                break
    return result(job, relay.interrupted)


def _until_stopped(relay: RunRelay) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE * 100)):
        relay.check()
        pause.wait(0.01)


def test_who_stops_a_run_that_is_over_disturbs_nobody() -> None:
    with serving(parts(stepping)) as (parent, _):
        parent.channel.send("interrupt", run=7)
        parent.channel.send("skip", run=7, iteration=0)
        assert parent.ask("describe")["value"]["name"] == "told"


def test_skip_and_interrupt() -> None:
    with serving(parts(stepping)) as (parent, _):
        parent.run(job())
        assert parent.next()["index"] == 0
        parent.channel.send("skip", run=1, iteration=0)
        assert parent.until("iteration")[-1]["index"] == 1
        parent.channel.send("skip", run=1, iteration=0)  # too late: that one is over
        assert parent.ask("describe")["value"]["name"] == "told"
        parent.channel.send("interrupt", run=1)
        last = parent.until("result", "iteration")[-1]
    assert last["result"]["info"]["info"] is True


def test_a_run_that_is_not_here_any_more_is_not_stopped() -> None:
    with serving(parts(drawn)) as (parent, _):
        parent.channel.send("interrupt", run=5)
        parent.channel.send("skip", run=5, iteration=0)
        parent.channel.send("nonsense")
        parent.run(job(), number=5)
        assert parent.until("result")[-1]["run"] == 5


def test_a_run_that_only_looks_whether_to_stop_tells_that_it_lives() -> None:
    now, told = [0.0], list[str]()
    relay = RunRelay(lambda kind, **_: told.append(kind), lambda: now[0])
    for now[0] in (0.5, 1.0, 1.5, 2.0, 2.6):
        relay.check()
    assert told == ["alive", "alive"]


def test_questions_are_answered_while_a_run_goes_on() -> None:
    go_on = threading.Event()

    def wait(job: Job, relay: RunRelay) -> GenerationResult:
        relay.step(1)
        assert go_on.wait(PATIENCE)
        relay.step(2, lambda: PICTURE)
        relay.step(3)
        _until_stopped(relay)
        raise AssertionError

    backend, noted = ToldBackend(), Noted()
    with serving(parts(wait, backend, noted)) as (parent, _):
        parent.run(job())
        assert parent.next()["done"] == 1
        assert parent.ask("preview", run=1)["value"] is None
        go_on.set()
        assert [parent.next()["done"] for _ in range(2)] == [2, 3]
        assert picture_from_plain(parent.ask("preview", run=1)["value"]) == PICTURE
        assert parent.ask("preview", run=2)["value"] is None
        assert parent.ask("load", model=to_plain(MODEL))["value"] is None
        assert parent.ask("describe")["value"]["memory"] == {"loads": 1}
        assert parent.ask("saved", run_id="run-1", path="a.png")["value"] is None
        assert parent.ask("unload")["value"] is None
        parent.channel.send("interrupt", run=1)
        parent.until("error")
    assert (backend.loaded, backend.closed, noted.files) == ([MODEL], 1, [("run-1", "a.png")])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModelError("the file is cut off"), {"kind": "ModelError", "message": "the file is cut off"}),
        (ValueError("?"), {"kind": "BackendError", "message": UNFORESEEN}),
    ],
)
def test_a_question_that_fails_is_answered_too(error: Exception, told: dict[str, str]) -> None:
    with serving(parts(drawn, ToldBackend(error=error))) as (parent, _):
        assert parent.ask("load", model=to_plain(MODEL))["error"] == told


def test_it_ends_when_it_is_told_to_after_the_runs() -> None:
    with serving(parts(drawn)) as (parent, ended):
        parent.run(job())
        parent.channel.send("stop")
        parent.until("result")
        assert ended()


def test_it_ends_when_its_parent_is_gone() -> None:
    with serving(parts(drawn)) as (parent, ended):
        parent.channel.close()
        assert not ended()
