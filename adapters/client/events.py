"""Server-sent events, read line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from pydantic import TypeAdapter

from adapters.client.models import JobView, ProgressView

NO_CONTENT = 204
Name = Literal["state", "progress", "end"]
_PROGRESS, _JOB = TypeAdapter(ProgressView), TypeAdapter(JobView)


@dataclass(frozen=True, slots=True)
class JobEvent:
    """News of a job.

    :ivar id: grows.
    :ivar progress: how far the job is; None in the last event.
    :ivar job: the job that has ended, in the last event.
    """

    id: int
    name: Name
    progress: ProgressView | None = None
    job: JobView | None = None


@dataclass(slots=True)
class EventReader:
    """Lines in, events out. Remembers where it was, for a stream that is opened again.

    :ivar seen: id of the last event.
    :ivar ended: the last event of the job came.
    """

    seen: int | None = None
    ended: bool = False
    _fields: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """Of the request that opens the stream, again or for the first time."""
        self._fields = {}
        return {} if self.seen is None else {"Last-Event-ID": str(self.seen)}

    def opened(self, status: int) -> None:
        """The stream is open. Where the end was seen before, the server answers 204 and no more comes."""
        self.ended = status == NO_CONTENT

    def feed(self, line: str) -> JobEvent | None:
        """The event that ``line`` completes, if it does."""
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if not {"id", "event", "data"} <= fields.keys():
            return None
        self.seen = int(fields["id"])
        self.ended = fields["event"] == "end"
        name = cast(Name, fields["event"])
        if self.ended:
            return JobEvent(self.seen, name, job=_JOB.validate_json(fields["data"]))
        return JobEvent(self.seen, name, progress=_PROGRESS.validate_json(fields["data"]))
