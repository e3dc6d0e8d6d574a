"""What img2img starts from: init images and mask brought to the size that is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.domain.errors import InvalidImage, InvalidValue
from core.domain.geometry import Box, Size, masked_region, paste_to
from core.domain.image import BlobRef, RasterImage
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest, InitParams, MaskedContent, ResizeMode
from core.ports.driven import BlobStore, ImageCodec, ImageEditor, Upscalers
from core.prepared import InitPictures
from core.stages.extra_files import InitFiles
from core.stages.init_resizing import Resize, init_resizer
from core.stages.order import Overlay

_CONTENT_LABELS = {
    MaskedContent.FILL: "fill",
    MaskedContent.LATENT_NOISE: "latent noise",
    MaskedContent.LATENT_NOTHING: "latent nothing",
}


@dataclass(frozen=True, slots=True)
class PreparedInit:
    """:ivar extra: infotext parameters, in order."""

    pictures: InitPictures
    overlay: Overlay | None
    color_references: tuple[RasterImage, ...]
    extra: dict[str, Any]
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Masking:
    """:ivar whole: the blurred mask at the size of the init image. :ivar crop: None unless only it is
    drawn."""

    whole: RasterImage
    crop: Box | None


class InitPreparing:
    """Follows the reference's order of work, so that the same request gives the same pixels."""

    def __init__(
        self,
        blobs: BlobStore,
        codec: ImageCodec,
        editor: ImageEditor,
        files: InitFiles | None = None,
        upscalers: Upscalers | None = None,
    ) -> None:
        self._blobs = blobs
        self._codec = codec
        self._editor = editor
        self._files = files
        self._upscalers = upscalers

    def prepare(self, request: GenerationRequest, init: InitParams, options: OptionValues) -> PreparedInit:
        """Raises ``InvalidImage``, or ``InvalidValue`` for more images than the batch has places."""
        if len(init.images) > max(1, request.batch_size):
            raise InvalidValue(
                "init_images",
                len(init.images),
                f"give one, or at most one for each of batch_size {request.batch_size}",
            )
        background = options.text("img2img_background_color")
        sent = [self._picture(ref) for ref in init.images]
        sources = [self._editor.flatten(picture, background) for picture in sent]
        masking = self._masking(request, init, sources[0])
        resize, told = init_resizer(self._editor, self._upscalers, options)
        images, originals = self._sized(request, init, sources, masking, resize)
        strength = 0.75 if request.denoising_strength is None else request.denoising_strength
        multiplier = init.noise_multiplier
        pictures = InitPictures(
            images=tuple(self._filled(image, request, init, masking) for image in images),
            denoising_strength=strength,
            resize_mode=init.resize_mode,
            mask=None if masking is None else self._latent_mask(request, init, masking),
            mask_round=init.mask_round,
            masked_content=init.masked_content if masking else MaskedContent.ORIGINAL,
            noise_multiplier=options.number("initial_noise_multiplier") if multiplier is None else multiplier,
            image_cfg_scale=init.image_cfg_scale,
        )
        return PreparedInit(
            pictures=pictures,
            overlay=self._overlay(request, init, originals, masking)
            if options.flag("overlay_inpaint")
            else None,
            color_references=pictures.images if options.flag("img2img_color_correction") else (),
            extra=_parameters(init, masking, pictures.noise_multiplier) | self._kept(sent, options),
            comments=(*_comments(init, masking), *told),
        )

    def _picture(self, ref: BlobRef) -> RasterImage:
        data = self._blobs.get(ref)
        if data is None:
            raise InvalidImage("the init image is gone; send it again")
        return self._codec.decode(data)

    def _kept(self, pictures: list[RasterImage], options: OptionValues) -> dict[str, str]:
        """What the infotext says of pictures that were kept: the hash of the last, as in the reference."""
        hashes = [self._files.keep(picture, options) for picture in pictures] if self._files else []
        return {"Init image hash": hashes[-1]} if hashes and hashes[-1] else {}

    def _masking(self, request: GenerationRequest, init: InitParams, first: RasterImage) -> _Masking | None:
        if init.mask is None:
            return None
        mask = self._editor.to_mask(self._picture(init.mask), init.mask_round)
        if init.mask_invert:
            mask = self._editor.invert(mask)
        mask = self._editor.blur(mask, init.mask_blur_x, init.mask_blur_y)
        if not init.only_masked:
            return _Masking(mask, None)
        bounds = self._editor.bounds(mask)
        crop = masked_region(
            None if bounds is None else Box(*bounds),
            Size(*mask.size),
            Size(request.width, request.height),
            init.only_masked_padding,
        )
        # An empty mask leaves nothing to crop to: plain img2img then, as in the reference.
        return None if crop is None else _Masking(mask, crop)

    def _sized(
        self,
        request: GenerationRequest,
        init: InitParams,
        sources: list[RasterImage],
        masking: _Masking | None,
        resize: Resize,
    ) -> tuple[list[RasterImage], list[RasterImage]]:
        """The images at the size that is sampled, and the originals that the result is laid over."""
        width, height = request.width, request.height
        if masking is not None and masking.crop is not None:
            crop = tuple(masking.crop)
            parts = [self._editor.crop(image, (crop[0], crop[1], crop[2], crop[3])) for image in sources]
            return [resize(part, width, height, ResizeMode.FILL) for part in parts], sources
        if init.resize_mode is ResizeMode.LATENT:
            return sources, sources
        sized = [resize(image, width, height, init.resize_mode) for image in sources]
        return sized, sized

    def _latent_mask(self, request: GenerationRequest, init: InitParams, masking: _Masking) -> RasterImage:
        """The mask at the size that is sampled."""
        mask, mode = masking.whole, init.resize_mode
        if masking.crop is not None:
            crop = tuple(masking.crop)
            mask, mode = self._editor.crop(mask, (crop[0], crop[1], crop[2], crop[3])), ResizeMode.FILL
        if mode is ResizeMode.LATENT:  # a mask has no latent to resize; the reference fills then
            mode = ResizeMode.FILL
        return self._editor.resize(mask, request.width, request.height, mode)

    def _filled(
        self, image: RasterImage, request: GenerationRequest, init: InitParams, masking: _Masking | None
    ) -> RasterImage:
        if masking is None or init.masked_content is MaskedContent.ORIGINAL:
            return image
        mask = self._latent_mask(request, init, masking)
        if mask.size != image.size:
            mask = self._editor.resize(mask, image.width, image.height, ResizeMode.STRETCH)
        return self._editor.fill_masked(image, mask)

    def _overlay(
        self,
        request: GenerationRequest,
        init: InitParams,
        originals: list[RasterImage],
        masking: _Masking | None,
    ) -> Overlay | None:
        if masking is None:
            return None
        if masking.crop is not None:
            mask, region = masking.whole, tuple(paste_to(masking.crop))
            paste = (region[0], region[1], region[2], region[3])
        else:
            mask, paste = self._editor.scale_values(self._latent_mask(request, init, masking), 2), None
        first = originals[0]
        if mask.size != first.size:
            mask = self._editor.resize(mask, first.width, first.height, ResizeMode.STRETCH)
        return Overlay(originals=tuple(originals), mask=mask, paste_to=paste)


def _parameters(init: InitParams, masking: _Masking | None, multiplier: float) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if init.mask is not None:
        extra["Mask mode"] = "Inpaint not masked" if init.mask_invert else None
        blur = init.mask_blur_x if init.mask_blur_x == init.mask_blur_y else None
        extra["Mask blur"] = blur or None
    if masking is not None and masking.crop is not None:
        extra["Inpaint area"] = "Only masked"
        extra["Masked area padding"] = init.only_masked_padding
    if init.mask is not None and masking is not None:
        extra["Masked content"] = _CONTENT_LABELS.get(init.masked_content)
    extra["Noise multiplier"] = multiplier if multiplier != 1 else None
    return {key: value for key, value in extra.items() if value is not None}


def _comments(init: InitParams, masking: _Masking | None) -> tuple[str, ...]:
    if init.mask is not None and masking is None:
        return ('The mask is empty, so "only masked" had nothing to work on: the whole picture was drawn.',)
    return ()
