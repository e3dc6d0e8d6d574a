"""Several sources of upscalers as one, and the checks that a request passes before it is queued."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.errors import InvalidValue
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.nearest import offered
from core.domain.request import GenerationRequest
from core.domain.resources import UpscalerRef
from core.domain.upscaling import LATENT_UPSCALERS, Tiling, check_upscaler
from core.ports.driven import Interrogators, RunWatch, Upscalers
from core.stages.extras import used_upscalers
from core.stages.interrogate import check_interrogator


class UpscalerChain:
    """``Upscalers`` of several sources, listed one after the other; the first that has a name keeps it."""

    def __init__(self, *sources: Upscalers) -> None:
        self._sources = sources

    def all(self) -> Sequence[UpscalerRef]:
        found: dict[str, UpscalerRef] = {}
        for source in self._sources:
            for upscaler in source.all():
                found.setdefault(upscaler.name, upscaler)
        return tuple(found.values())

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        for source in self._sources:
            if any(upscaler.name == name for upscaler in source.all()):
                return source.upscale(name, image, size, tiling, watch)
        known = offered(name, (upscaler.name for upscaler in self.all()))
        raise InvalidValue("upscaler", name, f"it must be one of {known}")

    def refresh(self) -> None:
        for source in self._sources:
            source.refresh()


class InstalledTools:
    """What a request may name of upscalers and interrogators: ``check`` is one of acceptance's checks."""

    def __init__(self, upscalers: Upscalers, interrogators: Interrogators) -> None:
        self._upscalers = upscalers
        self._interrogators = interrogators

    def check(self, request: GenerationRequest) -> None:
        """Raises ``InvalidValue`` for an unknown upscaler, ``UnknownModel`` for an unknown interrogator."""
        if request.hires is not None and request.hires.upscaler:
            check_upscaler("hr_upscaler", request.hires.upscaler, (*LATENT_UPSCALERS, *self._names()))
        if request.extras is not None:
            for field, name in used_upscalers(request.extras).items():
                check_upscaler(field, name, self._names())
        if request.interrogate is not None:
            check_interrogator(request.interrogate.model, self._interrogators)

    def _names(self) -> list[str]:
        return [upscaler.name for upscaler in self._upscalers.all()]
