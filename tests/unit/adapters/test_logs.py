from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.job_log import JobLog
from adapters.logs import FORMAT, JsonFormatter, NamesJob, OneLineFormatter
from core.domain.errors import QueueFull
from core.domain.job import FrozenInputs, Job, JobError, JobId
from core.domain.request import GenerationRequest
from core.jobs.context import current_job, working_on
from tests.unit.adapters.http.fakes import NOW

JOB = Job(
    id=JobId("job 1\n2026 forged"),
    request=GenerationRequest(prompt="a secret prompt"),
    frozen=FrozenInputs(seed=1, subseed=1, model=None),
    created_at=NOW,
)


class Log:
    """A logger of its own that writes to memory."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(formatter)
        handler.addFilter(NamesJob())
        self.logger = logging.Logger("serena.test", logging.INFO)
        self.logger.addHandler(handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def text() -> Log:
    return Log(OneLineFormatter(FORMAT))


@pytest.fixture
def plain() -> Log:
    return Log(JsonFormatter())


@pytest.fixture
def heard() -> Iterator[Log]:
    """What the logger of jobs says, as JSON."""
    log = Log(JsonFormatter())
    jobs = logging.getLogger("serena.jobs")
    jobs.addHandler(log.logger.handlers[0])
    before, _ = jobs.level, jobs.setLevel(logging.INFO)
    yield log
    jobs.setLevel(before)
    jobs.removeHandler(log.logger.handlers[0])


def test_what_a_job_says_names_it(text: Log, plain: Log) -> None:
    for log in (text, plain):
        with working_on(JobId("job-7")):
            log.logger.info("drawing")
        log.logger.info("idle")
    assert [" [job-7]: drawing" in line for line in text.lines] == [True, False]
    assert [told.get("job") for told in plain.objects] == ["job-7", None]


def test_jobs_within_jobs_end_in_order() -> None:
    with working_on(JobId("a")), working_on(JobId("b")):
        assert current_job() == "b"
    assert current_job() is None


def test_no_line_is_forged(text: Log, plain: Log) -> None:
    for log in (text, plain):
        log.logger.info("prompt: %s", "x\n2026 INFO forged\x1b[2J\u2028", extra={"job": JOB.id})
        assert len(log.lines) == 1
        assert "\x1b" not in log.stream.getvalue()
    assert "[job%201%0A2026%20forged]" in text.lines[0]
    assert plain.objects[0]["job"] == JOB.id


def test_an_error_is_told_with_its_traceback(text: Log, plain: Log) -> None:
    for log in (text, plain):
        try:
            raise ValueError("odd\nline")
        except ValueError:
            log.logger.exception("it failed")
    assert all(line.startswith("    ") for line in text.lines[1:])
    assert plain.objects[0]["exception"].endswith("ValueError: odd\nline")
    assert plain.objects[0]["level"] == "error"
    assert len(plain.lines) == 1


def test_the_life_of_a_job_in_lines(heard: Log) -> None:
    log, running = JobLog(), JOB.start(NOW)
    log.accepted(JOB)
    log.started(running)
    log.stepped(running, 0.1)
    log.requeued(running.requeue())
    log.ended(running.fail(JobError("BackendError", "it broke"), NOW))
    log.ended(running.cancel(NOW))
    log.ended(JOB.cancel(NOW))
    log.rejected(QueueFull(3))
    log.restarted()
    told = [(line["message"], line.get("job")) for line in heard.objects]
    assert told == [
        ("accepted: txt2img, priority 0", JOB.id),
        ("started, attempt 1", JOB.id),
        ("put back after attempt 1", JOB.id),
        ("failed: BackendError: it broke", JOB.id),
        ("cancelled after 0.000 s", JOB.id),
        ("cancelled after no attempt", JOB.id),
        ("not taken: QueueFull", None),
        ("what draws had ended and was started again", None),
    ]
    assert "secret" not in heard.stream.getvalue()
