"""The ledger of the contract suites, in files, for a backend that is in another process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from adapters.backends.fake import FAKE_MODEL
from adapters.backends.spec import BackendSpec
from contracts.fakes import LedgerBackend
from core.domain.errors import BackendError
from core.domain.image import RasterImage
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun


class FileLedger(LedgerBackend):
    """Notes its runs in ``seen``; ``drawing`` is there during one; ``wait`` and ``fail`` are orders."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        with (self._folder / "seen").open("a", encoding="utf-8") as file:
            file.write(f"{run.run_id}\n")
        if (self._folder / "wait").exists():
            self.wait_for_interrupt()
        if (self._folder / "fail").exists():
            self.fail_with(BackendError((self._folder / "fail").read_text("utf-8")))
        (self._folder / "drawing").touch()
        try:
            return super().execute_run(run, batch, watch)
        finally:
            (self._folder / "drawing").unlink()


spec = BackendSpec(
    name="ledger",
    create=lambda settings: FileLedger(Path(os.environ["SERENA_TEST_NOTES"])),
    unavailable=lambda: None,
    own_models=(FAKE_MODEL,),
)
