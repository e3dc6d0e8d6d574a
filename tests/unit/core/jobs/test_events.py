from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from core.domain.errors import QueueFull, SerenaError
from core.domain.job import FrozenInputs, Job, JobId
from core.domain.request import GenerationRequest
from core.jobs.events import JobNews

JOB = Job(
    id=JobId("j"),
    request=GenerationRequest(),
    frozen=FrozenInputs(seed=1, subseed=1, model=None),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class Listener:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def accepted(self, job: Job) -> None:
        self.heard.append(("accepted", job.id))

    def rejected(self, error: SerenaError) -> None:
        self.heard.append(("rejected", type(error)))

    def started(self, job: Job) -> None:
        self.heard.append(("started", job.id))

    def stepped(self, job: Job, seconds: float) -> None:
        self.heard.append(("stepped", job.id, seconds))

    def requeued(self, job: Job) -> None:
        self.heard.append(("requeued", job.id))

    def ended(self, job: Job) -> None:
        self.heard.append(("ended", job.id))

    def restarted(self) -> None:
        self.heard.append("restarted")


class Deaf(Listener):
    def accepted(self, job: Job) -> None:
        raise RuntimeError("odd")


def tell_all(news: JobNews) -> None:
    news.accepted(JOB)
    news.rejected(QueueFull(1))
    news.started(JOB)
    news.stepped(JOB, 0.5)
    news.requeued(JOB)
    news.ended(JOB)
    news.restarted()


def test_every_listener_hears_everything() -> None:
    first, second = Listener(), Listener()
    news = JobNews(first)
    news.add(second)
    tell_all(news)
    assert first.heard == second.heard
    assert first.heard == [
        ("accepted", "j"),
        ("rejected", QueueFull),
        ("started", "j"),
        ("stepped", "j", 0.5),
        ("requeued", "j"),
        ("ended", "j"),
        "restarted",
    ]


def test_a_listener_that_fails_stops_neither_the_job_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    last = Listener()
    with caplog.at_level(logging.ERROR, "serena.jobs"):
        JobNews(Deaf(), last).accepted(JOB)
    assert last.heard == [("accepted", "j")]
    assert "what happened to a job could not be told" in caplog.text


def test_nobody_need_listen() -> None:
    news, late = JobNews(), Listener()
    tell_all(news)
    news.add(late)
    assert late.heard == []
