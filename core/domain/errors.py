"""Every error of Serena, one tree.

SerenaError                      anything that Serena raises on purpose
├── InvalidRequest               the request is wrong; nothing was drawn, nothing changed
│   ├── InvalidValue             one named value is wrong: says which, and what would be right
│   ├── InvalidImage             bytes that are not an image we read
│   ├── UnknownSampler           no sampler of that name
│   ├── UnknownScheduler         no schedule of that name
│   ├── UnknownModel             no checkpoint of that name
│   │   └── MissingWeights       a name that is known, but its weights are not here
│   ├── UnknownOption            no option of that key
│   ├── UnknownScript            no script of that name
│   ├── InitImageMissing         img2img without an init image
│   └── KeyReused                an idempotency key that came with another request before
├── UnknownJob                   no job of that id
│   └── ExpiredJob               there was one, but it was kept long enough
├── JobConflict                  a transition that the job's state does not allow
│   └── LeaseLost                the job was given to another worker meanwhile
├── QueueFull                    too many jobs wait; try later
│   └── QueueTooLarge            the requests that wait hold too many bytes; try later
├── NotReady                     the server starts or stops; try later
│   └── NoWorker                 the process that draws cannot be started; that is tried again
├── ModelError                   a checkpoint on disk cannot be used
├── BackendError                 the backend failed while it drew
│   ├── WorkerDied               the process that drew ended before the job did
│   └── UnknownBackend           no backend of that name is installed
├── PluginError                  a plugin's hook failed
├── StorageError                 the disk refused: full, read-only, gone
│   ├── NotKept                  it failed while it was to keep something; that is tried again
│   └── UnusableName             a file or folder that the options name and that cannot be
├── SettingsError                the process was started with a wrong setting
└── Interrupted                  a job was told to stop (carries no blame)

The message of each says what was wrong, with which value, and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.nearest import offered

UNFORESEEN = "the run failed for a reason that nobody foresaw; the log of the server says which"
"""What callers are told of an exception that is none of ours: its own text may hold paths."""


class SerenaError(Exception):
    """Base of every error that Serena raises on purpose. ``str(error)`` is one sentence for a person."""


class InvalidRequest(SerenaError):
    """The request cannot be served as it is. Nothing was drawn and nothing changed."""


class InvalidValue(InvalidRequest):
    """One named value is wrong."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field} is {_shown(value)}; {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class InvalidImage(InvalidRequest):
    """Bytes that are no image, or an image of a kind or size that is not read."""


class UnknownSampler(InvalidRequest):
    """No sampler has that name or alias."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        super().__init__(f"Sampler not found: {_shown(name)}{_listed(name, known)}")
        self.name = name


class UnknownScheduler(InvalidRequest):
    """No noise schedule has that name, label or alias."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        super().__init__(f"Scheduler not found: {_shown(name)}{_listed(name, known)}")
        self.name = name


class UnknownModel(InvalidRequest):
    """No checkpoint has that title, name or hash."""

    def __init__(self, name: str, known: tuple[str, ...] = (), problem: str | None = None) -> None:
        listed = f"; known models: {offered(name, known)}" if known else "; there are no models yet"
        what = "not found" if problem is None else f"cannot be used: {problem}"
        super().__init__(f"model {_shown(name)} {what}{listed}")
        self.name = name


class MissingWeights(UnknownModel):
    """The name is known, but what it needs is not installed here. The sentence says what to put where."""

    def __init__(self, name: str, reason: str) -> None:
        InvalidRequest.__init__(self, f"{name!r} cannot be used: {reason}")
        self.name = name


class UnknownOption(InvalidRequest):
    """No option has that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"option {_shown(key)} does not exist; GET /sdapi/v1/options lists those that do")
        self.key = key


class UnknownScript(InvalidRequest):
    """No script has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Script '{name}' not found")
        self.name = name


class InitImageMissing(InvalidRequest):
    """An img2img request came without an init image."""

    def __init__(self) -> None:
        super().__init__("Init image not found")


