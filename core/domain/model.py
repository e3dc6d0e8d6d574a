"""Which checkpoint: what identifies it, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass

SHORT_HASH = 10


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """A checkpoint by name and content, so that a retry after a restart draws with the same one.

    :param name: relative name under the models folder, with its extension if it is a file.
    :param sha256: hex, 64 characters; empty while a large file is still being hashed, which no model of a job
        is. A folder's is that over its sorted ``relative path, NUL, sha256 of the file, newline`` lines.
    """

    name: str
    sha256: str

    @property
    def short_hash(self) -> str:
        return self.sha256[:SHORT_HASH]

    @property
    def title(self) -> str:
        """``name [short hash]``, as clients show and send it; without a hash the name alone."""
        return f"{self.name} [{self.short_hash}]" if self.sha256 else self.name

    @property
    def stem(self) -> str:
        """The name without folders and extension, as the infotext prints it."""
        last = self.name.replace("\\", "/").rsplit("/", 1)[-1]
        return last.removesuffix(".safetensors")

    @property
    def model_name(self) -> str:
        """The name with separators as underscores and without extension."""
        return self.name.replace("\\", "_").replace("/", "_").removesuffix(".safetensors")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A checkpoint that a catalog offers.

    :param location: where the backend finds it; meaningful to that backend only.
    :param config: the file beside it that says more of it, by its name below the models folder.
    :param inpainting: it is shown the mask and the masked picture beside what it denoises.
    :param editing: it is shown the picture, and follows instructions.
    :param family: a key of ``core.domain.families.TITLES``; empty where the backend knows it.
    :param prediction: what its network answers, of a single file; None: the backend knows.
    """

    identity: ModelIdentity
    location: str
    config: str | None = None
    inpainting: bool = False
    editing: bool = False
    family: str = ""
    prediction: str | None = None
