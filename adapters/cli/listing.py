"""A listing on stdout: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

WIDTH_OF_A_PIPE = 200
Row = Mapping[str, Any]


def show(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print ``rows``: all fields as JSON, or ``columns`` of them as a table; ``empty`` if there are none."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2))
    elif not rows:
        typer.echo(empty)
    else:
        _table(rows, columns)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row[column])) for column in columns))
    # What reads a pipe wants a row on a line.
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE).print(table)


def cell(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    text = "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")  # names of files may be of any bytes
