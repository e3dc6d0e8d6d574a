"""What of a plugin can be set: a pydantic model, whose fields become options."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from core.domain.errors import InvalidValue, PluginError
from core.domain.option_table import OPTIONS
from core.domain.options import OptionSpec
from plugins.report import PluginSetting

RESTRICTED = "restricted"
"""In ``json_schema_extra`` of a field: only the configuration may change it."""
CHECK = "the check of its settings"
"""Where a plugin failed whose model raises what is no refusal."""


class NoJsonError(Exception):
    """A value of ``field`` that JSON has no sign for."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"{field}: JSON cannot hold {value!r}")
        self.field = field


@dataclass(frozen=True, slots=True)
class PluginOptions:
    """The settings of one plugin.

    :ivar kind: its model. :ivar specs: the option that each field has become.
    """

    plugin: str
    kind: type[BaseModel]
    specs: Mapping[str, OptionSpec]

    def make(self, values: Mapping[str, Any]) -> BaseModel:
        """The model with these values. Raises ``ValueError``, one sentence, when it refuses them."""
        try:
            return self.kind.model_validate(values)
        except ValidationError as error:
            raise ValueError(f"the settings of the plugin {self.plugin!r}: {_sentence(error)}") from None


class SettingsRegister:
    """Handed to ``serena_register_settings``.

    :param plugin: who is being asked. :param given: what the configuration says to it.
    :param taken: the settings of plugins that were loaded before.
    """

    def __init__(self, plugin: str, given: Mapping[str, Any], taken: Sequence[PluginOptions] = ()) -> None:
        self._plugin = plugin
        self._given = given
        self._taken = taken
        self.offered: PluginOptions | None = None

    def add(self, kind: type[BaseModel]) -> None:
        """Offer settings, once. Every field needs a default and a value that JSON can hold.

        ``Field(json_schema_extra={"restricted": True})`` keeps one from being changed over HTTP: a folder,
        say. Raises ``ValueError``, for what the configuration says as well.
        """
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            raise ValueError(f"its settings: {kind!r} is no model of pydantic")
        if self.offered is not None:
            raise ValueError("serena_register_settings adds one model of settings, and not another one")
        names = {field: f"{folded(self._plugin)}_{field}" for field in kind.model_fields}
        self._check_names(kind, names)
        configured = self._configured(kind)
        check = partial(_checked, self._plugin, kind, configured, names)
        specs = {
            field: OptionSpec(option, configured[field], restricted=_is_restricted(kind, field), check=check)
            for field, option in names.items()
        }
        self.offered = PluginOptions(self._plugin, kind, specs)

    def infos(self) -> tuple[PluginSetting, ...]:
        if self.offered is None:
            return ()
        fields = self.offered.kind.model_fields
        return tuple(
            PluginSetting(
                name=field,
                option=spec.name,
                default=spec.default,
                description=fields[field].description or "",
                restricted=spec.restricted,
            )
            for field, spec in self.offered.specs.items()
        )

    def _check_names(self, kind: type[BaseModel], names: Mapping[str, str]) -> None:
        aliased = sorted(name for name, field in kind.model_fields.items() if field.validation_alias)
        if aliased:
            raise ValueError(f"its settings: {aliased[0]!r} has an alias; options are named after fields")
        known = {spec.name for spec in OPTIONS} & set(names.values())
        if known:
            raise ValueError(
                f"its settings: there is an option {min(known)!r} already; use another field name"
            )
        for other in self._taken:
            shared = {spec.name for spec in other.specs.values()} & set(names.values())
            if other.kind is kind or shared:
                raise ValueError(f"its settings are taken by the plugin {other.plugin!r}")

    def _configured(self, kind: type[BaseModel]) -> dict[str, Any]:
        """The values until somebody changes one, as JSON has them."""
        given = _spelt(kind, self._given)
        unknown = sorted(set(given) - set(kind.model_fields))
        if unknown:
            known = ", ".join(kind.model_fields)
            raise ValueError(f"its settings: there is no {unknown[0]!r}; there are {known}")
        try:
            made = _made(kind, given)
            plain = _as_json(made)
            if kind.model_validate(plain) != made:
                raise ValueError("its settings: they come back changed from JSON; secrets and bytes do")
        except ValidationError as error:
            raise ValueError(f"its settings: {_sentence(error)}") from None
        except NoJsonError as error:
            raise ValueError(f"its settings: {error}") from None
        return plain


