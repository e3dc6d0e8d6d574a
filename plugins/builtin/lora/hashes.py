"""The hash of a LoRA's tensors, by which other programs find the same file again."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from core.domain.resources import LoraRef

LENGTH = 12
IN_FILE = "sshs_model_hash"
CHUNK = 1024 * 1024


class Hashes:
    """Reads each file once, for as long as it does not change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int, int], str] = {}

    def of(self, lora: LoraRef, models_dir: Path) -> str | None:
        """Its first digits; None for a file that cannot be read any more."""
        said = lora.metadata.get(IN_FILE)
        if said:
            return str(said)[:LENGTH]
        path = models_dir / lora.filename
        try:
            stat = path.stat()
            key = (lora.filename, stat.st_mtime_ns, stat.st_size)
            with self._lock:
                if key not in self._known:
                    self._known[key] = _hash(path)
                return self._known[key]
        except OSError:
            return None


def _hash(path: Path) -> str:
    """Of what follows the header of a safetensors file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(8 + int.from_bytes(file.read(8), "little"))
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()[:LENGTH]
