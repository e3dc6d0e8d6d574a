"""The second stage: iterations, hooks around them, and what is done to each picture after sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from core.domain.errors import InvalidValue
from core.domain.image import RasterImage
from core.drafts import BatchDraft, ImageDraft, PicturesDraft
from core.ports.driven import ImageEditor, RunHooks
from core.prepared import Batch
from core.prompt.extra_networks import ExtraNetwork, strip_extra_networks
from core.stages.earlier import BEFORE_COLORS, BEFORE_HIRES, mend_faces
from core.stages.order import Preparation, RunControl
from core.stages.together import Member, grouped, joined

Execute = Callable[[Batch], Sequence[RasterImage]]
ExecuteAs = Callable[[int, Batch], Sequence[RasterImage]]
"""Draws a batch as part of the run at that place."""


class Drawing:
    """Draws all iterations of a run, until it is told to stop."""

    def __init__(self, hooks: RunHooks, editor: ImageEditor) -> None:
        self._hooks = hooks
        self._editor = editor

    def draw(
        self, run_id: str, prepared: Preparation, execute: Execute, control: RunControl
    ) -> list[ImageDraft]:
        """Every picture drawn, in order. A skipped iteration leaves what it had; an interrupt ends the
        rest."""
        request = prepared.request
        control.plan(request.n_iter, 2 if request.hires else 1)
        drawn: list[ImageDraft] = []
        for index in range(request.n_iter):
            if control.interrupted:
                break
            control.begin_iteration(index, _label(index, request.n_iter))
            draft = self._batch(run_id, index, prepared)
            prepared.first_pass.clear()
            batch = _fixed(draft)
            images = execute(batch)
            pictures = self._pictures(draft, batch.marks, images, prepared, len(drawn))
            drawn += self._whole(pictures, prepared, control)
        return drawn

    def draw_together(
        self, members: Sequence[Member], execute: ExecuteAs, control: RunControl
    ) -> Iterator[tuple[int, list[ImageDraft]]]:
        """The place of a run and its pictures, for each run as it is drawn. Each has one iteration and every
        hook for itself; those that differ in texts and seeds only are sampled in one batch."""
        control.plan(1, 2 if members[0].prepared.request.hires else 1)
        drafts = [self._batch(member.run_id, 0, member.prepared) for member in members]
        batches = [_fixed(draft) for draft in drafts]
        for group in grouped(members, batches):
            if control.interrupted:
                return
            control.begin_iteration(group[0], "")
            first_pass = members[group[0]].prepared.first_pass
            first_pass.clear()
            images = execute(group[0], joined([batches[at] for at in group]))
            begun, start = tuple(first_pass), 0
            for at in group:
                prepared, part = members[at].prepared, slice(start, start + len(batches[at].seeds))
                prepared.first_pass[:] = begun[part]
                pictures = self._pictures(drafts[at], batches[at].marks, images[part], prepared, 0)
                yield at, self._whole(pictures, prepared, control)
                start = part.stop

    def _whole(
        self, pictures: Sequence[ImageDraft], prepared: Preparation, control: RunControl
    ) -> list[ImageDraft]:
        """The pictures of one iteration with all that is done to each."""
        found: list[ImageDraft] = []
        for offset, picture in enumerate(pictures):
            mend_faces(picture, prepared, control.check)
            found.append(self._finished(picture, prepared, offset))
        return found

    def _pictures(
        self,
        batch: BatchDraft,
        marks: Sequence[Mapping[str, str]],
        images: Sequence[RasterImage],
        prepared: Preparation,
        before: int,
    ) -> list[ImageDraft]:
        """Those of one iteration, after the plugins have seen them together."""
        pictures = [_image_draft(batch, offset, before, image) for offset, image in enumerate(images)]
        for picture, marked in zip(pictures, marks, strict=False):
            picture.infotext_params.update(marked)
        for picture, first in zip(pictures, prepared.first_pass, strict=False):
            picture.earlier[BEFORE_HIRES] = first
        draft = PicturesDraft(run_id=batch.run_id, index=batch.index, images=pictures)
        self._hooks.after_batch(draft)
        for index, picture in enumerate(draft.images, before):
            picture.index = index
        return draft.images

    def _batch(self, run_id: str, index: int, prepared: Preparation) -> BatchDraft:
        part = slice(index * prepared.request.batch_size, (index + 1) * prepared.request.batch_size)
        draft = BatchDraft(
            run_id=run_id,
            index=index,
            prompts=list(prepared.prompts[part]),
            negative_prompts=list(prepared.negative_prompts[part]),
            hires_prompts=list(prepared.hires_prompts[part]),
            hires_negative_prompts=list(prepared.hires_negative_prompts[part]),
            seeds=list(prepared.seeds[part]),
            subseeds=list(prepared.subseeds[part]),
            options=prepared.options,
            extras=dict(prepared.extras),
            networks_disabled=prepared.request.disable_extra_networks,
        )
        self._hooks.before_batch(draft)
        prepared.told.update(dict.fromkeys(draft.comments))
        return draft

    def _finished(self, draft: ImageDraft, prepared: Preparation, offset: int) -> ImageDraft:
        self._hooks.image(draft)
        if prepared.color_references:
            if prepared.options.flag("save_images_before_color_correction"):
                draft.earlier[BEFORE_COLORS] = self._laid(draft.image, prepared, offset)
            draft.image = self._editor.match_colors(draft.image, _of(prepared.color_references, offset))
        if prepared.overlay is not None:
            draft.painted = draft.image
            draft.image = self._laid(draft.image, prepared, offset)
        self._hooks.after_overlay(draft)
        return draft

    def _laid(self, image: RasterImage, prepared: Preparation, offset: int) -> RasterImage:
        """Under a mask: the original with the picture where it was drawn."""
        overlay = prepared.overlay
        if overlay is None:
            return image
        original = _of(overlay.originals, offset)
        return self._editor.overlay(image, original, overlay.mask, overlay.paste_to)


def _of(pictures: Sequence[RasterImage], offset: int) -> RasterImage:
    """That of a picture of the batch: one for each, or one for all."""
    return pictures[min(offset, len(pictures) - 1)]


def _fixed(draft: BatchDraft) -> Batch:
    """The batch as it is drawn. Extra networks that are disabled are taken out but not handed on."""
    disabled = draft.networks_disabled
    lists: tuple[Sequence[object], ...] = (
        draft.prompts,
        draft.negative_prompts,
        draft.hires_prompts,
        draft.hires_negative_prompts,
        draft.seeds,
        draft.subseeds,
    )
    if len({len(values) for values in lists}) != 1:
        raise InvalidValue(
            "the lists of a batch", [len(values) for values in lists], "a plugin must keep them equally long"
        )
    return Batch(
        index=draft.index,
        prompts=_without_tags(draft.prompts),
        negative_prompts=tuple(draft.negative_prompts),
        hires_prompts=_without_tags(draft.hires_prompts),
        hires_negative_prompts=tuple(draft.hires_negative_prompts),
        seeds=tuple(draft.seeds),
        subseeds=tuple(draft.subseeds),
        networks=() if disabled else _networks(draft.prompts),
        hires_networks=() if disabled else _networks(draft.hires_prompts),
        extras=MappingProxyType(draft.extras),
        marks=tuple({} for _ in draft.seeds),
    )


def _without_tags(prompts: Sequence[str]) -> tuple[str, ...]:
    return tuple(strip_extra_networks(prompt)[0] for prompt in prompts)


def _networks(prompts: Sequence[str]) -> tuple[ExtraNetwork, ...]:
    return strip_extra_networks(prompts[0])[1] if prompts else ()


def _image_draft(batch: BatchDraft, offset: int, before: int, image: RasterImage) -> ImageDraft:
    return ImageDraft(
        run_id=batch.run_id,
        index=before + offset,
        image=image,
        prompt=batch.prompts[offset],
        negative_prompt=batch.negative_prompts[offset],
        seed=batch.seeds[offset],
        subseed=batch.subseeds[offset],
        infotext_params=dict(batch.infotext_params),
    )


def _label(index: int, iterations: int) -> str:
    return f"Batch {index + 1} out of {iterations}" if iterations > 1 else ""
