"""The whole core wired by hand over stores in memory, without threads: a test runs its jobs itself."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adapters.images.blobs_memory import MemoryBlobStore
from adapters.images.codec_pillow import PillowImageCodec
from adapters.images.editor_pillow import PillowImageEditor
from adapters.images.store_memory import MemoryImageStore
from adapters.images.upscalers import PillowUpscalers
from adapters.jobs.memory import MemoryJobStore
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.options.store_memory import MemoryOptionStore
from adapters.options.styles_memory import MemoryStyleLibrary
from contracts.fakes import LedgerBackend
from core.domain.image import BlobRef, RasterImage
from core.domain.job import Job, JobState, StyleText
from core.domain.limits import RequestLimits
from core.domain.model import ModelIdentity, ModelRef
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest, InitParams, Kind
from core.domain.result import GenerationResult
from core.jobs.acceptance import Acceptance
from core.jobs.previews import preview_format
from core.jobs.rules import JobRules
from core.ports.driven import BackendInfo, ImageBackend, JobStore, RunHooks, RunWatch, Webhooks
from core.prepared import Batch, PreparedRun
from core.processing import process_images
from core.runner import ProcessingRunner
from core.services.options import OptionEditor
from core.stages.execute import Drawing
from core.stages.extra_files import InitFiles
from core.stages.finalize import Finishing
from core.stages.init_pictures import InitPreparing
from core.stages.prepare import Preparing
from core.stages.saving import Saving
from core.stages.workbench import Workbench
from plugins.builtin.file_names import FileNamesPlugin
from plugins.calling import HookRules, OnError
from plugins.hooks import PluggyRunHooks
from plugins.manager import load_plugins
from tests.unit.core.crew import Crew

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = ModelRef(ModelIdentity("sd15-random.safetensors", "5de76cbb7e" + "0" * 54), "somewhere")
OTHER_MODEL = ModelRef(ModelIdentity("folder/other", "ab" * 32), "elsewhere")
VERSION = "v1.10.1-test"


class TickingClock:
    """Each look at it takes a second."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds())

    def seconds(self) -> float:
        return float(next(self._ticks))


