"""Options that users change at run time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from core.domain.errors import SerenaError
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
        accepted = self._registry.accept({k: v for k, v in changes.items() if self._may_change(k, v)})
        model = accepted.get(MODEL_OPTION)
        if model and model != self.values()[MODEL_OPTION]:
            accepted[MODEL_OPTION] = self._title(model)
        with self._lock:
            merged = {**self._changed, **accepted}
            standing = self._registry.values(self._base)
            changed = {k: v for k, v in merged.items() if v != standing[k]}
            if changed != self._changed:
                self._store.save(changed)
                self._changed = changed

    def learn(self, specs: Iterable[OptionSpec]) -> None:
        """There are more options now; what was kept of them is in force again. Those that are known stay."""
        with self._lock:
            for spec in specs:
                if spec.name not in self._registry:
                    self._registry.add(spec)
            self._changed = {**self._kept(), **self._changed}

    def specs(self) -> Sequence[OptionSpec]:
        return tuple(self._registry)

    def _kept(self) -> dict[str, OptionValue]:
        """What the store has. A plugin's option of which it has what the plugin does not take any more is as
        if nobody had changed it."""
        found = {name: value for name, value in self._store.load().items() if name in self._registry}
        accepted = {}
        for name, value in found.items():
            spec = self._registry.spec(name)
            try:
                accepted[name] = spec.accept(value)
            except SerenaError as error:
                if spec.check is None:
                    raise
                log.warning("what is kept of an option is passed over: %s", error)
        return accepted

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
