"""The request fields that name scripts, checked against those that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.http.errors import NotAlwaysOnError
from core.domain.errors import InvalidValue, UnknownScript
from core.domain.resources import ScriptInfo
from core.domain.scripts import Given, bind

OF_THE_PAGE = frozenset(("seed", "sampler", "refiner", "extra options", "comments"))
"""Always-on scripts that only fill in a page's form. Requests have fields for what they do."""

OF_EXTENSIONS = frozenset(
    (
        "adetailer", "animatediff", "controlnet", "cutoff", "dynamic prompts", "dynamic prompts v2.17.1",
        "dynamic thresholding (cfg scale fix)", "freeu integrated (sd 1.x, sd 2.x, sdxl)", "hypertile",
        "kohya hrfix integrated", "latent couple extension", "multidiffusion integrated",
        "never oom integrated", "reactor", "regional prompter", "roop", "segment anything",
        "self attention guidance", "soft inpainting", "tiled diffusion", "tiled vae",
    )
)  # fmt: skip
"""Clients send these switched off with every request, whether the extension is there or not."""

Wanted = Mapping[str, Any]


def selected(name: str | None, args: Given, scripts: Sequence[ScriptInfo]) -> tuple[Any, ...]:
    """The arguments of the script that a request selects, every one, by position. Without a script they mean
    nothing. Raises ``UnknownScript``, or ``InvalidValue`` for an argument."""
    if not name:
        return ()
    folded = name.casefold()
    script = next((s for s in scripts if s.name.casefold() == folded and not s.always_on), None)
    if script is None:
        raise UnknownScript(name)
    return tuple(bind(script.name, script.args, args).values())


def effective(wanted: Wanted, scripts: Sequence[ScriptInfo]) -> dict[str, Any]:
    """The always-on scripts of a request without those that would do nothing.

    Raises ``UnknownScript`` for one that is not there but switched on.
    """
    known = {script.name.casefold(): script for script in scripts}
    return {
        name: {"args": _bound(known[name.casefold()], name, value)}
        for name, value in wanted.items()
        if _acts(name, value, known)
    }


def _acts(name: str, value: Any, known: Mapping[str, ScriptInfo]) -> bool:
    folded = name.casefold()
    script = known.get(folded)
    if script is not None and not script.always_on:
        raise NotAlwaysOnError
    if script is None and folded not in OF_THE_PAGE:
        if folded in OF_EXTENSIONS and _is_off(value):
            return False
        raise UnknownScript(name)
    _arguments(name, value)
    return script is not None


def _bound(script: ScriptInfo, name: str, value: Any) -> list[Any]:
    """Every argument by position, however they were sent."""
    return list(bind(script.name, script.args, _arguments(name, value)).values())


def _arguments(name: str, value: Any) -> Given:
    if not isinstance(value, dict):
        raise InvalidValue(f"alwayson_scripts[{name!r}]", value, 'it must be an object: {"args": [...]}')
    found = value.get("args", [])
    if not isinstance(found, list | dict):
        raise InvalidValue(f"alwayson_scripts[{name!r}].args", found, "it must be a list")
    return found


def _is_off(value: Any) -> bool:
    """Flags may stand before the units (``[true, {...}]``); then the units count."""
    args = value.get("args", []) if isinstance(value, dict) else None
    if not isinstance(args, list):
        return False
    units = [argument for argument in args if isinstance(argument, dict)]
    return not args or args[0] is False or all(map(_is_empty, units or args))


def _is_empty(argument: Any) -> bool:
    if not isinstance(argument, dict):
        return not argument
    return argument.get("enabled") in (False, 0, "false") or argument.get("ad_model") in ("", "None")
