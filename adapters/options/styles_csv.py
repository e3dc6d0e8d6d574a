"""The styles in the data folder's ``styles.csv``."""

from __future__ import annotations

import csv
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from core.domain.errors import StorageError
from core.domain.job import StyleText
from core.domain.styles import combine, parse_csv

STYLES_FILE = "styles.csv"
_Stamp: TypeAlias = tuple[int, int]


class CsvStyleLibrary:
    """A ``StyleLibrary`` over one file, which is read again when it has changed. No file: no styles.

    ``all`` raises ``StorageError`` for a file that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / STYLES_FILE
        self._read: tuple[_Stamp, tuple[StyleText, ...]] | None = None
        self._lock = threading.Lock()

    def all(self) -> Sequence[StyleText]:
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_size
            with self._lock:
                if self._read is None or self._read[0] != stamp:
                    self._read = stamp, self._parse()
                return self._read[1]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StorageError(f"{self._path} cannot be read: {error.strerror}") from error

    def _parse(self) -> tuple[StyleText, ...]:
        try:
            styles = parse_csv(self._path.read_text(encoding="utf-8-sig"))
        except (csv.Error, UnicodeDecodeError) as error:
            raise StorageError(f"{self._path} is not a CSV file in UTF-8; mend it or move it away") from error
        unique = combine([(str(self._path), styles)])
        return tuple(StyleText(style.name, style.prompt, style.negative_prompt) for style in unique.values())
