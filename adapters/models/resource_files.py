"""The files beside the checkpoints: LoRAs, textual inversions, VAEs. Only headers are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.models.check import check_inside
from adapters.models.printable import is_text
from adapters.models.safetensors_header import SafetensorsHeader, describe_file
from core.domain.errors import ModelError
from core.domain.resources import EMBEDDING_KEYS, EmbeddingRef, LoraRef, NamedFile

LORA_FOLDERS = ("Lora", "LyCORIS")
VAE_FOLDERS = ("VAE",)
SUFFIX = ".safetensors"


class DiskResourceFiles:
    """A ``ResourceFiles`` over a webui's folders. Each call looks at the disk; a file that is no safetensors
    file, or leads out of its folder, is left out.

    :param models_dir: holds ``Lora``, ``LyCORIS`` and ``VAE``.
    :param embeddings_dir: holds textual inversions.
    """

    def __init__(self, models_dir: Path, embeddings_dir: Path) -> None:
        self._models_dir = models_dir
        self._embeddings_dir = embeddings_dir

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
        found = (
            _embedding(path, header) for path, header in _readable(self._embeddings_dir, self._embeddings_dir)
        )
        return tuple(embedding for embedding in found if embedding is not None)

    def _files(self, folders: Sequence[str]) -> Iterator[tuple[Path, SafetensorsHeader]]:
        for folder in folders:
            yield from _readable(self._models_dir / folder, self._models_dir)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._models_dir).as_posix()


def _readable(folder: Path, root: Path) -> Iterator[tuple[Path, SafetensorsHeader]]:
    for path in sorted(folder.rglob(f"*{SUFFIX}")) if folder.is_dir() else ():
        if not is_text(str(path.relative_to(root))):
            continue
        try:
            check_inside(path, root)
            yield path, describe_file(path)
        except ModelError:
            continue


def _embedding(path: Path, header: SafetensorsHeader) -> EmbeddingRef | None:
    shape = _vectors_shape(header)
    if shape is None:
        return None
    vectors, width = (shape[0], shape[1]) if len(shape) == 2 else (1, shape[0])
    return EmbeddingRef(name=path.stem, shape=width, vectors=vectors)


def _vectors_shape(header: SafetensorsHeader) -> Sequence[int] | None:
    named = [header.shapes[key] for key in EMBEDDING_KEYS if key in header.shapes]
    shapes = named or (list(header.shapes.values()) if len(header.shapes) == 1 else [])
    return shapes[0] if shapes and len(shapes[0]) in (1, 2) else None
