"""The one runner: prepare → execute → finalize, with the hooks after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.domain.errors import BackendError, SerenaError
from core.domain.result import GenerationResult, Outcome, RunReceipt
from core.ports.driven import Clock, ImageBackend, RunHooks
from core.prepared import PreparedRun, seal
from core.stages.execute import Drawing
from core.stages.finalize import Finishing
from core.stages.order import Preparation, RunControl, RunOrder
from core.stages.prepare import Preparing


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
    """Runs orders. Safe from several threads at once; it keeps nothing between runs."""

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
    ) -> None:
        self._backend = backend
        self._hooks = hooks
        self._preparing = preparing
        self._drawing = drawing
        self._finishing = finishing
        self._clock = clock
        self._new_id = new_id

    def run(self, order: RunOrder, control: RunControl) -> GenerationResult:
        """Draw the order. An interrupted run gives the pictures that exist; a failed one tells the plugins
        and raises a ``SerenaError``."""
        run_id = self._new_id()
        try:
            return self._stages(run_id, order, control)
        except Exception as error:
            self._hooks.failed(run_id, error)
            if isinstance(error, SerenaError):
                raise
            raise BackendError(_sentence(error)) from error

    def _stages(self, run_id: str, order: RunOrder, control: RunControl) -> GenerationResult:
        started_at, watch = self._clock.now(), _Stopwatch(self._clock, self._clock.seconds())
        control.stage("prepare")
        prepared = self._preparing.prepare(run_id, order)
        run = self._sealed(run_id, order, prepared)
        prepare = watch.lap()

        control.stage("execute")
        self._backend.load(order.model)
        drawn = self._drawing.draw(
            run_id, prepared, lambda batch: self._backend.execute_run(run, batch, control), control
        )
        execute, interrupted = watch.lap(), control.interrupted

        control.stage("finalize")
        images, info, comments = self._finishing.finish(
            run_id, order, prepared, drawn, complete=not interrupted
        )
        return GenerationResult(
            images=images,
            info=info,
            comments=comments,
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

    def _sealed(self, run_id: str, order: RunOrder, prepared: Preparation) -> PreparedRun:
        return PreparedRun(
            seal=seal(),
            run_id=run_id,
            request=prepared.request,
            model=order.model,
            plan=prepared.plan,
            options=prepared.options,
            init=prepared.init,
            hires=prepared.hires,
            extras={},
        )


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return f"the run failed: {type(error).__name__}: {text}"
