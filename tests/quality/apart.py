"""The contract's rig where jobs run in a child process: ledger and journal are files, and looked at here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.entrypoint import Rig

INSTALLED = Path(__file__).resolve().parents[1] / "integration" / "worker" / "installed"
"""A package with a backend and a plugin, as ``pip`` would leave it."""
WORD = "wordfromanotherprocess"


@dataclass(frozen=True)
class Notes:
    """Files that the child writes to, and reads its orders from."""

    folder: Path

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text("utf-8").splitlines() if path.exists() else []


@dataclass(frozen=True)
class Drawing:
    """As the event of the ledger in this process."""

    notes: Notes

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if (self.notes.folder / "drawing").exists():
                return True
            time.sleep(0.01)
        return False


@dataclass(frozen=True)
class LedgerFiles:
    """``LedgerBackend``, as far as the suite looks at it."""

    notes: Notes

    @property
    def seen(self) -> list[str]:
        return self.notes.lines("seen")

    @property
    def drawing(self) -> Drawing:
        return Drawing(self.notes)

    def wait_for_interrupt(self) -> None:
        (self.notes.folder / "wait").touch()

    def fail_with(self, error: Exception) -> None:
        (self.notes.folder / "fail").write_text(str(error), "utf-8")


@dataclass(frozen=True)
class JournalFiles:
    """``JournalPlugin``, as far as the suite looks at it."""

    notes: Notes
    word: str = WORD

    @property
    def prepared(self) -> list[str]:
        return self.notes.lines("prepared")

    @property
    def finalized(self) -> list[str]:
        return self.notes.lines("finalized")

    @property
    def failed(self) -> list[str]:
        return self.notes.lines("failed")


class ApartRig(Rig):
    """A rig whose jobs run in a child."""


class Apart:
    """Mixed into a suite it has the jobs of its door run in a child process."""

    @pytest.fixture
    def rig(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
        notes = Notes(tmp_path / "notes")
        notes.folder.mkdir()
        monkeypatch.syspath_prepend(INSTALLED)
        monkeypatch.setenv("SERENA_TEST_NOTES", str(notes.folder))
        monkeypatch.setenv("SERENA_TEST_WORD", WORD)
        return ApartRig(tmp_path, LedgerFiles(notes), JournalFiles(notes))
