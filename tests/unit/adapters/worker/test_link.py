"""One child, from its start to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from adapters.worker.process.channel import Channel
from adapters.worker.process.link import Link
from core.domain.errors import WorkerDied
from tests.unit.adapters.worker.children import PATIENCE, ThreadChild, Watched

DEAF = 0.2


@contextmanager
def linked(serve: Callable[[Channel], object]) -> Iterator[tuple[Link, threading.Thread]]:
    """A link that listens in a thread, to a child that says it is ready and then does as ``serve`` says."""

    def begin(channel: Channel) -> None:
        channel.send("ready", backend={}, plugins=[])
        serve(channel)

    child = ThreadChild(begin)
    ready = threading.Event()
    link = Link(child, child.channel, DEAF)
    listening = threading.Thread(target=link.listen, args=(ready.set,))
    listening.start()
    assert ready.wait(PATIENCE)
    try:
        yield link, listening
    finally:
        link.kill("the test is over")
        listening.join(PATIENCE)


def test_what_a_child_refused_is_what_it_ended_of() -> None:
    with linked(lambda channel: channel.send("refused", reason="no such backend")) as (link, listening):
        listening.join(PATIENCE)
        assert link.reason == "no such backend"


def test_a_child_that_has_ended_takes_neither_runs_nor_calls() -> None:
    with linked(lambda channel: None) as (link, listening):
        listening.join(PATIENCE)
        with pytest.raises(WorkerDied, match="exit code 0"), link.run(Watched()):
            pass
        with pytest.raises(WorkerDied, match="exit code 0"):
            link.call("describe", {})
        link.send("interrupt", run=1)


def test_a_child_that_ends_with_what_it_was_asked_loses_the_call() -> None:
    with linked(lambda channel: next(iter(channel))) as (link, _), pytest.raises(WorkerDied):
        link.call("describe", {})


def test_an_answer_that_comes_too_late_is_let_go() -> None:
    asked = threading.Event()

    def late(channel: Channel) -> None:
        messages = iter(channel)
        call = next(messages)["call"]
        asked.wait(PATIENCE)
        channel.send("answer", call=call, value="late")
        channel.send("step", run=77, done=1, preview=False)  # of a run that nobody follows
        second = next(messages)["call"]
        channel.send("answer", call=second, value="in time")
        next(messages, None)

    with linked(late) as (link, _):
        with pytest.raises(TimeoutError):
            link.call("preview", {"run": 1}, 0.01)
        asked.set()
        assert link.call("describe", {}, PATIENCE) == "in time"


def test_a_child_that_does_not_end_when_asked_is_ended() -> None:
    with linked(lambda channel: list(channel)) as (link, listening):
        link.stop()
        listening.join(PATIENCE)
        assert link.reason == "the server stops"


def test_a_child_that_closes_its_pipe_and_lives_on_is_ended() -> None:
    over = threading.Event()

    def mute(channel: Channel) -> None:
        channel.close()
        over.wait(PATIENCE)

    child = ThreadChild(mute)
    link = Link(child, child.channel, DEAF)
    link.listen(over.set)
    assert link.reason is not None
    assert link.reason.startswith("the worker was killed by signal 9")
    over.set()
