"""Where a run keeps its files. Nothing outside the run folder is written, except by the export stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training run."""

    root: Path

    def part(self, name: str) -> Path:
        """A sub-folder of the run, made when missing."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def log(self) -> Path:
        return self.part(".") / "log.jsonl"
