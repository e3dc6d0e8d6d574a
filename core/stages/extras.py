"""Extras: pictures that exist are enlarged, then their faces are mended."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from core.domain.errors import Interrupted, InvalidValue
from core.domain.geometry import Size, upscale_factor
from core.domain.image import BlobRef, ImageFormat, RasterImage
from core.domain.infotext import quote
from core.domain.limits import RequestLimits, check_request
from core.domain.options import OptionValues
from core.domain.request import ExtrasParams, GenerationRequest, Kind
from core.domain.result import ResultImage
from core.domain.upscaling import NO_UPSCALER, check_upscaler, enlarged, tiling_of
from core.drafts import ImageDraft, RequestDraft, ResultDraft
from core.ports.driven import BlobStore, FaceRestorers, ImageCodec, ImageEditor, RunHooks, Upscalers
from core.stages.encoding import fitting
from core.stages.order import RunControl, RunOrder
from core.stages.staged import Finished, picture_bytes

POSTPROCESSING = "postprocessing"
"""The text chunk that says what was done."""
LONGEST_KEY = 79
_NOT_TEXT = frozenset(("parameters", "xmp", POSTPROCESSING))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtrasTools:
    """What extras work with."""

    hooks: RunHooks
    codec: ImageCodec
    editor: ImageEditor
    blobs: BlobStore
    upscalers: Upscalers
    faces: FaceRestorers
    limits: RequestLimits


class ExtrasStaging:
    """The ``Staging`` of extras."""

    def __init__(self, tools: ExtrasTools) -> None:
        self._tools = tools

    def prepare(self, run_id: str, order: RunOrder) -> ExtrasRun:
        draft = RequestDraft(run_id=run_id, request=order.request, options=order.options)
        self._tools.hooks.prepare(draft)
        check_request(draft.request, self._tools.limits)
        extras = extras_of(draft.request)
        for name, value in used_upscalers(extras).items():
            check_upscaler(name, value, [known.name for known in self._tools.upscalers.all()])
        return ExtrasRun(self._tools, run_id, order, extras, draft)


def extras_of(request: GenerationRequest) -> ExtrasParams:
    if request.kind is not Kind.EXTRAS or request.extras is None:
        raise InvalidValue("kind", request.kind.value, "the kind of a request cannot change")
    return request.extras


def used_upscalers(extras: ExtrasParams) -> Mapping[str, str]:
    """The upscalers that act, by the fields that name them. Without a first one nothing is resized."""
    if extras.upscaler_1 in ("", NO_UPSCALER):
        return {}
    used = {"upscaler_1": extras.upscaler_1}
    if extras.upscaler_2 not in ("", NO_UPSCALER) and extras.upscaler_2_visibility > 0:
        used["upscaler_2"] = extras.upscaler_2
    return used


@dataclass(slots=True)
class _Work:
    """One picture in work. ``done`` says what was done, in order."""

    image: RasterImage
    infotext: str
    texts: dict[str, str]
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        return ", ".join(f"{key}: {quote(value)}" for key, value in self.done.items())


class ExtrasRun:
    """A ``StagedRun``. Pictures are read one by one, so that a long list takes the memory of one."""

    def __init__(
        self, tools: ExtrasTools, run_id: str, order: RunOrder, extras: ExtrasParams, draft: RequestDraft
    ) -> None:
        self._tools = tools
        self._run_id = run_id
        self._order = order
        self._extras = extras
        self._options: OptionValues = draft.options
        self._comments = draft.comments
        self._used = used_upscalers(extras)
        self._faces = self._restorers()
        self._works: list[_Work] = []
        self._drafts: list[ImageDraft] = []

    def execute(self, control: RunControl) -> None:
        control.plan(len(self._extras.images), max(1, len(self._used) + len(self._faces)))
        for index, ref in enumerate(self._extras.images):
            if control.interrupted:
                break
            control.begin_iteration(index, Kind.EXTRAS.value)
            try:
                self._add(self._worked(ref, control))
            except Interrupted:
                continue
        if not self._drafts:
            raise Interrupted

    def finalize(self, *, complete: bool) -> Finished:
        result = ResultDraft(
            run_id=self._run_id,
            images=self._drafts,
            infotexts=[work.infotext for work in self._works],
            comments=self._comments,
        )
        self._tools.hooks.finalize(result)
        outputs = zip(result.images, result.infotexts, strict=True)
        images = tuple(self._result_image(draft, infotext) for draft, infotext in outputs)
        text = html.escape(self._works[-1].summary)
        return Finished(images=images, info={"html_info": f"<p>{text}</p>"}, comments=tuple(result.comments))

    def _restorers(self) -> list[tuple[str, float]]:
        """The face restorers that act, with their visibility; one without weights changes nothing."""
        wanted = (
            ("GFPGAN", self._extras.gfpgan_visibility),
            ("CodeFormer", self._extras.codeformer_visibility),
        )
        here = self._tools.faces.names()
        missing = [name for name, visibility in wanted if visibility > 0 and name not in here]
        self._comments += [f"{name} has no weights here, so faces stayed as they were." for name in missing]
        return [(name, visibility) for name, visibility in wanted if visibility > 0 and name in here]

    def _add(self, work: _Work) -> None:
        frozen = self._order.frozen
        draft = ImageDraft(
            run_id=self._run_id,
            index=len(self._drafts),
            image=work.image,
            prompt="",
            negative_prompt="",
            seed=frozen.seed,
            subseed=frozen.subseed,
        )
        self._tools.hooks.image(draft)
        self._drafts.append(draft)
        self._works.append(work)

    def _worked(self, ref: BlobRef, control: RunControl) -> _Work:
        data = picture_bytes(self._tools.blobs, ref)
        infotext, items = self._tools.codec.read_info(data)
        work = _Work(self._tools.codec.decode(data), infotext, _texts(items))
        control.check()
        if self._used:
            self._enlarge(work, control)
        for name, visibility in self._faces:
            self._mend(work, name, visibility, control)
        work.texts[POSTPROCESSING] = work.summary
        return work

    def _enlarge(self, work: _Work, control: RunControl) -> None:
        extras, editor = self._extras, self._tools.editor
        size = self._target(Size(*work.image.size))
        known = {upscaler.name: upscaler for upscaler in self._tools.upscalers.all()}
        pictures = [
            self._tools.upscalers.upscale(
                name, work.image, size, tiling_of(known[name], self._options), control
            )
            for name in self._used.values()
        ]
        work.image = pictures[0]
        if len(pictures) > 1:
            work.image = editor.blend(pictures[0], pictures[1], extras.upscaler_2_visibility)
        if extras.to_size:
            asked = f"{extras.width}x{extras.height}"
            work.done["Postprocess upscale to"] = asked
            if extras.crop:
                work.image = editor.centre(work.image, extras.width, extras.height)
                work.done["Postprocess crop to"] = asked
        else:
            work.done["Postprocess upscale by"] = float(extras.factor)
        labels = {"upscaler_1": "Postprocess upscaler", "upscaler_2": "Postprocess upscaler 2"}
        work.done.update({labels[key]: name for key, name in self._used.items()})

    def _target(self, source: Size) -> Size:
        """The size after the upscaler, checked before anything of that size is made."""
        extras, largest = self._extras, self._tools.limits.max_pixels
        factor = extras.factor
        if extras.to_size:
            factor = upscale_factor(source, Size(extras.width, extras.height))
        pixels = source.width * source.height * factor * factor
        if pixels > largest:
            raise InvalidValue(
                "upscaling_resize",
                factor,
                f"about {pixels:.0f} pixels would come out, and at most {largest} may",
            )
        return enlarged(source, factor)

    def _mend(self, work: _Work, name: str, visibility: float, control: RunControl) -> None:
        weight = self._extras.codeformer_weight
        mended = self._tools.faces.restore(name, work.image, weight, control)
        work.image = self._tools.editor.blend(work.image, mended, visibility)
        work.done[f"{name} visibility"] = float(visibility)
        if name == "CodeFormer":
            work.done["CodeFormer weight"] = float(weight)

    def _result_image(self, draft: ImageDraft, infotext: str) -> ResultImage:
        options = self._options
        file_format = fitting(cast(ImageFormat, options.text("samples_format")), draft.image)
        keeps = options.flag("enable_pnginfo")
        texts = self._works[draft.index].texts if keeps and draft.index < len(self._works) else {}
        data = self._tools.codec.encode(
            draft.image, file_format, infotext if keeps else None, int(options.number("jpeg_quality")), texts
        )
        return ResultImage(
            blob=self._tools.blobs.put(data),
            format=file_format,
            width=draft.image.width,
            height=draft.image.height,
            seed=draft.seed,
            subseed=draft.subseed,
            infotext=infotext,
            size=len(data),
        )


def _texts(items: Mapping[str, object]) -> dict[str, str]:
    """What the file says of itself in texts, as far as a PNG has a place for it."""
    return {
        key: value
        for key, value in items.items()
        if isinstance(value, str)
        and key not in _NOT_TEXT
        and 0 < len(key) <= LONGEST_KEY
        and key.isascii()
        and "\0" not in key + value
    }
