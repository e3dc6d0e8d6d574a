"""Calls implementations one by one, so that the one that fails is named."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias, cast

import pluggy

from core.domain.errors import PluginError, SerenaError
from plugins.checks import check_draft
from plugins.counting import HookCounts
from plugins.limits import RunGuard, TookTooLongError
from plugins.marking import CallMarks, marked

log = logging.getLogger("serena.plugins")

OnError = Literal["fail", "skip"]
Trace: TypeAlias = Callable[[str], None]

LIFE = frozenset(("serena_ready", "serena_shutdown"))
"""Hooks for the start and the end of the application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRules:
    """How plugins are called.

    :param on_error: ``fail`` ends the run with :class:`PluginError`; ``skip`` logs it and goes on with the
        next plugin. ``errors`` says otherwise of single plugins, by their names.
    :param seconds: what one call may take; 0 sets no limit. Built-in plugins (``trusted``) have none.
    :param life_seconds: the same of the hooks for the start and the end of the application.
    :param trace: told of each call and its time, a line each.
    :param marks: where it is marked which plugin each thread is in, of those that are not ``trusted``.
    """

    on_error: OnError = "fail"
    errors: Mapping[str, OnError] = field(default_factory=dict)
    seconds: float = 0.0
    life_seconds: float = 0.0
    trusted: Collection[str] = frozenset()
    trace: Trace | None = None
    marks: CallMarks | None = None


class HookCalls:
    """Calls hooks. Wrappers go around all others; of the rest, the last registered is called first."""

    def __init__(self, manager: pluggy.PluginManager, rules: HookRules) -> None:
        self._manager = manager
        self._rules = rules
        self.guard = RunGuard(rules.seconds if self._has_strangers() else 0.0)
        self.counts = HookCounts()

    def call(self, name: str, **arguments: Any) -> None:
        """Raises ``PluginError``, or an error of Serena's tree that a plugin raised (a refusal)."""
        wrappers, plain = self.implementations(name)
        with ExitStack() as around:
            for impl in wrappers:
                around.enter_context(self._wrapped(name, impl, arguments))
            for impl in plain:
                self._call_one(name, impl, arguments)

    def tell(self, name: str, **arguments: Any) -> None:
        """For hooks after the fact: every plugin is told, wrappers around the others, and a failure is only
        logged."""
        wrappers, plain = self.implementations(name)
        with ExitStack() as around:
            for impl in wrappers:
                around.enter_context(self._heard(name, impl, arguments))
            for impl in plain:
                self._tell_one(name, impl, arguments)

    def implemented(self, name: str) -> bool:
        """Whether any plugin implements it."""
        return bool(self._caller(name).get_hookimpls())

    def _has_strangers(self) -> bool:
        names = {name for name, _ in self._manager.list_name_plugin()}
        return bool(names - set(self._rules.trusted))

    def implementations(self, name: str) -> tuple[list[pluggy.HookImpl], list[pluggy.HookImpl]]:
        """Wrappers and plain implementations, each in calling order (pluggy keeps the first one last)."""
        impls = self._caller(name).get_hookimpls()[::-1]
        return [i for i in impls if i.wrapper], [i for i in impls if not (i.wrapper or i.hookwrapper)]

    def _caller(self, name: str) -> pluggy.HookCaller:
        caller: pluggy.HookCaller = getattr(self._manager.hook, name)
        return caller

    def broken(self, name: str, error: Exception) -> PluginError:
        """For what the implementations of a hook have left together: which one did it is not known. Built-in
        ones are named where there are no others."""
        return PluginError(", ".join(self._suspects(name)), name, error)

    def left_broken(self, name: str, error: Exception) -> PluginError:
        """The same, where nobody has looked at what each of them left: it counts as a failure of them."""
        for plugin in self._suspects(name):
            self.counts.left_broken(plugin, name)
        return self.broken(name, error)

    def _suspects(self, name: str) -> list[str]:
        wrappers, plain = self.implementations(name)
        names = [str(impl.plugin_name) for impl in (*wrappers, *plain)]
        return [plugin for plugin in names if plugin not in self._rules.trusted] or names

    @contextmanager
    def naming(self, name: str, plugin: str) -> Iterator[None]:
        """Makes a failure of a plugin one that names it."""
        try:
            yield
        except SerenaError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(plugin, name, error) from error

    @contextmanager
    def _wrapped(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> Iterator[None]:
        """A wrapper is a generator with one yield, which is just what ``contextmanager`` drives: it sees the
        error of what it wraps, and rescues the run by not raising."""
        wrapper = contextmanager(_generator(impl))(*_bound(impl, arguments))
        self._run(name, impl, wrapper.__enter__)
        try:
            yield
        except Exception as error:
            rescued: list[bool | None] = []
            seen = error
            self._run(
                name, impl, lambda: rescued.append(wrapper.__exit__(type(seen), seen, seen.__traceback__))
            )
            if not any(rescued):
                raise
        else:
            self._run(name, impl, lambda: wrapper.__exit__(None, None, None))

    @contextmanager
    def _heard(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> Iterator[None]:
        """A wrapper that is told: it breaks nothing, before or after."""
        with ExitStack() as around:
            try:
                around.enter_context(self._wrapped(name, impl, arguments))
            except Exception as error:
                log.warning("%s", error)
            yield
            try:
                around.close()
            except Exception as error:
                log.warning("%s", error)

    def _call_one(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> None:
        try:
            self._run(name, impl, lambda: self._checked(name, impl, arguments))
        except PluginError as failure:
            if self._rules.errors.get(impl.plugin_name, self._rules.on_error) == "fail":
                raise
            log.warning("%s; skipped", failure)

    def _checked(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> None:
        impl.function(*_bound(impl, arguments))
        if impl.plugin_name not in self._rules.trusted:
            check_draft(name, arguments)

    def _tell_one(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> None:
        try:
            self._run(name, impl, lambda: impl.function(*_bound(impl, arguments)))
        except PluginError as failure:
            log.warning("%s", failure)
        except SerenaError as error:
            log.warning("%s", PluginError(impl.plugin_name, name, error))

    def _run(self, name: str, impl: pluggy.HookImpl, call: Callable[[], object]) -> None:
        plugin, failed, late = impl.plugin_name, False, False
        started = time.perf_counter()
        try:
            with self.naming(name, plugin):
                if plugin in self._rules.trusted:
                    call()
                else:
                    self.guard.alone(plugin, name, self._marked(name, plugin, call), self._limit(name))
        except PluginError as error:
            failed, late = True, isinstance(error.__cause__, TookTooLongError)
            raise
        finally:
            took = time.perf_counter() - started
            self.counts.called(plugin, name, took, failed=failed, late=late)
            if self._rules.trace is not None:
                self._rules.trace(f"{name} {plugin} {took * 1000:.2f} ms")

    def _marked(self, name: str, plugin: str, call: Callable[[], object]) -> Callable[[], object]:
        marks = self._rules.marks
        return call if marks is None else partial(marked, marks, plugin, name, call)

    def _limit(self, name: str) -> float:
        return self._rules.life_seconds if name in LIFE else self._rules.seconds


def _generator(impl: pluggy.HookImpl) -> Callable[..., Iterator[None]]:
    return cast(Callable[..., Iterator[None]], impl.function)


def _bound(impl: pluggy.HookImpl, arguments: dict[str, Any]) -> list[Any]:
    return [arguments[name] for name in impl.argnames]
