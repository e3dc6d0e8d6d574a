"""What a test may need of the machine it runs on, and what of that is not here."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator

from tests.postgres import find_binaries


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def lacking() -> Iterator[tuple[str, str]]:
    """Markers of tests that cannot run here, each with why."""
    if not has_ipv6():
        yield "ipv6", "this machine has no IPv6"
    if shutil.which("npm") is None:
        yield "node", "there is no npm here (make test-clients runs them where there is)"
    if find_binaries() is None:
        yield "postgres", "there is no PostgreSQL here (apt: postgresql)"
