"""The one runner: prepare → execute → finalize, with the hooks after each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from core.domain.errors import UNFORESEEN, BackendError, Interrupted, InvalidValue, SerenaError
from core.domain.request import DRAWN, Kind
from core.domain.result import GenerationResult, Outcome, RunReceipt
from core.drafts import ImageDraft, ScriptResult
from core.ports.driven import Clock, ImageBackend, RunHooks, RunScript
from core.prepared import PreparedRun, seal
from core.stages.compose import compose
from core.stages.execute import Drawing
from core.stages.finalize import Finishing
from core.stages.order import Preparation, RunControl, RunOrder
from core.stages.passes import Pass, Passes
from core.stages.prepare import Preparing
from core.stages.staged import Finished, Staging
from core.stages.together import Member
from core.stages.workbench import Workbench

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

    :param workbench: what scripts handle pictures with.
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
        workbench: Workbench,
        clock: Clock,
        new_id: Callable[[], str],
        staging: Mapping[Kind, Staging] = NO_OTHERS,
    ) -> None:
        self._backend = backend
        self._hooks = hooks
        self._drawn = _DrawnStaging(backend, preparing, drawing, finishing)
        self._finishing = finishing
        self._workbench = workbench
        self._limits = preparing.limits
        self._staging = staging
        self._clock = clock
        self._new_id = new_id

    def run(self, order: RunOrder, control: RunControl) -> GenerationResult:
        """Draw the order, by one pass or, where it names a script, by as many as that makes. An interrupted
        run gives the pictures that exist; a failed one tells the plugins and raises a ``SerenaError``."""
        run_id = self._new_id()
        return self._hooks.guard(
            lambda: self._run(run_id, order, control), lambda error: self._hooks.failed(run_id, error)
        )

    def _run(self, run_id: str, order: RunOrder, control: RunControl) -> GenerationResult:
        with self._telling([run_id]):
            script = self._hooks.script(order.request) if order.request.kind in DRAWN else None
        if script is not None:
            return self._run_script(run_id, order, control, script)
        with self._telling([run_id]):
            return self._stages(run_id, order, control)

    @contextmanager
    def _telling(self, run_ids: Collection[str]) -> Iterator[None]:
        """Plugins hear of a failure of these runs, and it goes on as one of our errors."""
        try:
            yield
        except Interrupted:
            raise
        except Exception as error:
            for run_id in run_ids:
                self._hooks.failed(run_id, error)
            if isinstance(error, SerenaError):
                raise
            log.error("run %s failed unexpectedly", ", ".join(run_ids), exc_info=error)
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
        seconds = prepare, execute, watch.lap()
        return self._result(run_id, order, finished, started_at, seconds, interrupted)

    def _run_script(
        self, run_id: str, order: RunOrder, control: RunControl, script: RunScript
    ) -> GenerationResult:
        started_at, watch = self._clock.now(), _Stopwatch(self._clock, self._clock.seconds())
        passes = Passes(order, control, self._run_passes, self._finishing, self._workbench, self._limits)
        control.stage("execute")
        try:
            result = self._scripted(run_id, order, control, passes, script)
            execute, interrupted = watch.lap(), control.interrupted
            control.stage("finalize")
            with self._telling([run_id]):
                finished = compose(order, passes, result, self._finishing, complete=not interrupted)
        except BaseException:
            passes.drop()
            raise
        finally:
            passes.let_go()
        seconds = 0.0, execute, watch.lap()
        ran = tuple(one.run_id for one in passes.done)
        return self._result(run_id, order, finished, started_at, seconds, interrupted, ran)

    def _scripted(
        self, run_id: str, order: RunOrder, control: RunControl, passes: Passes, script: RunScript
    ) -> ScriptResult:
        """What the script answers. One that was stopped answers with what its passes drew."""
        frozen = order.frozen
        try:
            result = script(replace(order.request, seed=frozen.seed, subseed=frozen.subseed), passes)
        except Interrupted:
            result = ScriptResult(images=list(passes.images))
        except BaseException as error:
            if error is passes.error:  # the plugins have heard of it
                raise
            with self._telling([run_id]):
                raise
        if passes.done:
            return result
        if control.interrupted:
            raise Interrupted
        with self._telling([run_id]):
            name = str(order.request.script_name)
            raise InvalidValue("script_name", name, "it drew nothing for this request")

    def _run_passes(
        self, orders: Sequence[RunOrder], control: RunControl, done: Callable[[Pass], None]
    ) -> None:
        """Draw one order by itself, several together."""
        waiting: list[str] = []
        with self._telling(waiting):
            runs: list[_DrawnRun] = []
            for order in orders:
                waiting.append(self._new_id())
                runs.append(self._drawn.prepare(waiting[-1], order))
            for run in self._drawn.execute(runs, control):
                finished = run.finalize(complete=not control.interrupted)
                done(Pass(run_id=run.run_id, prepared=run.prepared, finished=finished))
                waiting.remove(run.run_id)

    def _result(
        self,
        run_id: str,
        order: RunOrder,
        finished: Finished,
        started_at: datetime,
        seconds: tuple[float, float, float],
        interrupted: bool,
        passes: tuple[str, ...] = (),
    ) -> GenerationResult:
        for comment in finished.comments:
            log.info("job %s: %s", order.job_id, comment)
        prepare, execute, finalize = seconds
        return GenerationResult(
            images=finished.images,
            info=finished.info,
            comments=finished.comments,
            files=finished.files,
            receipt=RunReceipt(
                run_id=run_id,
                job_id=order.job_id,
                backend=self._backend.describe().name,
                started_at=started_at,
                finished_at=self._clock.now(),
                prepare=prepare,
                execute=execute,
                finalize=finalize,
                outcome=Outcome.INTERRUPTED if interrupted else Outcome.SUCCEEDED,
                notes=passes,
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

    def execute(self, runs: Sequence[_DrawnRun], control: RunControl) -> Iterator[_DrawnRun]:
        """Each run as it is drawn; several are sampled together as far as they are alike, unless a plugin
        gave one of them more iterations."""
        if len(runs) == 1 or any(run.prepared.request.n_iter > 1 for run in runs):
            for run in runs:
                run.execute(control)
                yield run
                if control.interrupted:
                    return
            return
        self.backend.load(runs[0].run.model)
        drawn = self.drawing.draw_together(
            [Member(run.run_id, run.prepared) for run in runs],
            lambda at, batch: self.backend.execute_run(runs[at].run, batch, control),
            control,
        )
        for at, drafts in drawn:
            runs[at].drafts = drafts
            yield runs[at]

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
            extras=prepared.extras,
            vae=prepared.vae,
            marks=prepared.marks,
        )


class _DrawnRun:
    """A ``StagedRun`` that a backend draws. Only here is a sealed run handed to it."""

    def __init__(
        self, parts: _DrawnStaging, order: RunOrder, prepared: Preparation, run: PreparedRun
    ) -> None:
        self.run_id = run.run_id
        self.prepared = prepared
        self.run = run
        self.drafts: list[ImageDraft] = []
        self._parts = parts
        self._order = order

    def execute(self, control: RunControl) -> None:
        backend, run = self._parts.backend, self.run
        backend.load(run.model)
        self.drafts = self._parts.drawing.draw(
            run.run_id, self.prepared, lambda batch: backend.execute_run(run, batch, control), control
        )

    def finalize(self, *, complete: bool) -> Finished:
        return self._parts.finishing.finish(
            self.run_id, self._order, self.prepared, self.drafts, complete=complete
        )
