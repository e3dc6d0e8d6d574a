"""What became of each plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.domain.resources import ScriptInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSetting:
    """One setting of a plugin.

    :param name: in the plugin's own table of the configuration.
    :param option: as an option: in ``/sdapi/v1/options`` and in ``override_settings``.
    :param default: until somebody changes it; what the configuration says, if it does.
    :param restricted: only the configuration may change it.
    """

    name: str
    option: str
    default: Any
    description: str = ""
    restricted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginReport:
    """One plugin, loaded or not.

    :param name: entry point name, or the name of a built-in.
    :param hooks: names of the hooks that it implements.
    :param error: why it is not in use; None when it is.
    :param scripts: those that it offers, one for each endpoint.
    :param warnings: what it will have to change before a later version.
    """

    name: str
    distribution: str
    version: str
    builtin: bool
    hooks: tuple[str, ...] = ()
    error: str | None = None
    scripts: tuple[ScriptInfo, ...] = ()
    warnings: tuple[str, ...] = ()
    settings: tuple[PluginSetting, ...] = ()
