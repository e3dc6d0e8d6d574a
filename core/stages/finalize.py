"""The third stage: infotexts, hooks, grid, encoding, saving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, cast

from core.domain.geometry import grid_shape, makes_grid
from core.domain.image import BlobRef, ImageFormat, RasterImage
from core.domain.options import OptionValues
from core.domain.result import FileOrder, ResultImage
from core.drafts import GridDraft, ImageDraft, ResultDraft
from core.ports.driven import BlobStore, ImageCodec, ImageEditor, RunHooks
from core.stages.encoding import encode, fitting
from core.stages.masks import mask_pictures
from core.stages.order import Preparation, RunOrder
from core.stages.parameters import PictureText, info_object
from core.stages.saving import Place, PlannedFile, Saving
from core.stages.staged import Finished

T = TypeVar("T")
Role = Literal["picture", "grid", "beside"]


@dataclass(frozen=True, slots=True)
class SheetToWrite:
    """A picture that a script made of others. ``grid``: it is kept where grids are."""

    draft: ImageDraft
    infotext: str
    grid: bool


@dataclass(frozen=True, slots=True)
class _Output:
    """One picture of the answer or of the disk. ``infotext`` is None for masks: they carry none.

    :ivar suffix: ends the name of the file of what belongs to a picture.
    """

    draft: ImageDraft
    infotext: str | None
    role: Role
    suffix: str = ""
    returned: bool = True
    saved: bool = True


@dataclass(frozen=True, slots=True)
class _Written:
    """An output encoded, and the file to make of it."""

    output: _Output
    format: ImageFormat
    data: bytes
    file: PlannedFile | None


class Finishing:
    """Turns drafts into the result. Pictures of interrupted runs are not saved unless the options say so.

    :param version: what infotexts say in ``Version``.
    """

    def __init__(
        self,
        *,
        hooks: RunHooks,
        codec: ImageCodec,
        editor: ImageEditor,
        blobs: BlobStore,
        saving: Saving,
        marks: Mapping[str, str],
        version: str,
    ) -> None:
        self._hooks = hooks
        self._codec = codec
        self._editor = editor
        self._blobs = blobs
        self._saving = saving
        self._marks = marks
        self._version = version

    def finish(
        self, run_id: str, order: RunOrder, prepared: Preparation, drawn: list[ImageDraft], *, complete: bool
    ) -> Finished:
        """The result, and the files that are to be written once it is committed. Raises ``StorageError`` or
        ``PluginError``."""
        prepared = _as_drawn(prepared, drawn)
        text = PictureText(order, prepared, self._marks, self._version)
        result = ResultDraft(
            run_id=run_id,
            images=drawn,
            infotexts=[text.write(draft) for draft in drawn],
            comments=[*prepared.comments, *prepared.told],
        )
        self._hooks.finalize(result)
        options = prepared.options
        outputs = [*self._grid(result, prepared), *self._outputs(result, prepared)]
        saves = prepared.request.save_images and (complete or options.flag("save_incomplete_images"))
        place = Place(run_id, order, prepared)
        written = [self._write(output, options, place, saves) for output in outputs]
        returned = [one for one in written if one.output.returned]
        first = result.first_image + (1 if returned and returned[0].output.role == "grid" else 0)
        texts = [one.output.infotext for one in returned if one.output.infotext is not None]
        # Blobs come last, so that a plugin or a disk that refuses a picture leaves none behind.
        return Finished(
            images=tuple(map(self._kept, returned)),
            info=info_object(order, prepared, texts, first, self._version),
            comments=tuple(result.comments),
            files=tuple(self._orders(written)),
            drafts=tuple(one.output.draft for one in returned),
        )

    def sheets(self, made: Iterable[SheetToWrite], place: Place, *, saves: bool) -> list[Finished]:
        """Pictures that a script made of others, each with the file that the options want of a grid, or of a
        picture."""
        options = place.prepared.options
        outputs = [_Output(one.draft, one.infotext, "grid" if one.grid else "picture") for one in made]
        written = [self._write(output, options, place, saves) for output in outputs]
        # Blobs come last here as well.
        return [
            Finished(images=(self._kept(one),), info={}, files=tuple(self._orders([one]))) for one in written
        ]

    def let_go(self, refs: Iterable[BlobRef]) -> None:
        for ref in refs:
            self._blobs.release(ref)

    def _outputs(self, result: ResultDraft, prepared: Preparation) -> list[_Output]:
        outputs: list[_Output] = []
        for draft, infotext in zip(result.images, result.infotexts, strict=True):
            outputs += [
                _Output(_with_image(draft, before), infotext, "beside", ending, returned=False)
                for ending, before in draft.earlier.items()
            ]
            outputs.append(_Output(draft, infotext, "picture"))
            outputs += [
                _Output(
                    _with_image(draft, mask.image), None, "beside", mask.suffix, mask.returned, mask.saved
                )
                for mask in mask_pictures(draft, prepared, self._editor)
            ]
        return outputs

    def _grid(self, result: ResultDraft, prepared: Preparation) -> list[_Output]:
        """The grid, if one is wanted."""
        request, options = prepared.request, prepared.options
        count = len(result.images)
        wanted = makes_grid(
            count,
            wanted=options.flag("return_grid") or options.flag("grid_save"),
            do_not_save_grid=not request.save_images,
            only_if_multiple=options.flag("grid_only_if_multiple"),
        )
        if not wanted or count == 0 or result.first_image > 0:
            return []
        rows, columns = grid_shape(
            count,
            n_rows=int(options.number("n_rows")),
            batch_size=request.batch_size,
            prevent_empty_spots=options.flag("grid_prevent_empty_spots"),
        )
        sheet = GridDraft(
            run_id=result.run_id,
            images=[draft.image for draft in result.images],
            columns=columns,
            rows=rows,
            background=options.text("grid_background_color"),
        )
        self._hooks.grid(sheet)
        if not sheet.images:
            return []
        image = self._editor.grid(sheet.images, sheet.columns, sheet.rows, sheet.background)
        returned = options.flag("return_grid")
        return [_Output(_with_image(result.images[0], image), result.infotexts[0], "grid", returned=returned)]

    def _write(self, output: _Output, options: OptionValues, place: Place, saves: bool) -> _Written:
        """Encode a picture, and plan its file where the options want one."""
        image = output.draft.image
        file_format = fitting(cast(ImageFormat, options.text("samples_format")), image)
        data = encode(self._codec, image, file_format, output.infotext, options)
        file = None
        if saves and output.saved:
            file = self._saving.plan(
                output.draft,
                output.infotext,
                place,
                grid=output.role == "grid",
                encoded=(file_format, data),
                suffix=output.suffix,
            )
        return _Written(output, file_format, data, file)

    def _kept(self, written: _Written) -> ResultImage:
        draft = written.output.draft
        return ResultImage(
            blob=self._blobs.put(written.data),
            format=written.format,
            width=draft.image.width,
            height=draft.image.height,
            seed=draft.seed,
            subseed=draft.subseed,
            infotext=written.output.infotext or "",
            size=len(written.data),
        )

    def _orders(self, written: Sequence[_Written]) -> Iterator[FileOrder]:
        index = 0
        for one in written:
            if one.file is not None:
                yield one.file.order(self._blobs, index if one.output.returned else None)
            index += one.output.returned


def _as_drawn(prepared: Preparation, drawn: Sequence[ImageDraft]) -> Preparation:
    """With the prompts and seeds that plugins gave to single pictures."""
    found = {draft.index: draft for draft in drawn if draft.index < len(prepared.prompts)}

    def each(planned: Sequence[T], name: str) -> tuple[T, ...]:
        return tuple(getattr(found[i], name) if i in found else value for i, value in enumerate(planned))

    return replace(
        prepared,
        prompts=each(prepared.prompts, "prompt"),
        negative_prompts=each(prepared.negative_prompts, "negative_prompt"),
        seeds=each(prepared.seeds, "seed"),
        subseeds=each(prepared.subseeds, "subseed"),
    )


def _with_image(draft: ImageDraft, image: RasterImage) -> ImageDraft:
    return ImageDraft(
        run_id=draft.run_id,
        index=draft.index,
        image=image,
        prompt=draft.prompt,
        negative_prompt=draft.negative_prompt,
        seed=draft.seed,
        subseed=draft.subseed,
    )
