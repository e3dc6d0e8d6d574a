"""What is logged goes to stderr, one line an event. What belongs to a job names it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from core.jobs.context import current_job

FORMAT = "%(asctime)s %(levelname)s %(name)s%(tag)s: %(message)s"
JOB = "job"
"""What ``extra`` of a logging call may name the job with, where the thread works on none."""


class NamesJob(logging.Filter):
    """Leaves the id of the job in each record. Never drops one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, JOB, None):
            setattr(record, JOB, current_job())
        return True


class OneLineFormatter(logging.Formatter):
    """Control characters in a message are escaped, so that no prompt or header can forge a line.

    The id of the job stands in brackets; one that its caller chose is quoted, so that it ends where it ends.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library calls it so
        job = getattr(record, JOB, None)
        record.tag = f" [{quote(job, safe='()')}]" if job else ""
        return _escaped(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library calls it so
        """Indented, so that none of its lines looks like one of ours."""
        return "\n".join(f"    {_escaped(line)}" for line in super().formatException(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message; job and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            JOB: getattr(record, JOB, None),
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in told.items() if value is not None})


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def log_to_stderr(level: str, style: Literal["text", "json"] = "text") -> None:
    """Set up the root logger of this process; libraries log from warnings up only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else OneLineFormatter(FORMAT))
    handler.addFilter(NamesJob())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("serena", "adapters"):
        logging.getLogger(name).setLevel(level.upper())
