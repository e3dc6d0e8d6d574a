"""How the command ends: 0, 1 for what failed, 2 for what was asked wrongly, 130 for Ctrl-C. Never a traceback
for an error that Serena raises on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from core.domain.errors import InvalidRequest, SerenaError, SettingsError

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def run(cli: typer.Typer, argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code. ``argv`` is without the program's name; None takes that of the
    process."""
    command = typer.main.get_command(cli)
    try:
        command.main(None if argv is None else list(argv), prog_name="serena")
    except SystemExit as end:
        return _code(end.code)
    except SerenaError as error:
        return report(error)
    except OSError as error:
        typer.echo(f"serena: {_sentence(error)}", err=True)
        return FAILED
    return OK


def report(error: SerenaError) -> int:
    """Say what went wrong, in one line, and which exit code that is."""
    typer.echo(f"serena: {' '.join(str(error).split())}", err=True)
    return WRONG if isinstance(error, InvalidRequest | SettingsError) else FAILED


def _sentence(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}"


def _code(code: str | int | None) -> int:
    if code is None:
        return OK
    return code if isinstance(code, int) else FAILED
