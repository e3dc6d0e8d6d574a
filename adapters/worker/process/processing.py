"""What the job loop calls instead of ``process_images`` where jobs run in a child."""

from __future__ import annotations

from collections.abc import Callable

from adapters.worker.process.gate import Gate
from adapters.worker.process.run import WatchedRun
from adapters.worker.process.supervisor import Supervisor
from core.domain.errors import Interrupted, WorkerDied
from core.domain.job import Job
from core.domain.model import ModelRef
from core.domain.result import GenerationResult
from core.domain.serial import to_plain


class RemoteProcessing:
    """Sends a job to the child and gives its result back.

    Raises ``WorkerDied`` when the child died with the job in it. A job that lost an attempt so is then run
    without company.

    :param find: the model of a hash.
    :param patience: seconds that a run may go without a sign of life.
    """

    def __init__(
        self, supervisor: Supervisor, find: Callable[[str], ModelRef | None], patience: float
    ) -> None:
        self._supervisor = supervisor
        self._find = find
        self._patience = patience
        self._gate = Gate()

    def __call__(self, job: Job, watched: WatchedRun) -> GenerationResult:
        def given_up() -> bool:
            return watched.token.interrupted

        with self._gate.passage(alone=job.blame > 1, given_up=given_up):
            try:
                return self._run(job, watched, given_up)
            except WorkerDied:
                if given_up():
                    raise Interrupted from None
                raise

    def _run(self, job: Job, watched: WatchedRun, given_up: Callable[[], bool]) -> GenerationResult:
        link = self._supervisor.link(given_up)
        with link.run(watched) as (number, run):
            link.send("run", run=number, job=to_plain(job), models=self._models(job))
            return run.wait(self._patience, link.give_up)

    def _models(self, job: Job) -> list[object]:
        """Those that the job names, so that the child need not hash them once more."""
        frozen = job.frozen
        named = [identity for identity in (frozen.model, frozen.refiner, frozen.hires_model) if identity]
        found = (self._find(identity.sha256) for identity in named)
        return [to_plain(ref) for ref in found if ref is not None]
