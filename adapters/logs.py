"""What is logged goes to stderr, one line an event."""

from __future__ import annotations

import logging
from typing import Any

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLineFormatter(logging.Formatter):
    """Control characters in a message are escaped, so that no prompt or header can forge a line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library calls it so
        return _escaped(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library calls it so
        """Indented, so that none of its lines looks like one of ours."""
        return "\n".join(f"    {_escaped(line)}" for line in super().formatException(ei).splitlines())


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def log_to_stderr(level: str) -> None:
    """Set up the root logger of this process; libraries log from warnings up only."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLineFormatter(FORMAT))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("serena", "adapters"):
        logging.getLogger(name).setLevel(level.upper())
