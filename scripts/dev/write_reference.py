"""Write the tables of docs/reference/settings.md and docs/reference/cli.md from the code.

``tests/architecture/test_docs.py`` compares the documents with the same functions.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, cast, get_args, get_origin

import typer
from click import Command, Option, Parameter
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperGroup

from adapters.application import Host
from adapters.cli.app import create_cli
from adapters.settings import Settings

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
KINDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "text, kept secret",
}
SETTINGS_HEAD = ("| setting | variable | kind | default | what it is |", "|---|---|---|---|---|")
FLAGS_HEAD = ("| flag | what it is | default |", "|---|---|---|")


def setting_rows(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """A row for each setting, in order."""
    for name, field in model.model_fields.items():
        if inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel):
            yield from setting_rows(field.annotation, f"{prefix}{name}.")
        else:
            yield _setting_row(f"{prefix}{name}", field)


def _setting_row(dotted: str, field: FieldInfo) -> str:
    variable = "SERENA_" + dotted.replace(".", "__").upper()
    assert field.description, f"the setting {dotted} carries no description"
    return _row(
        f"`{dotted}`", f"`{variable}`", _kind(field.annotation), _default(field.default), field.description
    )


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (tuple, list):
        return f"list: {_kind(get_args(annotation)[0])}"
    if isinstance(annotation, UnionType):
        return f"{_kind(get_args(annotation)[0])}, or unset"
    return KINDS[annotation]


def _default(value: Any) -> str:
    if value is None:
        return "unset"
    if value in ((), "", []):
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def commands() -> dict[str, Command]:
    group = typer.main.get_command(create_cli(cast(Host, None)))
    assert isinstance(group, TyperGroup)
    return group.commands


def flag_rows(parameters: Iterable[Parameter]) -> Iterator[str]:
    """A row for each option among ``parameters``."""
    for parameter in parameters:
        if isinstance(parameter, Option) and parameter.name != "help":
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
            default = parameter.default
            shown = (
                ""
                if default in (None, "", False) or callable(default) or default == []
                else _default(default)
            )
            yield _row(names, parameter.help or "", shown)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def command_table(name: str) -> list[str]:
    """The table of a command. That of ``img2img`` leaves out what ``txt2img`` takes too."""
    known = {p.name for p in commands()["txt2img"].params} if name == "img2img" else set()
    return [*FLAGS_HEAD, *flag_rows(p for p in commands()[name].params if p.name not in known)]


def with_table(text: str, heading: str, table: list[str]) -> str:
    """``text`` with the first table below ``heading`` replaced."""
    lines = text.splitlines()
    top = next(i for i, line in enumerate(lines) if line.startswith(heading))
    first = next(i for i in range(top, len(lines)) if lines[i].startswith("|"))
    last = next((i for i in range(first, len(lines)) if not lines[i].startswith("|")), len(lines))
    return "\n".join([*lines[:first], *table, *lines[last:]]) + "\n"


def main() -> None:
    settings, cli = REFERENCE / "settings.md", REFERENCE / "cli.md"
    table = [*SETTINGS_HEAD, *setting_rows()]
    settings.write_text(with_table(settings.read_text("utf-8"), "# Settings", table), "utf-8")
    text = cli.read_text("utf-8")
    for name in commands():
        text = with_table(text, f"## `serena {name}", command_table(name))
    cli.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
