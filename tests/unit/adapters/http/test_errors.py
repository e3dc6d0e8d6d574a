"""What errors tell a client, and what they keep to themselves."""

from __future__ import annotations

from adapters.http.errors import reply_to
from core.domain.errors import StorageError


def test_a_full_disk_says_so_but_not_where() -> None:
    reply = reply_to(StorageError("cannot write '/srv/data/a.png': the disk is full; free some space"))
    assert reply.status == 500
    assert reply.errors == "cannot write a file of the server: the disk is full; free some space"
