"""The passes of a script: each is a whole run of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.domain.errors import Interrupted, InvalidValue
from core.domain.image import BlobRef, RasterImage
from core.domain.limits import RequestLimits
from core.domain.model import ModelRef
from core.domain.options import MODEL_OPTION
from core.domain.request import GenerationRequest
from core.domain.seeds import MAX_RANDOM_SEED, RANDOM_SEED
from core.domain.unchosen import NONE, SAME_CHECKPOINT, chosen
from core.drafts import NO_OPTIONS, DrawnImage
from core.stages.finalize import Finishing
from core.stages.lookup import unknown_model
from core.stages.order import Preparation, RunControl, RunOrder
from core.stages.pass_control import PassControl
from core.stages.staged import Finished
from core.stages.workbench import Workbench

ONLY_PICTURES = {
    "return_grid": False,
    "grid_save": False,
    "return_mask": False,
    "return_mask_composite": False,
}
"""A script makes its own grids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass that was drawn: its run, what was prepared for it, and what came out."""

    run_id: str
    prepared: Preparation
    finished: Finished


RunPasses = Callable[[Sequence[RunOrder], RunControl, Callable[[Pass], None]], None]
"""Draws one order, or several of one picture each together, and tells of each pass that is done."""


class Passes:
    """The ``Draw`` of one script's run.

    :ivar done: what was drawn so far.
    :ivar error: what a pass ended with; it was told to the plugins then.
    """

    def __init__(
        self,
        order: RunOrder,
        control: RunControl,
        run_passes: RunPasses,
        finishing: Finishing,
        workbench: Workbench,
        limits: RequestLimits,
    ) -> None:
        self.done: list[Pass] = []
        self.images: list[DrawnImage] = []
        self.error: BaseException | None = None
        self._order = order
        self._control = control
        self._run_passes = run_passes
        self._finishing = finishing
        self._workbench = workbench
        self._limits = limits
        self._kept: list[BlobRef] = []
        self._expected = 0
        self._begun = 0
        self._planned = 0

    def __call__(
        self, request: GenerationRequest, options: Mapping[str, Any] = NO_OPTIONS
    ) -> tuple[DrawnImage, ...]:
        return self._draw([request], options)

    def each(
        self,
        requests: Sequence[GenerationRequest],
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        at_once: int = 1,
    ) -> tuple[DrawnImage, ...]:
        if any(request.batch_size * request.n_iter > 1 for request in requests):
            at_once = 1
        found: list[DrawnImage] = []
        for start in range(0, len(requests), max(1, at_once)):
            found += self._draw(requests[start : start + max(1, at_once)], options)
        return tuple(found)

    def _draw(
        self, requests: Sequence[GenerationRequest], options: Mapping[str, Any]
    ) -> tuple[DrawnImage, ...]:
        if self._control.interrupted:
            raise Interrupted
        control = PassControl(self._control, self._begun, max(self._expected, self._begun + len(requests)))
        orders: list[RunOrder] = []
        for request in requests:
            orders.append(self._order_of(request, options))
            self._count(request)
            self._begun += 1
        before = len(self.images)
        try:
            self._run_passes(orders, control, self._drawn)
        except BaseException as error:
            self.error = error
            raise
        return tuple(self.images[before:])

    @property
    def seed_is_random(self) -> bool:
        return self._order.request.seed == RANDOM_SEED

    @property
    def upscalers(self) -> tuple[str, ...]:
        return self._workbench.upscalers()

    def open(self, image: BlobRef) -> RasterImage:
        return self._workbench.open(image, self._order.options)

    def upscale(self, image: RasterImage, upscaler: str, factor: float) -> RasterImage:
        return self._workbench.upscale(image, upscaler, factor, self._order.options, self._control.check)

    def expect(self, passes: int, images: int | None = None) -> None:
        request = self._order.request
        if images is None:
            images = passes * request.batch_size * request.n_iter
        if images > self._limits.max_images:
            raise InvalidValue(
                f"pictures of the script {request.script_name}",
                images,
                f"at most {self._limits.max_images} may be asked for at once",
            )
        self._expected = passes

    def keep(self, image: RasterImage) -> BlobRef:
        self._kept.append(self._workbench.keep(image))
        return self._kept[-1]

    def let_go(self) -> None:
        """Drop the pictures that passes started from."""
        self._finishing.let_go(self._kept)

    def drop(self) -> None:
        """Drop everything that was drawn: nobody will ask for it."""
        for drawn in self.done:
            self._finishing.let_go(image.blob for image in drawn.finished.images)
            self._finishing.let_go(ref for order in drawn.finished.files for ref in order.blobs())

    def _count(self, request: GenerationRequest) -> None:
        """A script that did not say how much it will draw is stopped at the limit all the same."""
        self._planned += request.batch_size * request.n_iter
        if self._planned > self._limits.max_images:
            raise InvalidValue(
                f"pictures of the script {self._order.request.script_name}",
                self._planned,
                f"at most {self._limits.max_images} may be asked for at once",
            )

    def _order_of(self, request: GenerationRequest, options: Mapping[str, Any]) -> RunOrder:
        order = self._order
        frozen = replace(
            order.frozen,
            seed=self._seed(request.seed, order.frozen.seed, "seed"),
            subseed=self._seed(request.subseed, order.frozen.subseed, "subseed"),
        )
        return replace(
            order,
            request=replace(request, script_name=None, script_args=()),
            frozen=frozen,
            options=order.options.overlay({**options, **ONLY_PICTURES}),
            model=self._model(str(options.get(MODEL_OPTION) or ""), order.model),
            refiner=self._refiner(request.refiner_checkpoint),
        )

    def _seed(self, wanted: int, of_job: int, kind: str) -> int:
        """A random seed follows from that of the job, so that a retry draws the same pictures."""
        if wanted != RANDOM_SEED:
            return wanted
        digest = hashlib.sha256(f"{kind} {of_job} {self._begun}".encode()).digest()
        return int.from_bytes(digest[:8]) % (MAX_RANDOM_SEED + 1)

    def _refiner(self, name: str | None) -> ModelRef | None:
        if name == self._order.request.refiner_checkpoint:
            return self._order.refiner
        return self._model(chosen(name, SAME_CHECKPOINT, NONE) or "", None)

    def _model(self, name: str, otherwise: ModelRef | None) -> ModelRef | None:
        models = self._order.models
        if not name or models is None:
            return otherwise
        found = models.find(name)
        if found is None:
            raise unknown_model(name, models)
        return found

    def _drawn(self, drawn: Pass) -> None:
        self.done.append(drawn)
        finished = drawn.finished
        self.images += (
            DrawnImage(
                number=number,
                image=draft.image,
                infotext=image.infotext,
                prompt=draft.prompt,
                negative_prompt=draft.negative_prompt,
                seed=draft.seed,
                subseed=draft.subseed,
            )
            for number, (draft, image) in enumerate(
                zip(finished.drafts, finished.images, strict=True), len(self.images)
            )
        )
