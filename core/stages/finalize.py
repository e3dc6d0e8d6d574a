"""The third stage: infotexts, hooks, grid, encoding, saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from core.domain.errors import InvalidValue
from core.domain.geometry import grid_shape, makes_grid
from core.domain.image import ImageFormat, RasterImage
from core.domain.options import OptionValues
from core.domain.result import ResultImage
from core.drafts import ImageDraft, ResultDraft
from core.ports.driven import BlobStore, ImageCodec, ImageEditor, RunHooks
from core.stages.encoding import encode, fitting
from core.stages.masks import mask_pictures
from core.stages.order import Preparation, RunOrder
from core.stages.parameters import PictureText, info_object
from core.stages.saving import Place, Saving

Role = Literal["picture", "grid", "beside"]


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
    """An output encoded; ``path`` is where it was saved."""

    output: _Output
    format: ImageFormat
    data: bytes
    path: str | None


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
    ) -> tuple[tuple[ResultImage, ...], dict[str, Any], tuple[str, ...]]:
        """The pictures, the ``info`` object and the comments. Raises ``StorageError`` or ``PluginError``."""
        text = PictureText(order, prepared, self._marks, self._version)
        result = ResultDraft(
            run_id=run_id,
            images=drawn,
            infotexts=[text.write(draft) for draft in drawn],
            comments=list(prepared.comments),
        )
        self._hooks.finalize(result)
        if len(result.images) != len(result.infotexts):
            raise InvalidValue(
                "the infotexts of a result", len(result.infotexts), f"there are {len(result.images)} images"
            )
        options = prepared.options
        outputs, grid = self._outputs(result, prepared), self._grid(result, prepared)
        saves = prepared.request.save_images and (complete or options.flag("save_incomplete_images"))
        place = Place(run_id, order, prepared)
        if grid is not None and options.flag("return_grid"):
            outputs = [grid, *outputs]
        elif grid is not None:
            self._write(grid, options, place, saves)
        # Blobs come last, so that a disk that refuses a picture leaves none behind.
        written = [self._write(output, options, place, saves) for output in outputs]
        images = tuple(self._kept(one) for one in written if one.output.returned)
        first = result.first_image + (1 if outputs and outputs[0].role == "grid" else 0)
        texts = [output.infotext for output in outputs if output.returned and output.infotext is not None]
        return images, info_object(order, prepared, texts, first, self._version), tuple(result.comments)

    def _outputs(self, result: ResultDraft, prepared: Preparation) -> list[_Output]:
        outputs: list[_Output] = []
        for draft, infotext in zip(result.images, result.infotexts, strict=True):
            if draft.uncorrected is not None:
                before, ending = _with_image(draft, draft.uncorrected), "-before-color-correction"
                outputs.append(_Output(before, infotext, "beside", ending, returned=False))
            outputs.append(_Output(draft, infotext, "picture"))
            outputs += [
                _Output(
                    _with_image(draft, mask.image), None, "beside", mask.suffix, mask.returned, mask.saved
                )
                for mask in mask_pictures(draft, prepared, self._editor)
            ]
        return outputs

    def _grid(self, result: ResultDraft, prepared: Preparation) -> _Output | None:
        request, options = prepared.request, prepared.options
        count = len(result.images)
        wanted = makes_grid(
            count,
            wanted=options.flag("return_grid") or options.flag("grid_save"),
            do_not_save_grid=not request.save_images,
            only_if_multiple=options.flag("grid_only_if_multiple"),
        )
        if not wanted or count == 0 or result.first_image > 0:
            return None
        rows, columns = grid_shape(
            count,
            n_rows=int(options.number("n_rows")),
            batch_size=request.batch_size,
            prevent_empty_spots=options.flag("grid_prevent_empty_spots"),
        )
        pictures = [draft.image for draft in result.images]
        image = self._editor.grid(pictures, columns, rows, options.text("grid_background_color"))
        return _Output(_with_image(result.images[0], image), result.infotexts[0], "grid")

    def _write(self, output: _Output, options: OptionValues, place: Place, saves: bool) -> _Written:
        """Encode a picture, and save it where the options say so."""
        image = output.draft.image
        file_format = fitting(cast(ImageFormat, options.text("samples_format")), image)
        data = encode(self._codec, image, file_format, output.infotext, options)
        path = None
        if saves and output.saved:
            path = self._saving.save(
                output.draft,
                output.infotext,
                place,
                grid=output.role == "grid",
                encoded=(file_format, data),
                suffix=output.suffix,
            )
        return _Written(output, file_format, data, path)

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
            path=written.path,
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
