"""Several servers over one store, in one process: they may crash, stall and drain, and time is virtual.

Each run has a thread of its own, but only one thread is ever on its way: a run stands still until it is told
how to go on, and who tells it waits until it has.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from adapters.images.blobs_memory import MemoryBlobStore
from adapters.images.codec_pillow import PillowImageCodec
from adapters.images.store_memory import MemoryImageStore
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.options.styles_memory import MemoryStyleLibrary
from core.domain.errors import BackendError, WorkerDied
from core.domain.job import Delivery, Job, JobId, JobState
from core.domain.limits import RequestLimits
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.result import FileOrder, GenerationResult, Outcome, ResultImage, RunReceipt
from core.jobs.acceptance import Acceptance
from core.jobs.live import LiveRun
from core.jobs.rules import JobRules
from core.ports.driven import JobStore, Processes, StoredImage
from plugins.hooks import PluggyRunHooks
from plugins.manager import load_plugins
from tests.unit.core.crew import Crew
from tests.unit.core.workshop import MODEL

LEASE = 30.0
ATTEMPTS = 3
PATIENCE = 20.0

How: TypeAlias = Literal["succeed", "fail", "die", "kill"]
Moment: TypeAlias = Literal["before", "after"]


def nothing() -> None:
    """What happens meanwhile, unless a test says more."""


class KilledError(BaseException):
    """What a thread meets when its process is killed: nothing of ours may catch it and write."""


class VirtualClock:
    """Wall time that may jump, and seconds that never do."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        return self._now

    def seconds(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds

    def jump(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class Registry:
    """What is known of processes: some deaths are seen, others are not."""

    def __init__(self) -> None:
        self.dead: set[str] = set()


@dataclass(frozen=True)
class Standing:
    """A ``Processes``."""

    registry: Registry
    me: str

    def has_died(self, name: str) -> bool:
        return name in self.registry.dead

    def has_company(self) -> bool:
        return True

    def close(self) -> None:
        self.registry.dead.add(self.me)


class Webhook:
    """A receiver that may be away or slow. ``got`` are the delivery ids that arrived."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.away = False
        self.meanwhile: Callable[[], object] = nothing

    def allowed(self, url: str) -> bool:
        return True

    def deliver(self, delivery: Delivery, body: bytes) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, nothing
        meanwhile()
        self.got[delivery.id] += not self.away
        return not self.away


class Files(MemoryImageStore):
    """Those of one server over the disk of all. It may be killed just before or after it writes."""

    def __init__(self, disk: MemoryImageStore) -> None:
        super().__init__()
        self._disk = disk
        self.killed: Moment | None = None
        self.meanwhile: Callable[[], object] = nothing

    def save(self, *args: Any, **more: Any) -> StoredImage:
        if self.killed == "before":
            raise KilledError
        meanwhile, self.meanwhile = self.meanwhile, nothing
        meanwhile()
        stored = self._disk.save(*args, **more)
        if self.killed == "after":
            raise KilledError
        return stored


@dataclass
class Run:
    """A run that stands still."""

    server: Server
    job: Job
    live: LiveRun
    thread: threading.Thread
    orders: queue.Queue[How] = field(default_factory=queue.Queue)

    def go(self, how: How) -> None:
        """Go on, and wait until it has ended."""
        self.orders.put(how)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.server.runs.remove(self)


class Server:
    """One process."""

    def __init__(self, fleet: Fleet, name: str, processes: Processes | None = None) -> None:
        self.name = name
        self.fleet = fleet
        self.runs: list[Run] = []
        self.told: list[Job] = []
        self.files = Files(fleet.disk)
        self._begun: queue.Queue[Run | None] = queue.Queue()
        ids = itertools.count(1)
        self.crew = Crew(
            store=fleet.store,
            blobs=fleet.blobs,
            codec=PillowImageCodec(),
            files=self.files,
            hooks=PluggyRunHooks(load_plugins(found=())),
            acceptance=fleet.acceptance,
            clock=fleet.clock,
            rules=JobRules(lease=timedelta(seconds=LEASE), max_attempts=ATTEMPTS, lasting=True),
            process=self._process,
            new_id=lambda: f"{name}-{next(ids)}",
            processes=processes or Standing(fleet.registry, name),
            webhooks=fleet.webhook,
        )

    def take(self) -> Run | None:
        """Begin the next job, if there is one."""
        threading.Thread(target=self._work, daemon=True).start()
        run = self._begun.get(timeout=PATIENCE)
        if run is not None:
            self.runs.append(run)
        return run

    def _work(self) -> None:
        try:
            if self.crew.loop.run_next(0) is None:
                self._begun.put(None)
        except KilledError:
            pass

    def _process(self, job: Job, live: LiveRun) -> GenerationResult:
        run = Run(self, job, live, threading.current_thread())
        self._begun.put(run)
        how = run.orders.get(timeout=PATIENCE)
        if how == "kill":
            raise KilledError
        if how == "die":
            raise WorkerDied("the worker died")
        if how == "fail":
            raise BackendError("no memory")
        return self._result(job, live)

    def _result(self, job: Job, live: LiveRun) -> GenerationResult:
        """One picture that depends on the job only, saved once; ``info`` says which run drew it."""
        data = f"picture of {job.id}".encode()
        now = self.fleet.clock.now()
        picture = ResultImage(
            blob=self.fleet.blobs.put(data), format="png", width=8, height=8, seed=1, subseed=1, infotext=""
        )
        receipt = RunReceipt(
            run_id=job.token or "", job_id=job.id, backend="none", started_at=now, finished_at=now,
            prepare=0, execute=0, finalize=0,
            outcome=Outcome.INTERRUPTED if live.interrupted else Outcome.SUCCEEDED,
        )  # fmt: skip
        order = FileOrder(
            blob=self.fleet.blobs.put(data), folder=("out",), stem=job.id, extension="png", image=0
        )
        return GenerationResult(images=(picture,), info={}, receipt=receipt, files=(order,))


class Fleet:
    """The store, what all servers share, and the servers that live."""

    def __init__(self, store: JobStore, disk: MemoryImageStore | None = None) -> None:
        self.store = store
        self.clock = VirtualClock()
        self.blobs = MemoryBlobStore()
        self.disk = disk or MemoryImageStore()
        self.registry = Registry()
        self.webhook = Webhook()
        seeds = itertools.count(1)
        self.acceptance = Acceptance(
            options=lambda: OptionRegistry(OPTIONS).values({}),
            models=FakeModelCatalog([MODEL]),
            styles=MemoryStyleLibrary(()),
            limits=RequestLimits(),
            random_seed=lambda: next(seeds),
        )
        self._names = itertools.count(1)
        self.servers: list[Server] = []

    @property
    def runs(self) -> list[Run]:
        return [run for server in self.servers for run in server.runs]

    def start(self) -> Server:
        server = Server(self, f"server{next(self._names)}")
        self.servers.append(server)
        return server

    def crash(self, server: Server, *, seen: bool) -> None:
        """Kill it. ``seen``: the others can tell that it is dead."""
        self.servers.remove(server)
        for run in list(server.runs):
            run.go("kill")
        if seen:
            self.registry.dead.add(server.name)

    def crash_while_saving(self, run: Run, moment: Moment) -> None:
        """Kill a server between the commit of a result and the end of its saving."""
        run.server.files.killed = moment
        run.go("succeed")
        self.crash(run.server, seen=True)

    def drain(self, server: Server) -> None:
        """Stop it as SIGTERM does, with no patience."""
        server.crew.service.drain(0)
        for run in list(server.runs):
            run.go("succeed")
        self.servers.remove(server)
        self.registry.dead.add(server.name)

    def tick(self) -> None:
        for server in self.servers:
            server.crew.look_after()

    def settle(self) -> None:
        """Let one new server end whatever has not ended."""
        for server in list(self.servers):
            self.drain(server)
        self.webhook.away = False
        server = self.start()
        for _ in range(3):
            self.clock.advance(2 * 3600)
            self.tick()
        while (run := server.take()) is not None:
            run.go("succeed")
        for _ in range(3):
            self.clock.advance(2 * 3600)
            self.tick()

    def files(self) -> Counter[str]:
        """How many there are of each job; their names end in its id."""
        return Counter(name.partition("-")[2].removesuffix(".png") for name in self.disk.files)

    def files_of(self, job_id: JobId) -> int:
        return self.files()[job_id]

    def job(self, job_id: JobId) -> Job:
        job = self.store.get(job_id)
        assert job is not None, f"{job_id} is lost"
        return job

    def states(self, wanted: JobState) -> list[Job]:
        return [job for job in self.store.all() if job.state is wanted]
