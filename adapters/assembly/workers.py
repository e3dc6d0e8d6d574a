"""What jobs are drawn in: threads of this process, or a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from adapters.backends.spec import BackendSpec
from adapters.settings import Settings
from adapters.worker.process.blame import Blame
from adapters.worker.process.launching import launch
from adapters.worker.process.supervisor import Supervisor
from adapters.worker.thread import ThreadWorker
from core.jobs.loop import JobLoop
from core.jobs.outage import Outage
from core.jobs.rules import JobRules
from core.ports.driven import ImageBackend


def make_worker(loop: JobLoop, backend: ImageBackend, spare: int, let: Callable[[int], None]) -> ThreadWorker:
    return ThreadWorker(loop, backend.describe().max_runs, spare, let)


def spare_threads(rules: JobRules) -> int:
    """To store what lasts means to wait for a disk; memory is there at once."""
    return 4 if rules.lasting else 0


def make_supervisor(settings: Settings, spec: BackendSpec, blobs: Path, outage: Outage) -> Supervisor:
    """The child is told of the settings what it draws with, and nothing that is secret."""
    plain = settings.model_dump(mode="json", include={"backend", "models", "plugins", "limits", "log"})
    plain["data_dir"] = str(settings.data_dir.absolute())
    plain["backend"]["name"] = spec.name
    blame = Blame()
    hello = {"settings": plain, "blobs": str(blobs), "marks": blame.handle}
    return Supervisor(hello, partial(launch, handles=[blame.handle]), outage=outage, blame=blame)
