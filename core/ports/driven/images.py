"""Where pictures are kept, and how they become files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from core.domain.image import BlobRef, ImageFormat, RasterImage

NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class BlobStore(Protocol):
    """Bytes by the hash of their content.

    A store that ends with its process counts: what was put twice must be released twice. For a lasting one
    ``release`` is a hint at most, since a count would not survive a crash; it is swept.
    """

    def put(self, data: bytes) -> BlobRef: ...

    def get(self, ref: BlobRef) -> bytes | None: ...

    def size(self, ref: BlobRef) -> int:
        """Of its bytes; 0 where there are none."""
        ...

    def release(self, ref: BlobRef) -> None: ...

    def sweep(self, in_use: Callable[[Sequence[BlobRef]], frozenset[BlobRef]], older_than: float) -> int:
        """Remove what nobody refers to and what was last put more than ``older_than`` seconds ago; tell how
        many that were. One that counts has nothing to sweep.

        :param in_use: which of some blobs are referred to.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture that was written. ``path`` is relative to the store's root, with slashes."""

    path: str
    number: int | None


class ImageStore(Protocol):
    """Writes pictures below one root."""

    def save(
        self,
        folder: Sequence[str],
        stem: str,
        extension: str,
        data: bytes,
        *,
        number: bool = True,
        basename: str = "",
        replace: bool = False,
        once: bool = False,
    ) -> StoredImage:
        """Write ``data`` as ``folder/<number>-<stem>.<extension>``, all or nothing.

        The number is one more than the largest in the folder, with five digits. With a ``basename`` it is
        ``<basename>-<number>-<stem>`` with four digits, and numbers count among names that begin so. Raises
        ``StorageError``; never leaves the root.

        :param replace: a file without a number takes the place of one of its name; else nothing is ever
            overwritten.
        :param once: it may have been written before: a file of these bytes that has a name which this one
            could get is taken for it, and nothing is written.
        """
        ...

    def check(self, folder: Sequence[str], stem: str, extension: str, size: int) -> None:
        """Raise the ``StorageError`` that :meth:`save` would raise now: a name that cannot be, a folder that
        cannot be written to, no room for ``size`` bytes."""
        ...


class ImageCodec(Protocol):
    """Pictures to bytes and back."""

    def encode(
        self,
        image: RasterImage,
        format: ImageFormat,
        infotext: str | None,
        quality: int = 80,
        texts: Mapping[str, str] = NO_TEXTS,
        lossless: bool = False,
    ) -> bytes:
        """The infotext goes into the PNG text chunk ``parameters`` or the EXIF user comment. Raises
        ``InvalidImage``: too large for the format, or one that cannot be written here (AVIF, with some
        builds of its library).

        :param texts: further text chunks of a PNG; the other formats have no place for them.
        :param lossless: of WebP: every pixel is kept.
        """
        ...

    def decode(self, data: bytes) -> RasterImage:
        """Turned upright by EXIF. Raises ``InvalidImage``: no picture, too large, of a kind that is not
        read."""
        ...

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        """The infotext (empty if none) and the other text items of the file. Raises ``InvalidImage``."""
        ...
