"""A real PostgreSQL for tests: the system's binaries, a data folder and a port of its own on the loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PASSWORD: Final = "wrong horse"
"""With a space, so that a message that shows it in any spelling is found out."""


def find_binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``; Debian keeps them off the path."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    return found[-1].parent if found else None


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that runs. Its clients need a password."""

    binaries: Path
    folder: Path
    port: int

    def url(self, options: str = "", password: str = PASSWORD, database: str = "postgres") -> str:
        query = f"?options={options}" if options else ""
        secret = password.replace(" ", "%20")
        return f"postgresql://serena:{secret}@127.0.0.1:{self.port}/{database}{query}"

    def start(self) -> None:
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        self.control("start", "-l", str(self.folder / "log"), "-o", settings)

    def stop(self) -> None:
        """As a power cut would."""
        self.control("stop", "-m", "immediate")

    def control(self, *arguments: str) -> None:
        as_user([str(self.binaries / "pg_ctl"), "-w", "-D", str(self.folder / "data"), *arguments])


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("there is no PostgreSQL here; install it, with apt: postgresql")
    # Not in pytest's folder: the server runs as another user, who may not look in there.
    with tempfile.TemporaryDirectory(prefix="serena-pg-") as name:
        folder = Path(name)
        secret = folder / "password"
        secret.write_text(PASSWORD, "utf-8")
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            shutil.chown(secret, "nobody")
        make = ["--auth=scram-sha-256", "--username=serena", f"--pwfile={secret}", "--no-sync", "--locale=C"]
        as_user([str(binaries / "initdb"), "-E", "UTF8", "-D", str(folder / "data"), *make])
        server = Postgres(binaries, folder, free_port())
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(RuntimeError):
                server.stop()


def as_user(command: Sequence[str]) -> None:
    """PostgreSQL does not run as root."""
    prefix = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    run = subprocess.run(
        [*prefix, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd="/",
        stdin=subprocess.DEVNULL,
    )
    if run.returncode:
        raise RuntimeError(f"{command[0]} failed: {run.stdout}{run.stderr}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
