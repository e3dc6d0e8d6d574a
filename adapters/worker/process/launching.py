"""Starting a child, and saying what it died of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol, cast

from adapters.worker.process.channel import Channel

SECRETS = ("SERENA_HTTP", "SERENA_JOBS", "SERENA_API_KEY", "PGPASSWORD")
"""How variables begin that hold passwords. The child gets its settings from the parent, without those."""
# -P: the working folder, which may hold anything, is not searched for modules.
COMMAND = (sys.executable, "-P", "-m", "serena", "_worker")


class Child(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int: ...

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the signal. Raises ``subprocess.TimeoutExpired``."""
        ...

    def kill(self) -> None: ...


def launch(command: Sequence[str] = COMMAND, handles: Sequence[int] = ()) -> tuple[Child, Channel]:
    """Start the child with our modules and plugins in sight, and these files open. Raises ``OSError``."""
    modules = os.pathsep.join(entry for entry in sys.path if entry)
    environ = {**without_secrets(os.environ), "PYTHONPATH": modules}
    process = subprocess.Popen(  # noqa: S603 - the command is ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, pass_fds=handles
    )
    return process, Channel(cast(BinaryIO, process.stdout), cast(BinaryIO, process.stdin))


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """What plugins and backends may see of the environment. Settings are found in any case of letters."""
    return {name: value for name, value in environ.items() if not name.upper().startswith(SECRETS)}


def cause_of_death(code: int, where: str = "") -> str:
    """From an exit code, as a sentence without its full stop.

    :param where: what it was in, with a space before it.
    """
    if code >= 0:
        return f"the worker ended with exit code {code}{where}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    memory = "; the system does that when memory runs out" if -code == signal.SIGKILL else ""
    return f"the worker was killed by signal {-code} ({name}){where}{memory}"
