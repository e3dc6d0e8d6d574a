"""The hook points of a run, over pluggy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

import pluggy

from core.domain.errors import PluginError, SerenaError

if TYPE_CHECKING:
    from core.drafts import BatchDraft, ImageDraft, RequestDraft, ResultDraft, SaveDraft
    from plugins.hookspecs import AppInfo

log = logging.getLogger("serena.plugins")

OnError = Literal["fail", "skip"]


class PluggyRunHooks:
    """Calls the plugins' hooks one by one, so that the one that fails is named.

    :param on_error: ``fail`` ends the run with :class:`PluginError`; ``skip`` logs it and goes on with the
        next plugin. The failure of a wrapper, and an error of Serena's own tree (a refusal, an interrupt),
        always end the run.
    """

    def __init__(self, manager: pluggy.PluginManager, on_error: OnError = "fail") -> None:
        self._manager = manager
        self._on_error = on_error

    def prepare(self, draft: RequestDraft) -> None:
        self._call("serena_prepare", draft=draft)

    def before_batch(self, draft: BatchDraft) -> None:
        self._call("serena_before_batch", draft=draft)

    def image(self, draft: ImageDraft) -> None:
        self._call("serena_image", draft=draft)

    def finalize(self, draft: ResultDraft) -> None:
        self._call("serena_finalize", draft=draft)

    def failed(self, run_id: str, error: BaseException) -> None:
        self._call_all("serena_failed", run_id=run_id, error=error)

    def before_save(self, draft: SaveDraft) -> None:
        self._call("serena_before_save", draft=draft)

    def saved(self, run_id: str, path: str) -> None:
        self._call_all("serena_saved", run_id=run_id, path=path)

    def ready(self, app: AppInfo) -> None:
        self._call_all("serena_ready", app=app)
        # Everybody here was told, each by itself; pluggy tells those who are registered later.
        told = self._manager.get_plugins()
        self._manager.subset_hook_caller("serena_ready", told).call_historic(kwargs={"app": app})

    def shutdown(self) -> None:
        self._call_all("serena_shutdown")

    def _call(self, name: str, **arguments: Any) -> None:
        wrappers, plain = self._implementations(name)
        with ExitStack() as around:
            for impl in wrappers:
                around.enter_context(self._wrapped(name, impl, arguments))
            for impl in plain:
                self._call_one(name, impl, arguments)

    @contextmanager
    def _wrapped(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> Iterator[None]:
        """A wrapper is a generator with one yield, which is just what ``contextmanager`` drives: it sees the
        error of what it wraps, and rescues the run by not raising."""
        wrapper = contextmanager(_generator(impl))(*_bound(impl, arguments))
        with self._naming(name, impl):
            wrapper.__enter__()
        try:
            yield
        except Exception as error:
            with self._naming(name, impl):
                if not wrapper.__exit__(type(error), error, error.__traceback__):
                    raise
        else:
            with self._naming(name, impl):
                wrapper.__exit__(None, None, None)

    @contextmanager
    def _naming(self, name: str, impl: pluggy.HookImpl) -> Iterator[None]:
        """Makes a failure of a plugin one that names it."""
        try:
            yield
        except SerenaError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(impl.plugin_name, name, error) from error

    def _call_one(self, name: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> None:
        try:
            with self._naming(name, impl):
                impl.function(*_bound(impl, arguments))
        except PluginError as failure:
            if self._on_error == "fail":
                raise
            log.warning("%s; skipped", failure)

    def _call_all(self, name: str, **arguments: Any) -> None:
        """For hooks after the fact: every plugin is told, and a failure is only logged."""
        for impl in self._implementations(name)[1]:
            try:
                impl.function(*_bound(impl, arguments))
            except (Exception, SystemExit) as error:
                log.warning("%s", PluginError(impl.plugin_name, name, error))

    def _implementations(self, name: str) -> tuple[list[pluggy.HookImpl], list[pluggy.HookImpl]]:
        """Wrappers and plain implementations, each in calling order (pluggy keeps the first one last)."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, name)
        impls = caller.get_hookimpls()[::-1]
        return [i for i in impls if i.wrapper], [i for i in impls if not (i.wrapper or i.hookwrapper)]


def _generator(impl: pluggy.HookImpl) -> Callable[..., Iterator[None]]:
    return cast(Callable[..., Iterator[None]], impl.function)


def _bound(impl: pluggy.HookImpl, arguments: dict[str, Any]) -> list[Any]:
    return [arguments[name] for name in impl.argnames]
