"""What is missing for every job: who is told, and that no job is taken meanwhile."""

from __future__ import annotations

from core.domain.errors import NotKept, NoWorker, SerenaError
from core.jobs.outage import Outages
from core.jobs.rules import JobRules
from tests.unit.core.workshop import Workshop, request


def test_each_cause_is_told_as_what_it_is() -> None:
    outages, told = Outages(), list[SerenaError]()
    outages.listen(told.append)
    outages.listen(told.append)()
    outages.worker.begin("no worker")
    outages.stored("the disk failed")
    assert [(type(error), str(error)) for error in told] == [
        (NoWorker, "no worker"),
        (NotKept, "the disk failed"),
    ]
    assert outages.reason == "the disk failed"
    outages.stored(None)
    assert outages.reason == "no worker"
    outages.worker.end()
    assert outages.reason is None


def test_no_job_is_taken_while_the_disk_fails() -> None:
    shop = Workshop(rules=JobRules(patient=True))
    outages = shop.crew.outages
    job_id = shop.service.submit(request())
    outages.stored("the disk failed")
    assert shop.loop.run_next(0) is None
    assert shop.service.queue().outage == "the disk failed"
    outages.stored(None)
    assert shop.loop.run_next(0) == job_id