def folded(name: str) -> str:
    """A plugin's name as environment variables and options can have it."""
    return re.sub(r"\W", "_", name).lower()


def _spelt(kind: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` by the names of fields. Environment variables come in small letters, and theirs win."""
    small: dict[str, list[str]] = {}
    for field in kind.model_fields:
        small.setdefault(field.lower(), []).append(field)
    spelt = {name: value for name, value in given.items() if name in kind.model_fields}
    for name, value in given.items():
        fields = small.get(name, [])
        if name not in spelt:
            spelt[fields[0] if len(fields) == 1 else name] = value
    return spelt


def _made(kind: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """Environment variables are texts. One that its field does not take as a text is read as JSON: so lists,
    tables and null are written there. Raises ``ValidationError``."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        refused = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        read = {name: _read(value) for name, value in given.items() if name in refused}
        if read == {name: given[name] for name in read}:
            raise
        return kind.model_validate({**given, **read})


def _read(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _is_restricted(kind: type[BaseModel], field: str) -> bool:
    extra = kind.model_fields[field].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get(RESTRICTED))


def _checked(
    plugin: str,
    kind: type[BaseModel],
    configured: Mapping[str, Any],
    names: Mapping[str, str],
    changes: Mapping[str, Any],
    standing: Mapping[str, Any],
) -> dict[str, Any]:
    """``changes`` of options as JSON has them, checked together with the others as they stand, so that rules
    over several fields hold."""
    given = {field: changes[name] for field, name in names.items() if name in changes}
    beside = {field: standing[name] for field, name in names.items() if name in standing}
    try:
        plain = _as_json(kind.model_validate({**configured, **beside, **given}))
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        known = not place or place[0] in given
        raise _refusal(
            plugin, names, given, place[:1], _reason(error) if known else _sentence(error)
        ) from None
    except NoJsonError as error:
        raise _refusal(plugin, names, given, (error.field,), "JSON cannot hold it") from None
    except Exception as error:
        raise PluginError(plugin, CHECK, error) from error
    return {names[field]: plain[field] for field in given}


def _refusal(
    plugin: str,
    names: Mapping[str, str],
    given: Mapping[str, Any],
    place: tuple[object, ...],
    reason: str,
) -> InvalidValue:
    """Names the option that is wrong; where several are, which do not go together, all of the plugin's that
    change."""
    wrong = [field for field in given if field in place or len(given) == 1]
    if wrong:
        return InvalidValue(f"option {names[wrong[0]]}", given[wrong[0]], reason)
    return InvalidValue(f"what is set of the plugin {plugin!r}", given, reason)


def _as_json(settings: BaseModel) -> dict[str, Any]:
    """Raises ``NoJsonError`` for infinities and what is no number."""
    plain: dict[str, Any] = settings.model_dump(mode="json")
    for name, value in plain.items():
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise NoJsonError(name, value) from None
    return plain


def _sentence(error: ValidationError) -> str:
    place = ".".join(map(str, error.errors()[0]["loc"]))
    return f"{place}: {_said(error)}" if place else _said(error)


def _reason(error: ValidationError) -> str:
    text = _said(error)
    return text[:1].lower() + text[1:]


def _said(error: ValidationError) -> str:
    """In one line, whatever a plugin's own rule says."""
    return " ".join(str(error.errors()[0]["msg"]).split())
