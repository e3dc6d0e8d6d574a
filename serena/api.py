"""Serena in a script::

from serena import Serena

with Serena() as serena:
    serena.txt2img("a red circle", width=128, height=128).images[0].save("circle.png")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from PIL import Image

from core.domain.errors import Interrupted, InvalidImage
from core.domain.request import Kind
from serena._fields import Fields, InitFields, init_params, request_of

if TYPE_CHECKING:
    from adapters.application import Application
    from core.domain.image import BlobRef
    from core.domain.job import Job
    from core.domain.request import GenerationRequest
    from core.domain.result import GenerationResult

Picture: TypeAlias = Image.Image | str | PathLike[str] | bytes
"""A picture to start from: as Pillow holds it, where it lies, or its encoded bytes."""

PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was drawn, in order; a grid, if any, first. All lists have the same length.

    :param paths: where each was saved, None where it was not.
    :param result: the whole answer, with the receipt.
    """

    images: list[Image.Image]
    infotexts: list[str]
    seeds: list[int]
    paths: list[Path | None]
    result: GenerationResult = field(repr=False)

    @property
    def infotext(self) -> str:
        """That of the first picture."""
        return self.infotexts[0]


class Serena:
    """One Serena in this process. The model loads behind the first call.

    :param backend: ``fake``, ``torch`` or a plugin's, or the whole section; the settings decide without.
    :param data_dir: data folder: outputs, models, options; the working folder without.
    :param application: one that is assembled already; the settings here are then not read.
    :param settings: more settings by section, such as ``models={"default": "name"}``.

    Raises :class:`SettingsError` or :class:`UnknownBackend`.
    """

    def __init__(
        self,
        *,
        backend: str | Mapping[str, Any] | None = None,
        data_dir: str | PathLike[str] | None = None,
        application: Application | None = None,
        **settings: Any,
    ) -> None:
        self._app = application or _assemble(backend, data_dir, settings)
        self._app.start()

    def __enter__(self) -> Serena:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs and free the model. Pictures that were drawn stay good."""
        self._app.close()

    def txt2img(self, prompt: str = "", **fields: Unpack[Fields]) -> Pictures:
        """Draw a prompt. Raises :class:`InvalidRequest`, or another :class:`SerenaError` if drawing fails."""
        return self._draw(self._request(Kind.TXT2IMG, prompt, dict(fields)))

    def img2img(
        self,
        prompt: str,
        init_image: Picture | Sequence[Picture],
        mask: Picture | None = None,
        **fields: Unpack[InitFields],
    ) -> Pictures:
        """Draw a prompt over a picture, or where ``mask`` is white. Raises as :meth:`txt2img` does."""
        given = {"denoising_strength": 0.75, **fields}
        with self._kept() as put:
            images = tuple(put(picture) for picture in _several(init_image))
            init = init_params(images, None if mask is None else put(mask), given)
            request = self._request(Kind.IMG2IMG, prompt, {**given, "init": init})
        return self._draw(request)

    @contextmanager
    def _kept(self) -> Iterator[Callable[[Picture], BlobRef]]:
        """Keeps pictures for a request; drops them again if it does not come to be."""
        refs: list[BlobRef] = []

        def put(picture: Picture) -> BlobRef:
            refs.append(self._put(picture))
            return refs[-1]

        try:
            yield put
        except BaseException:
            for ref in refs:
                self._app.images.drop_image(ref)
            raise

    def _put(self, picture: Picture) -> BlobRef:
        return self._app.images.put_image(_encoded(picture))

    def _request(self, kind: Kind, prompt: str, fields: dict[str, Any]) -> GenerationRequest:
        self._app.settle()
        return request_of(kind, prompt, fields, self._app.resources.scripts)

    def _draw(self, request: GenerationRequest) -> Pictures:
        job_id = self._app.images.submit(request)
        try:
            job = self._app.images.wait(job_id)
        except KeyboardInterrupt:
            self._app.jobs.interrupt(job_id)
            raise
        return self._pictures(job)

    def _pictures(self, job: Job) -> Pictures:
        result = job.result
        if result is None:
            raise Interrupted
        folder = self._app.settings.data_dir
        return Pictures(
            images=[_decoded(self._app.images.image(image.blob)) for image in result.images],
            infotexts=[image.infotext for image in result.images],
            seeds=[image.seed for image in result.images],
            paths=[None if image.path is None else folder / image.path for image in result.images],
            result=result,
        )


def _assemble(
    backend: str | Mapping[str, Any] | None, data_dir: str | PathLike[str] | None, settings: Mapping[str, Any]
) -> Application:
    from adapters.bootstrap import bootstrap
    from adapters.settings import load_settings

    flags = dict(settings)
    if backend is not None:
        flags["backend"] = {"name": backend} if isinstance(backend, str) else backend
    if data_dir is not None:
        flags["data_dir"] = Path(data_dir)
    return bootstrap(load_settings(**flags))


def _several(pictures: Picture | Sequence[Picture]) -> Sequence[Picture]:
    if isinstance(pictures, Image.Image | str | PathLike | bytes):
        return [pictures]
    return pictures


def _encoded(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Image.Image):
        return _png(picture)
    try:
        return Path(picture).read_bytes()
    except OSError as error:
        raise InvalidImage(f"cannot read {picture}: {error.strerror}") from None


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    (picture if picture.mode in PNG_MODES else picture.convert("RGB")).save(buffer, "PNG")
    return buffer.getvalue()


def _decoded(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture
