"""The numbers behind ``/metrics``. Each server has its own; nothing is global."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.version import VERSION
from core.domain import errors
from core.domain.errors import SerenaError
from core.domain.job import Job, JobState
from core.ports.driving import ControlJobs
from plugins.counting import HookCount

WAITS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
RUNS = (0.05, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
STEPS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
ANSWERS = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

REASONS: dict[type[SerenaError], str] = {
    errors.QueueFull: "queue_full",
    errors.NotReady: "not_ready",
    errors.KeyReused: "key_reused",
    errors.JobConflict: "conflict",
    errors.StorageError: "storage",
    errors.InvalidRequest: "invalid",
}
"""The first base that fits."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
OTHER = "other"


class Metrics:
    """``JobEvents`` and finished requests, counted. Labels take few values, whatever callers send."""

    def __init__(
        self, jobs: ControlJobs, backend: str, plugins: Callable[[], Sequence[HookCount]] = tuple
    ) -> None:
        own = self._registry = CollectorRegistry()
        ProcessCollector(registry=own)
        own.register(_Queue(jobs))
        own.register(_Plugins(plugins))
        Info("serena", "What runs", registry=own).info({"version": VERSION, "backend": backend})
        self._accepted = Counter("serena_jobs_accepted", "Jobs that were queued", ["kind"], registry=own)
        self._rejected = Counter(
            "serena_jobs_rejected", "Requests that became no job", ["reason"], registry=own
        )
        self._requeued = Counter("serena_jobs_requeued", "Attempts that ended before their job", registry=own)
        self._cancelled = Counter("serena_cancels", "Jobs that were cancelled", ["kind", "was"], registry=own)
        self._images = Counter("serena_images", "Pictures of jobs that ended", ["kind"], registry=own)
        self._restarts = Counter(
            "serena_backend_restarts", "How often what draws was started again", registry=own
        )
        self._waited = Histogram(
            "serena_queue_seconds",
            "From acceptance to the start of an attempt",
            ["kind"],
            buckets=WAITS,
            registry=own,
        )
        self._ran = Histogram(
            "serena_job_seconds",
            "From the start of the last attempt to the end",
            ["kind", "outcome"],
            buckets=RUNS,
            registry=own,
        )
        self._stepped = Histogram("serena_step_seconds", "One sampling step", buckets=STEPS, registry=own)
        self._requests = Histogram(
            "serena_http_request_seconds",
            "From a request to the last byte of its answer",
            ["method", "route", "status"],
            buckets=ANSWERS,
            registry=own,
        )

    def accepted(self, job: Job) -> None:
        self._accepted.labels(job.request.kind.value).inc()

    def rejected(self, error: SerenaError) -> None:
        reason = next((name for kind, name in REASONS.items() if isinstance(error, kind)), OTHER)
        self._rejected.labels(reason).inc()

    def started(self, job: Job) -> None:
        if job.started_at is not None:
            waited = (job.started_at - job.created_at).total_seconds()
            self._waited.labels(job.request.kind.value).observe(max(0.0, waited))

    def stepped(self, job: Job, seconds: float) -> None:
        self._stepped.observe(seconds)

    def requeued(self, job: Job) -> None:
        self._requeued.inc()

    def ended(self, job: Job) -> None:
        kind = job.request.kind.value
        if job.started_at is not None and job.finished_at is not None:
            ran = (job.finished_at - job.started_at).total_seconds()
            self._ran.labels(kind, job.state.value).observe(max(0.0, ran))
        if job.state is JobState.CANCELLED:
            self._cancelled.labels(kind, "queued" if job.started_at is None else "running").inc()
        if job.result is not None:
            self._images.labels(kind).inc(len(job.result.images))

    def restarted(self) -> None:
        self._restarts.inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """
        :param route: as it is declared, ``{}`` and all; never the path that was asked for.
        """
        method = method if method in METHODS else OTHER
        self._requests.labels(method, route, str(status)).observe(seconds)

    def render(self) -> bytes:
        """In Prometheus' text format. It asks the job store."""
        return generate_latest(self._registry)


class _Queue(Collector):
    """Looked up when somebody asks, so that it is right after a restart too."""

    def __init__(self, jobs: ControlJobs) -> None:
        self._jobs = jobs

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks no store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        queue = self._jobs.queue()
        states = GaugeMetricFamily("serena_jobs", "Jobs that are kept, by state", labels=["state"])
        for state in JobState:
            states.add_metric([state.value], queue.counts.get(state, 0))
        yield states
        waiting = queue.counts.get(JobState.QUEUED, 0)
        yield GaugeMetricFamily("serena_queue_length", "Jobs that wait", value=waiting)
        yield GaugeMetricFamily("serena_draining", "1 while no more jobs are taken", value=queue.draining)
        out = queue.outage is not None
        yield GaugeMetricFamily("serena_outage", "1 while nothing can be drawn or kept", value=out)


class _Plugins(Collector):
    """What each plugin has cost, hook by hook."""

    def __init__(self, counts: Callable[[], Sequence[HookCount]]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks nobody."""
        return ()

    def collect(self) -> Iterator[Metric]:
        labels = ["plugin", "hook"]
        calls = CounterMetricFamily("serena_plugin_calls", "Calls of hooks that came back", labels=labels)
        seconds = CounterMetricFamily("serena_plugin_seconds", "What they took", labels=labels)
        failures = CounterMetricFamily(
            "serena_plugin_failures", "Calls of hooks that raised or were given up", labels=labels
        )
        for one in self._counts():
            key = [one.plugin, one.hook]
            calls.add_metric(key, one.calls)
            seconds.add_metric(key, one.seconds)
            failures.add_metric(key, one.failures)
        yield from (calls, seconds, failures)
