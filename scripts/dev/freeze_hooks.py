"""Freeze the hooks that plugins are written against: ``contracts/hooks.json``.

Run it from the root of the repository after a change that is meant. It refuses a change that the version in
``plugins/hookspecs.py`` does not allow: what is added needs a new minor version, what is taken away a major.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path.cwd()))

from adapters.backends.torch import hook_drafts
from adapters.backends.torch.hooks import specs as tensor_specs
from core import drafts
from core.domain import scripts
from core.domain.options import OptionValues
from core.domain.resources import LoraChoice, ScriptArg
from core.domain.styles import Style
from plugins import hookspecs
from plugins.scripts import ScriptRegister
from plugins.settings import SettingsRegister

FROZEN = Path("contracts/hooks.json")
MARK = f"{hookspecs.PROJECT}_spec"
SPECS: tuple[ModuleType, ...] = (hookspecs, tensor_specs)
"""The hooks of every run, and those that the torch backend ships."""


def made_in(module: ModuleType) -> tuple[type, ...]:
    return tuple(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    )


TYPES: tuple[type, ...] = (
    *made_in(drafts),
    *made_in(hook_drafts),
    hookspecs.AppInfo,
    LoraChoice,
    OptionValues,
    scripts.Script,
    ScriptArg,
    ScriptRegister,
    SettingsRegister,
    Style,
)
"""What hooks are handed, and what scripts are made of."""


def hook_functions() -> dict[str, Any]:
    """Every hook by its name."""
    functions = (pair for module in SPECS for pair in inspect.getmembers(module, inspect.isfunction))
    return {name: function for name, function in functions if hasattr(function, MARK)}


def describe() -> dict[str, Any]:
    """The live hooks: arguments in order, and the public members of what is handed to them."""
    return {
        "version": hookspecs.HOOK_API_VERSION,
        "hooks": {name: _hook(function) for name, function in hook_functions().items()},
        "types": {kind.__name__: _members(kind) for kind in sorted(TYPES, key=lambda kind: kind.__name__)},
    }


def _hook(function: Any) -> dict[str, Any]:
    spec = getattr(function, MARK)
    return {
        "arguments": list(inspect.signature(function).parameters),
        "historic": spec["historic"],
        "first_result": spec["firstresult"],
        "deprecated": spec["warn_on_impl"] is not None,
    }


def _members(kind: type) -> list[str]:
    fields = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    others = [name for name in vars(kind) if name not in fields and not name.startswith("_")]
    called = ["__call__"] if "__call__" in vars(kind) else []
    return [*fields, *others, *called]


def problems(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What the step from one version to the other does not allow."""
    before, after = (tuple(map(int, one["version"].split("."))) for one in (old, new))
    gone = [
        *_gone("hook", old["hooks"], new["hooks"]),
        *(
            problem
            for name in old["hooks"].keys() & new["hooks"].keys()
            for problem in _gone(
                f"argument of {name}:", old["hooks"][name]["arguments"], new["hooks"][name]["arguments"]
            )
        ),
        *(
            problem
            for name in old["types"].keys() & new["types"].keys()
            for problem in _gone(f"member of {name}:", old["types"][name], new["types"][name])
        ),
        *_gone("type", old["types"], new["types"]),
    ]
    if gone and after[0] == before[0]:
        return [f"{problem} is gone, which needs version {before[0] + 1}.0" for problem in gone]
    if dict(old, version="") != dict(new, version="") and after <= before:
        return [f"the hooks have changed, which needs version {before[0]}.{before[1] + 1}"]
    return []


def _gone(what: str, old: Any, new: Any) -> list[str]:
    return [f"{what} {name}" for name in old if name not in new]


def main() -> int:
    new = describe()
    if FROZEN.exists():
        found = problems(json.loads(FROZEN.read_text("utf-8")), new)
        if found:
            print("\n".join(found), file=sys.stderr)
            return 1
    FROZEN.write_text(json.dumps(new, indent=1) + "\n", "utf-8")
    print(f"wrote {FROZEN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
