"""Stores for tests, and jobs in them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from adapters.jobs.sql.sqlite import BUSY_SECONDS, PATIENCE, PRAGMAS, open_sqlite
from adapters.jobs.sql.store import SqlJobStore

QUICK: Final[Mapping[str, int | str]] = {**PRAGMAS, "synchronous": "OFF"}
"""For tests that need no lasting store."""


@contextlib.contextmanager
def opened(
    path: Path, pragmas: Mapping[str, int | str] = QUICK, busy_seconds: float = BUSY_SECONDS
) -> Iterator[SqlJobStore]:
    store = SqlJobStore(open_sqlite(path, pragmas, busy_seconds), patience=PATIENCE)
    try:
        yield store
    finally:
        store.close()
