"""Jobs to put into stores, and what the store contracts do with them again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.domain.image import BlobRef
from core.domain.job import Delivery, FrozenInputs, Job, JobError, JobId, JobState, Lease
from core.domain.model import ModelIdentity
from core.domain.request import GenerationRequest, InitParams, Kind
from core.domain.result import FileOrder, GenerationResult, Outcome, ResultImage, RunReceipt, SideFile
from core.domain.styles import Style
from core.ports.driven import JobStore

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class MakesJobStores(ABC):
    """Base of the contracts: says how a store is made."""

    @abstractmethod
    def make(self) -> JobStore:
        """A new, empty store."""


def start(job: Job) -> Job:
    return job.start(NOW)


def leased(token: str) -> Callable[[Job], Job]:
    """How ``take`` starts a job under a lease."""
    return lambda job: job.start(NOW, Lease(token=token, worker="worker", until=at(30)))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make_job(
    name: str,
    priority: int = 0,
    *,
    owner: str | None = None,
    client: str | None = None,
    key: str | None = None,
    digest: str = "",
) -> Job:
    frozen = FrozenInputs(seed=1, subseed=2, model=ModelIdentity("model", "0" * 64))
    return Job(
        id=JobId(name),
        request=GenerationRequest(kind=Kind.TXT2IMG, prompt=name),
        frozen=frozen,
        created_at=NOW,
        priority=priority,
        owner=owner,
        client=client,
        key=key,
        digest=digest,
    )


def make_result(name: str, size: int = 10, files: tuple[FileOrder, ...] = ()) -> GenerationResult:
    """One picture of ``size`` bytes, whose blob is called ``<name>-picture``."""
    picture = ResultImage(
        blob=BlobRef(f"{name}-picture"),
        format="png",
        width=8,
        height=16,
        seed=3,
        subseed=4,
        infotext="a cat\nSteps: 2",
        size=size,
    )
    receipt = RunReceipt(
        run_id=f"run-{name}", job_id=name, backend="none", started_at=at(1), finished_at=at(2.5),
        prepare=0.25, execute=1.0, finalize=0.25, outcome=Outcome.SUCCEEDED, notes=("a note",),
    )  # fmt: skip
    info = {"seed": 3, "all_seeds": [3], "clip_skip": 1.5, "nothing": None}
    return GenerationResult(images=(picture,), info=info, receipt=receipt, comments=("slow",), files=files)


def make_files(name: str) -> tuple[FileOrder, ...]:
    beside = (SideFile("txt", BlobRef(f"{name}-text")),)
    picture = FileOrder(
        blob=BlobRef(f"{name}-file"), folder=("outputs", "day"), stem="1-cat", extension="png", image=0,
        beside=beside,
    )  # fmt: skip
    return picture, FileOrder(blob=BlobRef(f"{name}-grid"), folder=(), stem="", extension="webp")


def queued_job(name: str) -> Job:
    """A waiting job with a value in every field that one may have."""
    request = GenerationRequest(
        kind=Kind.IMG2IMG,
        prompt="ein Käfer\0 \U0001f431",
        init=InitParams(images=(BlobRef(f"{name}-input"),)),
        override_settings={"CLIP_stop_at_last_layers": 2},
    )
    frozen = FrozenInputs(
        seed=2**31,
        subseed=5,
        model=ModelIdentity("model", "0" * 64),
        options={"a": [1, 2.5, None, True, "x"]},
        styles=(Style("one", "two", "three"),),
        refiner=ModelIdentity("refiner", "1" * 64),
    )
    return Job(
        id=JobId(name), request=request, frozen=frozen, created_at=NOW, owner="ann", client="tablet",
        priority=-3, key=f"key of {name}", digest="abc", detached=True,
        delivery=Delivery(id="delivery", url="http://127.0.0.1/hook"),
    )  # fmt: skip


def succeeded(name: str, seconds: float = 0, size: int = 10) -> Callable[[Job], Job]:
    """A change that ends a running job ``seconds`` after ``NOW``, with nothing owed."""
    return lambda job: job.succeed(make_result(name, size), at(seconds))


def end(store: JobStore, name: str, seconds: float = 0, size: int = 10) -> None:
    """Put a job, run it and let it succeed."""
    store.put(make_job(name, priority=1_000))
    taken = store.take(start, 0)
    assert taken is not None
    assert taken.id == name
    store.update(JobId(name), succeeded(name, seconds, size))


def forget(store: JobStore, name: str) -> None:
    """Remove a job, ended before if it has not."""

    def ended(job: Job) -> Job:
        return job if job.state.is_final else job.cancel(NOW, token=job.token)

    job = store.update(JobId(name), ended)
    assert store.remove(job) == job


def failed(job: Job) -> Job:
    return job.fail(JobError("BackendError", "no memory"), NOW)


def owing(seconds: float) -> Callable[[Job], Job]:
    """A change that lets something be due ``seconds`` after ``NOW``."""
    return lambda job: replace(job, due_at=at(seconds))


def drain(store: JobStore, timeout: float = 0) -> list[str]:
    """Take until nothing comes."""
    taken: list[str] = []
    while (job := store.take(start, timeout)) is not None:
        taken.append(job.id)
    return taken


def cancel_all(store: JobStore, names: list[str]) -> list[str]:
    """Cancel what is still queued, and tell what that was."""
    return [
        name
        for name in reversed(names)
        if store.update(JobId(name), cancel_if_queued).state is JobState.CANCELLED
    ]


def cancel_if_queued(job: Job) -> Job:
    return job.cancel(NOW) if job.state is JobState.QUEUED else job
