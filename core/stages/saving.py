"""Where pictures are saved, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from core.domain.filenames import ROOM_FOR_NUMBER, fit
from core.domain.folders import folder_parts
from core.domain.image import ImageFormat
from core.domain.options import OptionValues
from core.domain.request import Kind
from core.domain.result import FileOrder, SideFile
from core.drafts import ImageDraft, SavedPicture, SaveDraft
from core.ports.driven import BlobStore, Clock, ImageCodec, ImageEditor, ImageStore, RunHooks
from core.sampling.registry import ResolvedSampling
from core.stages.encoding import encode, fitting
from core.stages.extra_files import ExtraFiles
from core.stages.order import Preparation, RunOrder

GRID_NAME = "grid"


@dataclass(frozen=True, slots=True)
class Place:
    """The run that a picture belongs to."""

    run_id: str
    order: RunOrder
    prepared: Preparation


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A file as it is to be written once the result is committed, and what is to lie beside it, by
    extension."""

    folder: tuple[str, ...]
    stem: str
    extension: str
    data: bytes
    number: bool
    basename: str
    replace: bool
    beside: Mapping[str, bytes]

    def order(self, blobs: BlobStore, image: int | None) -> FileOrder:
        """The same with its bytes in ``blobs``, for the picture of that index."""
        return FileOrder(
            blob=blobs.put(self.data),
            folder=self.folder,
            stem=self.stem,
            extension=self.extension,
            number=self.number,
            basename=self.basename,
            replace=self.replace,
            image=image,
            beside=tuple(SideFile(extension, blobs.put(data)) for extension, data in self.beside.items()),
        )


class Saving:
    """Plans the files below the data folder. Names are what plugins make of them: without any, a file has its
    number only."""

    def __init__(
        self, hooks: RunHooks, codec: ImageCodec, editor: ImageEditor, store: ImageStore, clock: Clock
    ) -> None:
        self._extra_files = ExtraFiles(codec, editor)
        self._hooks = hooks
        self._codec = codec
        self._store = store
        self._clock = clock

    def plan(
        self,
        draft: ImageDraft,
        infotext: str | None,
        place: Place,
        *,
        grid: bool,
        encoded: tuple[ImageFormat, bytes],
        suffix: str = "",
    ) -> PlannedFile | None:
        """The file to write, or None where the options keep nothing. ``encoded`` is used again if it is the
        same picture in the same format. Raises ``StorageError`` where it could not be written now.

        :param suffix: ends the name of a file that belongs to a picture.
        """
        options = place.prepared.options
        if not options.flag("grid_save" if grid else "samples_save"):
            return None
        plan = self._plan(draft, infotext, place, grid, suffix)
        before = (plan.image, plan.infotext)
        self._hooks.before_save(plan)
        plan.stem = fit(plan.stem, spare=ROOM_FOR_NUMBER)
        plan.format = fitting(plan.format, plan.image)
        lossless = _is_lossless(plan, options)
        changed = before != (plan.image, plan.infotext) or plan.format != encoded[0]
        again = changed or lossless or plan.quality is not None
        data = self._encode(plan, infotext, options, lossless) if again else encoded[1]
        # Better now than after the commit: a job fails then with the reason.
        self._store.check(plan.folder, plan.stem, plan.format, len(data))
        return PlannedFile(
            folder=tuple(plan.folder),
            stem=plan.stem,
            extension=plan.format,
            data=data,
            number=grid or options.flag("save_images_add_number") or not plan.stem,
            basename=GRID_NAME if grid else "",
            replace=options.text("save_images_replace_action") == "Replace",
            beside=self._extra_files.make(plan, len(data), options),
        )

    def _encode(self, plan: SaveDraft, infotext: str | None, options: OptionValues, lossless: bool) -> bytes:
        kept = plan.infotext if infotext is not None else None
        return encode(
            self._codec, plan.image, plan.format, kept, options, quality=plan.quality, lossless=lossless
        )

    def _plan(
        self, draft: ImageDraft, infotext: str | None, place: Place, grid: bool, suffix: str
    ) -> SaveDraft:
        options = place.prepared.options
        return SaveDraft(
            run_id=place.run_id,
            image=draft.image,
            infotext=infotext or "",
            folder=list(_output_folder(options, place.prepared.request.kind, grid)),
            stem=suffix.lstrip("-"),
            format=cast(ImageFormat, options.text("grid_format" if grid else "samples_format")),
            grid=grid,
            suffix=suffix,
            picture=self._picture(draft, place),
            options=options,
        )

    def _picture(self, draft: ImageDraft, place: Place) -> SavedPicture:
        order, prepared = place.order, place.prepared
        plan = prepared.plan
        return SavedPicture(
            request=prepared.request,
            index=draft.index,
            prompt=draft.prompt,
            negative_prompt=draft.negative_prompt,
            prompt_no_styles=order.request.prompt,
            seed=draft.seed,
            subseed=draft.subseed,
            seeds=prepared.seeds,
            sampler=plan.sampler.name,
            scheduler=ResolvedSampling(plan.sampler, plan.scheduler).schedule_type,
            model=order.checkpoint.identity,
            accepted_at=order.accepted_at,
            now=self._clock.now(),
        )


def _is_lossless(plan: SaveDraft, options: OptionValues) -> bool:
    wanted = options.flag("webp_lossless") if plan.lossless is None else plan.lossless
    return plan.format == "webp" and wanted


def _output_folder(options: OptionValues, kind: Kind, grid: bool) -> tuple[str, ...]:
    """The configured folder as parts below the data folder. Raises ``InvalidValue`` for one outside."""
    name = f"outdir_{kind.value}_{'grids' if grid else 'samples'}"
    return folder_parts(name, options.text(name))