class ScriptedBackend(LedgerBackend):
    """A ledger that also keeps what it was handed, and calls back while it draws.

    :ivar on_run: called first; may interrupt, raise, or look.
    """

    def __init__(self, max_runs: int = 1) -> None:
        super().__init__()
        self.runs: list[PreparedRun] = []
        self.batches: list[Batch] = []
        self.loaded: list[ModelRef] = []
        self.closed = 0
        self.on_run: Callable[[PreparedRun, Batch, RunWatch], None] = lambda run, batch, watch: None
        self._max_runs = max_runs

    def describe(self) -> BackendInfo:
        return replace(super().describe(), max_runs=self._max_runs)

    def load(self, model: ModelRef) -> None:
        self.loaded.append(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        self.runs.append(run)
        self.batches.append(batch)
        self.on_run(run, batch, watch)
        return super().execute_run(run, batch, watch)

    def close(self) -> None:
        self.closed += 1


class Workshop:
    """One Serena core. Attributes are its parts.

    :param builtin: of the plugins that come with Serena; None: the one that names files.
    """

    def __init__(
        self,
        *,
        backend: ImageBackend | None = None,
        plugins: Mapping[str, object] | None = None,
        builtin: Sequence[tuple[str, object]] | None = None,
        hooks: RunHooks | None = None,
        on_error: OnError = "fail",
        styles: Sequence[StyleText] = (),
        models: Sequence[ModelRef] = (MODEL, OTHER_MODEL),
        default_model: str | None = None,
        limits: RequestLimits | None = None,
        store: JobStore | None = None,
        changed: Mapping[str, Any] | None = None,
        rules: JobRules | None = None,
        webhooks: Webhooks | None = None,
        files: MemoryImageStore | None = None,
    ) -> None:
        limits = limits or RequestLimits()
        if builtin is None:
            builtin = [("file_names", FileNamesPlugin())]
        loaded = load_plugins(builtin, found=(), objects=list((plugins or {}).items()))
        self.backend = backend or ScriptedBackend()
        self.clock = TickingClock()
        self.store = store or MemoryJobStore()
        self.blobs = MemoryBlobStore()
        self.codec = PillowImageCodec()
        self.editor = PillowImageEditor()
        self.files = files or MemoryImageStore()
        self.registry = OptionRegistry(OPTIONS)
        for one in loaded.settings:
            self.registry.add_group(one.kind, one.specs, one.make)
        self.catalog = FakeModelCatalog(models)
        self.option_store = MemoryOptionStore(changed)
        self.options = OptionEditor(self.registry, self.option_store, self.catalog, default_model)
        seeds = itertools.count(1000)
        self.acceptance = Acceptance(
            options=self.options.values,
            models=self.catalog,
            styles=MemoryStyleLibrary(styles),
            limits=limits,
            random_seed=lambda: next(seeds),
            default_model=default_model,
        )
        self.hooks = hooks or PluggyRunHooks(loaded, HookRules(on_error=on_error, trusted=loaded.builtin))
        runs = itertools.count(1)
        self.runner = ProcessingRunner(
            backend=self.backend,
            hooks=self.hooks,
            preparing=Preparing(
                self.hooks,
                InitPreparing(self.blobs, self.codec, self.editor, InitFiles(self.codec, self.files)),
                limits,
            ),
            drawing=Drawing(self.hooks, self.editor),
            finishing=Finishing(
                hooks=self.hooks,
                codec=self.codec,
                editor=self.editor,
                blobs=self.blobs,
                saving=Saving(self.hooks, self.codec, self.editor, self.files, self.clock),
                marks=self.backend.describe().infotext,
                version=VERSION,
            ),
            workbench=Workbench(self.codec, self.blobs, self.editor, PillowUpscalers(), limits),
            clock=self.clock,
            new_id=lambda: f"run-{next(runs)}",
        )
        process = partial(process_images, runner=self.runner, models=self.catalog, options=self.registry)
        ids = itertools.count(1)
        self.crew = Crew(
            store=self.store,
            blobs=self.blobs,
            codec=self.codec,
            files=self.files,
            hooks=self.hooks,
            acceptance=self.acceptance,
            clock=self.clock,
            rules=rules or JobRules(keep=100),
            process=process,
            new_id=lambda: f"job-{next(ids)}",
            preview_format=preview_format(self.options.values),
            webhooks=webhooks,
        )
        self.live, self.service = self.crew.live, self.crew.service
        self.loop, self.keeper = self.crew.loop, self.crew.keeper

    @property
    def scripted(self) -> ScriptedBackend:
        assert isinstance(self.backend, ScriptedBackend)
        return self.backend

    def draw(self, request: GenerationRequest) -> Job:
        """Submit, run, and give the ended job; raises what it failed with."""
        job_id = self.service.submit(request)
        self.loop.run_next(0)
        return self.service.wait(job_id, 0)

    def result(self, request: GenerationRequest) -> GenerationResult:
        job = self.draw(request)
        assert job.result is not None
        return job.result

    def state(self, job_id: str) -> JobState:
        return next(job.state for job in self.service.jobs() if job.id == job_id)

    def pixels(self, result: GenerationResult, index: int = 0) -> NDArray[np.uint8]:
        return np.asarray(Image.open(io.BytesIO(self.service.image(result.images[index].blob))))

    def put(self, array: NDArray[np.uint8]) -> BlobRef:
        return self.service.put_image(png(array))


def png(array: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def request(**fields: Any) -> GenerationRequest:
    """A small one."""
    defaults: dict[str, Any] = {
        "prompt": "a cat",
        "seed": 7,
        "subseed": 9,
        "width": 16,
        "height": 16,
        "steps": 2,
    }
    return GenerationRequest(**{**defaults, **fields})


def img2img(
    images: Sequence[BlobRef], init: Mapping[str, Any] | None = None, **fields: Any
) -> GenerationRequest:
    params = InitParams(images=tuple(images), **(init or {}))
    return request(kind=Kind.IMG2IMG, init=params, **{"denoising_strength": 0.75, **fields})


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))
