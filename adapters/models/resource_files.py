"""The files beside the checkpoints: LoRAs, textual inversions, VAEs. Only headers are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from adapters.models.check import check_inside
from adapters.models.folder_stamp import Stamp, stamp_of
from adapters.models.printable import is_text
from adapters.models.safetensors_header import SafetensorsHeader, describe_file
from core.domain.errors import ModelError
from core.domain.resources import EMBEDDING_KEYS, SECOND_EMBEDDING_KEY, EmbeddingRef, LoraRef, NamedFile

LORA_FOLDERS = ("Lora", "LyCORIS")
VAE_FOLDERS = ("VAE",)
SUFFIX = ".safetensors"


class DiskResourceFiles:
    """A ``ResourceFiles`` over a webui's folders. Each call looks at the disk; a file that is no safetensors
    file, or leads out of its folder, is left out. Textual inversions are asked for by every pass: their
    headers are read again when a file has changed.

    :param models_dir: holds ``Lora``, ``LyCORIS`` and ``VAE``.
    :param embeddings_dir: holds textual inversions.
    :param describe: reads a file's header. Raises ``ModelError``.
    """

    def __init__(
        self,
        models_dir: Path,
        embeddings_dir: Path,
        describe: Callable[[Path], SafetensorsHeader] = describe_file,
    ) -> None:
        self._models_dir = models_dir
        self._embeddings_dir = embeddings_dir
        self._describe = describe
        self._embeddings: tuple[Stamp, tuple[EmbeddingRef, ...]] | None = None

    def loras(self) -> Sequence[LoraRef]:
        return tuple(
            LoraRef(
                name=path.stem,
                alias=str(header.metadata.get("ss_output_name") or path.stem),
                filename=self._relative(path),
                metadata=dict(header.metadata),
            )
            for path, header in self._files(LORA_FOLDERS)
        )

    def vaes(self) -> Sequence[NamedFile]:
        return tuple(NamedFile(path.name, self._relative(path)) for path, _ in self._files(VAE_FOLDERS))

    def embeddings(self) -> Sequence[EmbeddingRef]:
        root, known = self._embeddings_dir, self._embeddings
        stamp = stamp_of(root, SUFFIX)
        if known is not None and known[0] == stamp:
            return known[1]
        left_out: list[ModelError] = []
        found = (_embedding(path, root, header) for path, header in self._readable(root, root, left_out))
        read = tuple(embedding for embedding in found if embedding is not None)
        if not any(map(_may_do_later, left_out)):
            self._embeddings = stamp, read
        return read

    def _files(self, folders: Sequence[str]) -> Iterator[tuple[Path, SafetensorsHeader]]:
        for folder in folders:
            yield from self._readable(self._models_dir / folder, self._models_dir, [])

    def _readable(
        self, folder: Path, root: Path, left_out: list[ModelError]
    ) -> Iterator[tuple[Path, SafetensorsHeader]]:
        """``left_out`` is told why of each other."""
        for path in sorted(folder.rglob(f"*{SUFFIX}")) if folder.is_dir() else ():
            if not is_text(str(path.relative_to(root))):
                continue
            try:
                check_inside(path, root)
                yield path, self._describe(path)
            except ModelError as error:
                left_out.append(error)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._models_dir).as_posix()


def _may_do_later(error: ModelError) -> bool:
    """Whether the same file may be readable the next time."""
    cause = error.__cause__
    return isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError | PermissionError)


def _embedding(path: Path, root: Path, header: SafetensorsHeader) -> EmbeddingRef | None:
    shape = _vectors_shape(header)
    if shape is None:
        return None
    second = header.shapes.get(SECOND_EMBEDDING_KEY) if len(header.shapes) > 1 else None
    return EmbeddingRef(
        name=path.stem,
        shape=shape[-1],
        vectors=shape[0] if len(shape) == 2 else 1,
        second=second[-1] if second else None,
        filename=path.relative_to(root).as_posix(),
    )


def _vectors_shape(header: SafetensorsHeader) -> Sequence[int] | None:
    named = [header.shapes[key] for key in EMBEDDING_KEYS if key in header.shapes]
    shapes = named or (list(header.shapes.values()) if len(header.shapes) == 1 else [])
    return shapes[0] if shapes and len(shapes[0]) in (1, 2) else None
