"""Options in one JSON file that users may edit."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from adapters.disk import replace_file
from core.domain.errors import SettingsError
from core.domain.options import OptionValue

OPTIONS_FILE = "serena-options.json"


class DiskOptionStore:
    """An ``OptionStore`` in ``serena-options.json`` of the data folder.

    A file that cannot be understood raises ``SettingsError`` and is left as it is, by ``save`` too.

    :param known: whether there is such an option. Other keys of the file (of a plugin that is not loaded,
        say) are not given out, and are kept when the file is written. None: every key is an option.
    """

    def __init__(self, folder: Path, known: Callable[[str], bool] | None = None) -> None:
        self._path = folder / OPTIONS_FILE
        self._known = known
        self._lock = threading.Lock()

    def load(self) -> Mapping[str, OptionValue]:
        with self._lock:
            return {key: value for key, value in self._read().items() if self._is_known(key)}

    def save(self, changed: Mapping[str, OptionValue]) -> None:
        with self._lock:
            kept = {key: value for key, value in self._read().items() if not self._is_known(key)}
            text = json.dumps({**kept, **changed}, indent=4, ensure_ascii=False, sort_keys=True)
            replace_file(self._path, text.encode("utf-8", "backslashreplace") + b"\n")

    def _is_known(self, key: str) -> bool:
        return self._known is None or self._known(key)

    def _read(self) -> dict[str, OptionValue]:
        try:
            content = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SettingsError(f"{self._path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{self._path} is not JSON; mend it or move it away") from error
        if not isinstance(content, dict):
            raise SettingsError(f"{self._path} must hold one JSON object; mend it or move it away")
        return content
