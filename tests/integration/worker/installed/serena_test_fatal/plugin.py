"""Does what the first word of a prompt says; notes runs in files where a test asked for it."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, Field

from serena import RequestDraft, ResultDraft, SettingsRegister, hookimpl


class FatalSettings(BaseModel):
    """What can be set."""

    colour: str = Field("red", pattern="^[a-z]+$")


def _once(prompt: str) -> None:
    """Abort, the first time that the file of the prompt's second word is not there."""
    flag = Path(prompt.split()[1])
    if not flag.exists():
        flag.touch()
        os.abort()


def _greedy(prompt: str) -> None:
    raise MemoryError


def _noisy(prompt: str) -> None:
    sys.stdout.write('{"is":"result"}\n')
    sys.stdout.flush()
    os.write(1, b"noise\n")
    assert sys.stdin.read() == ""


ACTS: dict[str, Callable[[str], object]] = {
    "abort": lambda prompt: os.abort(),
    "exit": lambda prompt: os._exit(3),
    "segfault": lambda prompt: ctypes.string_at(0),
    "hang": lambda prompt: threading.Event().wait(),
    "greedy": _greedy,
    "noisy": _noisy,
    "once": _once,
}


@hookimpl
def serena_register_settings(register: SettingsRegister) -> None:
    register.add(FatalSettings)


@hookimpl
def serena_prepare(draft: RequestDraft) -> None:
    draft.extra_generation_params["Colour"] = draft.options.of(FatalSettings).colour
    ACTS.get(draft.prompt.split(" ")[0], str)(draft.prompt)
    _note("prepared", draft.run_id)
    draft.prompt = f"{draft.prompt} {os.environ.get('SERENA_TEST_WORD', '')}"


@hookimpl
def serena_finalize(draft: ResultDraft) -> None:
    _note("finalized", draft.run_id)


@hookimpl
def serena_failed(run_id: str, error: BaseException) -> None:
    _note("failed", run_id)


@hookimpl
def serena_saved(run_id: str, path: str) -> None:
    _note("saved", path)


@hookimpl
def serena_shutdown() -> None:
    _note("shutdown", "1")


def _note(what: str, line: str) -> None:
    folder = os.environ.get("SERENA_TEST_NOTES")
    if folder:
        with Path(folder, what).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
