"""What would hold up the loop is done beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 40
"""What a slow site or disk may keep busy before others have to wait for a thread."""


async def aside(call: Callable[[], T]) -> T:
    """What ``call`` gives, in a thread of the loop's executor. Who is cancelled does not wait for its end.

    It costs a fifth of what the same does with cancel scopes and limiters, which the routes that every job
    passes need not have.
    """
    return await asyncio.get_running_loop().run_in_executor(None, call)


def make_room() -> None:
    """Give the running loop as many threads as a server needs."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "serena-door"))
