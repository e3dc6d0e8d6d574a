"""What the first stage makes of an order of any kind, so that the runner runs all kinds alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from core.domain.errors import InvalidImage
from core.domain.image import BlobRef
from core.domain.result import FileOrder, ResultImage
from core.drafts import ImageDraft
from core.ports.driven import BlobStore
from core.stages.order import RunControl, RunOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What the third stage hands over: the pictures, the ``info`` object, the comments, and the files that
    are to be written once all this is committed.

    :ivar drafts: what ``images`` were encoded from, one each, of a kind that the backend draws.
    """

    images: tuple[ResultImage, ...]
    info: Mapping[str, Any]
    comments: tuple[str, ...] = ()
    files: tuple[FileOrder, ...] = ()
    drafts: tuple[ImageDraft, ...] = ()


class StagedRun(Protocol):
    """A prepared run. Each method is called once, in this order."""

    def execute(self, control: RunControl) -> None:
        """Do the work, until it is told to stop. Raises ``Interrupted`` only when nothing at all exists."""
        ...

    def finalize(self, *, complete: bool) -> Finished:
        """Tell the plugins, encode and keep. ``complete`` is false for a run that was interrupted."""
        ...


class Staging(Protocol):
    """The first stage of one kind of request."""

    def prepare(self, run_id: str, order: RunOrder) -> StagedRun:
        """Raises ``InvalidRequest``, or ``PluginError``."""
        ...


def picture_bytes(blobs: BlobStore, ref: BlobRef) -> bytes:
    """The file that a request refers to. Raises ``InvalidImage`` when it is kept no longer."""
    data = blobs.get(ref)
    if data is None:
        raise InvalidImage("the picture is gone; send it again")
    return data
