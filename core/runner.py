"""The one runner: prepare → execute → finalize, with the hooks after each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.domain.errors import UNFORESEEN, BackendError, Interrupted, SerenaError
from core.domain.request import Kind
from core.domain.result import GenerationResult, Outcome, RunReceipt
from core.drafts import ImageDraft
from core.ports.driven import Clock, ImageBackend, RunHooks
from core.prepared import PreparedRun, seal
from core.stages.execute import Drawing
from core.stages.finalize import Finishing
from core.stages.order import Preparation, RunControl, RunOrder
from core.stages.prepare import Preparing
from core.stages.staged import Finished, Staging

log = logging.getLogger("serena.runner")

NO_OTHERS: Mapping[Kind, Staging] = MappingProxyType({})


@dataclass(slots=True)
class _Stopwatch:
    """Seconds of the stages done so far."""

    clock: Clock
    last: float

    def lap(self) -> float:
        now = self.clock.seconds()
        passed, self.last = now - self.last, now
        return passed


class ProcessingRunner:
    """Runs orders. Safe from several threads at once; it keeps nothing between runs.

    :param staging: of the kinds that no backend draws.
    """

    def __init__(
        self,
        *,
        backend: ImageBackend,
        hooks: RunHooks,
        preparing: Preparing,
        drawing: Drawing,
        finishing: Finishing,
        clock: Clock,
        new_id: Callable[[], str],
        staging: Mapping[Kind, Staging] = NO_OTHERS,
    ) -> None:
        self._backend = backend
        self._hooks = hooks
        self._drawn = _DrawnStaging(backend, preparing, drawing, finishing)
        self._staging = staging
        self._clock = clock
        self._new_id = new_id

    def run(self, order: RunOrder, control: RunControl) -> GenerationResult:
        """Draw the order. An interrupted run gives the pictures that exist; a failed one tells the plugins
        and raises a ``SerenaError``."""
        run_id = self._new_id()
        try:
            return self._stages(run_id, order, control)
        except Interrupted:
            raise
        except Exception as error:
            self._hooks.failed(run_id, error)
            if isinstance(error, SerenaError):
                raise
            log.error("run %s failed unexpectedly", run_id, exc_info=error)
            raise BackendError(UNFORESEEN) from error

    def _stages(self, run_id: str, order: RunOrder, control: RunControl) -> GenerationResult:
        started_at, watch = self._clock.now(), _Stopwatch(self._clock, self._clock.seconds())
        control.stage("prepare")
        staged = self._staging.get(order.request.kind, self._drawn).prepare(run_id, order)
        prepare = watch.lap()

        control.stage("execute")
        staged.execute(control)
        execute, interrupted = watch.lap(), control.interrupted

        control.stage("finalize")
        finished = staged.finalize(complete=not interrupted)
        return GenerationResult(
            images=finished.images,
            info=finished.info,
            comments=finished.comments,
            receipt=RunReceipt(
                run_id=run_id,
                job_id=order.job_id,
                backend=self._backend.describe().name,
                started_at=started_at,
                finished_at=self._clock.now(),
                prepare=prepare,
                execute=execute,
                finalize=watch.lap(),
                outcome=Outcome.INTERRUPTED if interrupted else Outcome.SUCCEEDED,
            ),
        )


@dataclass(frozen=True, slots=True)
class _DrawnStaging:
    """The ``Staging`` of the kinds that the backend draws."""

    backend: ImageBackend
    preparing: Preparing
    drawing: Drawing
    finishing: Finishing

    def prepare(self, run_id: str, order: RunOrder) -> _DrawnRun:
        prepared = self.preparing.prepare(run_id, order)
        return _DrawnRun(self, order, prepared, self._sealed(run_id, order, prepared))

    def _sealed(self, run_id: str, order: RunOrder, prepared: Preparation) -> PreparedRun:
        return PreparedRun(
            seal=seal(),
            run_id=run_id,
            request=prepared.request,
            model=order.checkpoint,
            plan=prepared.plan,
            options=prepared.options,
            init=prepared.init,
            hires=prepared.hires,
            refiner=prepared.refiner,
            extras={},
        )


class _DrawnRun:
    """A ``StagedRun`` that a backend draws. Only here is a sealed run handed to it."""

    def __init__(
        self, parts: _DrawnStaging, order: RunOrder, prepared: Preparation, run: PreparedRun
    ) -> None:
        self._parts = parts
        self._order = order
        self._prepared = prepared
        self._run = run
        self._drafts: list[ImageDraft] = []

    def execute(self, control: RunControl) -> None:
        backend, run = self._parts.backend, self._run
        backend.load(run.model)
        self._drafts = self._parts.drawing.draw(
            run.run_id, self._prepared, lambda batch: backend.execute_run(run, batch, control), control
        )

    def finalize(self, *, complete: bool) -> Finished:
        images, info, comments = self._parts.finishing.finish(
            self._run.run_id, self._order, self._prepared, self._drafts, complete=complete
        )
        return Finished(images=images, info=info, comments=comments)
