"""Options that users change at run time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from core.domain.errors import NotReady, SerenaError
from core.domain.options import (
    HASH_OPTION,
    MODEL_OPTION,
    OptionRegistry,
    OptionSpec,
    OptionValue,
    OptionValues,
)
from core.ports.driven import ModelCatalog, OptionStore
from core.stages.lookup import unknown_model

log = logging.getLogger("serena.options")
NO_BASE: Mapping[str, OptionValue] = MappingProxyType({})


class OptionEditor:
    """``EditOptions``: all changes of a call or none, kept at once. Keeps values that differ from ``base``.

    :param default_model: what requests draw with while no option names a model; None: the first listed.
    :param base: accepted values that stand in for defaults, and are never stored.
    """

    def __init__(
        self,
        registry: OptionRegistry,
        store: OptionStore,
        models: ModelCatalog,
        default_model: str | None = None,
        base: Mapping[str, OptionValue] = NO_BASE,
    ) -> None:
        self._registry = registry
        self._store = store
        self._models = models
        self._default_model = default_model
        self._base = dict(base)
        self._lock = threading.Lock()
        self._changed = self._kept()

    def values(self) -> OptionValues:
        """The options in force, as a job sees them. A later change leaves these values alone."""
        return self._registry.values({**self._base, **self._changed})

    def get(self) -> Mapping[str, OptionValue]:
        values = dict(self.values())
        current = self._current_model(values[MODEL_OPTION])
        if current is not None:
            values[MODEL_OPTION], values[HASH_OPTION] = current
        return values

    def set(self, changes: Mapping[str, OptionValue]) -> None:
        wanted = {k: v for k, v in changes.items() if self._may_change(k, v)}
        model = self._registry.accept({k: v for k, v in wanted.items() if k == MODEL_OPTION})
        if model.get(MODEL_OPTION) and model[MODEL_OPTION] != self.values()[MODEL_OPTION]:
            wanted[MODEL_OPTION] = self._title(model[MODEL_OPTION])
        with self._lock:  # what they are to go with must not change meanwhile
            accepted = self._registry.accept(wanted, self.values().changed)
            merged = {**self._changed, **accepted}
            standing = self._registry.values(self._base)
            changed = {k: v for k, v in merged.items() if k not in self._registry or v != standing[k]}
            if changed != self._changed:
                self._store.save(changed)
                self._changed = changed

    def learn(self, specs: Iterable[OptionSpec]) -> None:
        """These are the options that were still missing; what was kept of them is checked by now. Those that
        are known stay."""
        with self._lock:
            for spec in specs:
                if spec.name not in self._registry:
                    self._registry.add(spec)
            self._registry.complete = True
            self._changed = self._kept()

    def specs(self) -> Sequence[OptionSpec]:
        return tuple(self._registry)

    def _kept(self) -> dict[str, OptionValue]:
        """What the store has, and as it is where nobody knows the option yet. A plugin's option of which it
        has what the plugin does not take any more is as if nobody had changed it."""
        found = {name: value for name, value in self._store.load().items() if self._registry.may_have(name)}
        known = {name: value for name, value in found.items() if name in self._registry}
        kept = {name: value for name, value in found.items() if name not in known}
        for check, group in self._registry.grouped(known).items():
            kept |= self._registry.accept(group) if check is None else self._still_taken(group)
        return kept

    def _still_taken(self, group: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """Of a plugin's options: all, else each that is taken beside those before it."""
        with suppress(SerenaError):
            return self._registry.accept(group, self._base)
        taken: dict[str, OptionValue] = {}
        for name, value in group.items():
            try:
                taken |= self._registry.accept({name: value}, {**self._base, **taken})
            except NotReady:  # nobody can tell now
                return dict(group)
            except SerenaError as error:
                log.warning("what is kept of an option is passed over: %s", error)
        return taken

    def _may_change(self, name: str, value: OptionValue) -> bool:
        """Restricted options are left alone in silence; the hash follows from the model; null changes nothing
        where the option has a value, as clients send lists with nulls in them."""
        spec = self._registry.spec(name)
        return not (spec.restricted or name == HASH_OPTION or (value is None and spec.default is not None))

    def _title(self, name: str) -> str:
        found = self._models.find(name)
        if found is None:
            raise unknown_model(name, self._models)
        return found.identity.title

    def _current_model(self, name: str | None) -> tuple[str, str] | None:
        name = name or self._default_model
        ref = self._models.find(name) if name else next(iter(self._models.all()), None)
        return (ref.identity.title, ref.identity.sha256) if ref is not None else None
