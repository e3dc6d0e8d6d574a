"""Write the tables of settings.md, cli.md and options.md in docs/reference from the code.

``tests/architecture/test_docs.py`` compares the documents with the same functions.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, cast, get_args, get_origin

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperGroup, TyperOption

from adapters.application import Host
from adapters.cli.app import create_cli
from adapters.settings import Settings
from core.domain.acting_options import ACTING
from core.domain.option_table import OPTIONS
from core.domain.options import OptionSpec

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
OPTIONS_HEAD = ("| option | kind | default | acts here |", "|---|---|---|---|")
OPTION_KINDS = {**KINDS, tuple: "list of texts", type(None): "text or null"}


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
    if get_origin(annotation) is dict:
        return f"table of {_kind(get_args(annotation)[1])}"
    if get_origin(annotation) in (tuple, list):
        return f"list: {_kind(get_args(annotation)[0])}"
    if isinstance(annotation, UnionType):
        return f"{_kind(get_args(annotation)[0])}, or unset"
    return KINDS[annotation]


def _default(value: Any) -> str:
    if value is None:
        return "unset"
    if value in ((), "", [], {}):
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def commands() -> dict[str, Any]:
    """By name; those of a group with the group's name in front."""
    group = typer.main.get_command(create_cli(cast(Host, None)))
    return dict(_commands(group, ""))


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield f"{prefix}{name}", command
            yield from _commands(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield f"{prefix}{name}", command


def flag_rows(parameters: Iterable[Any]) -> Iterator[str]:
    """A row for each option among ``parameters``."""
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.name != "help":
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
            default = parameter.default
            shown = (
                ""
                if default in (None, "", False) or callable(default) or default == []
                else _default(default)
            )
            yield _row(names, parameter.help or "", shown)


def option_rows() -> Iterator[str]:
    """A row for each option, in the order of the table."""
    for spec in OPTIONS:
        acts = "yes" if spec.name in ACTING else "kept only"
        yield _row(f"`{spec.name}`", _option_kind(spec), _json_code(spec.default), acts)


def _option_kind(spec: OptionSpec) -> str:
    if spec.choices:
        return "one of " + ", ".join(f"`{choice}`" for choice in spec.choices)
    kind = OPTION_KINDS[type(spec.default)]
    if spec.minimum is not None and spec.maximum is not None:
        kind += f", {spec.minimum:g} to {spec.maximum:g}"
    return f"{kind}; not over the API" if spec.restricted else kind


def _json_code(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"`` {text} ``" if "`" in text else f"`{text}`"


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
    options = REFERENCE / "options.md"
    table = [*OPTIONS_HEAD, *option_rows()]
    options.write_text(with_table(options.read_text("utf-8"), "# Options", table), "utf-8")
    text = cli.read_text("utf-8")
    for name in commands():
        text = with_table(text, f"## `serena {name}", command_table(name))
    cli.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