class KeyReused(InvalidRequest):
    """An idempotency key that was sent before, with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was used for another request; use a new key for each request"
        )
        self.key = key


class UnknownJob(SerenaError):
    """No job has that id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id!r} does not exist")
        self.job_id = job_id


class ExpiredJob(UnknownJob):
    """There was a job of that id; it and its pictures were removed by the retention rules.

    :ivar owner: whose it was; others are not to be told that there was one.
    """

    owner: str | None = None

    def __init__(self, job_id: str, owner: str | None = None) -> None:
        SerenaError.__init__(self, f"job {job_id!r} has expired: it and its pictures are no longer kept")
        self.job_id = job_id
        self.owner = owner


class JobConflict(SerenaError):
    """The job's state does not allow what was asked."""


class LeaseLost(JobConflict):
    """The worker no longer holds the job: its lease ended and another one took it. Its result is dropped."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} is not leased to this worker any more")
        self.job_id = job_id


class QueueFull(SerenaError):
    """Too many jobs wait. ``limit`` is how many may, of all or of one party; ``length`` how many do in
    all."""

    def __init__(self, limit: int, length: int | None = None) -> None:
        super().__init__(f"{limit} jobs are waiting already; try again later")
        self.limit = limit
        self.length = limit if length is None else length


class QueueTooLarge(QueueFull):
    """The requests that wait, with their pictures, hold as many bytes as they may."""

    def __init__(self, limit: int, length: int) -> None:
        held = f"{limit / 2**20:g} MiB"
        SerenaError.__init__(self, f"the jobs that wait may hold {held} of requests; try again later")
        self.limit = limit
        self.length = length


class NotReady(SerenaError):
    """The server is starting or stopping; the same request may succeed later."""


class NoWorker(NotReady):
    """The process that draws cannot be started; that is tried again, and jobs wait until then."""


class ModelError(SerenaError):
    """A checkpoint is there but cannot be used: truncated, incomplete, of an unknown kind."""


class BackendError(SerenaError):
    """The backend failed while it drew: out of memory, NaN, a fault of its library."""


class WorkerDied(BackendError):
    """The process that drew the job ended before the job did. The job may be tried again."""


class UnknownBackend(BackendError):
    """No installed backend has that name."""


class PluginError(SerenaError):
    """A plugin's hook raised."""

    def __init__(self, plugin: str, hook: str, cause: BaseException) -> None:
        super().__init__(f"plugin {plugin!r} failed in {hook}: {type(cause).__name__}: {cause}")
        self.plugin = plugin
        self.hook = hook


class StorageError(SerenaError):
    """The disk refused to keep something: full, read-only or gone."""


class NotKept(StorageError):
    """The disk failed while it was to keep something. Whether it did is not known, and nothing more is given
    to it until it has shown that it keeps things; that is tried again and again."""


class UnusableName(StorageError):
    """A file or folder that options or prompts name, and that cannot or may not be on this disk."""


class SettingsError(SerenaError):
    """The process was started with a setting that cannot be used."""


class Interrupted(SerenaError):
    """The job's cancel token was set while it ran. ``skipped``: only this iteration is dropped."""

    def __init__(self, skipped: bool = False) -> None:
        super().__init__("skipped" if skipped else "interrupted")
        self.skipped = skipped


def _shown(value: object) -> str:
    """Callers may send any text; a sentence stays one."""
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _listed(name: str, known: Iterable[str]) -> str:
    names = offered(name, known)
    return f"; there are {names}" if names else ""


def revive(kind: str, message: str) -> SerenaError:
    """The error that a stored job failed with, by its class name; ``BackendError`` if the name is not
    ours."""
    cls = _tree(SerenaError).get(kind, BackendError)
    error = cls.__new__(cls, message)
    Exception.__init__(error, message)
    return error


def _tree(root: type[SerenaError]) -> dict[str, type[SerenaError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found
