"""How far a file is, on stderr: a bar on a terminal, a line at each quarter elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import typer

QUARTERS = 4
MIB = 1024 * 1024

Told: TypeAlias = Callable[[int, int], None]
"""Hears of bytes done, and of all bytes."""


@contextmanager
def file_progress(words: str) -> Iterator[Told]:
    """
    :param words: what is being done.
    """
    if not sys.stderr.isatty():
        yield _lines(words)
        return
    with file_bar(words) as told:
        yield told


@contextmanager
def file_bar(words: str) -> Iterator[Told]:
    """The bar, wherever stderr leads."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(words, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(words: str) -> Told:
    reached = 0

    def told(done: int, total: int) -> None:
        nonlocal reached
        quarter = done * QUARTERS // total if total else QUARTERS
        if quarter > reached:
            reached = quarter
            typer.echo(f"{words}: {done // MIB} of {total // MIB} MiB", err=True)

    return told
