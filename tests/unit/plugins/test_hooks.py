"""Calling plugins: order, failures, wrappers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from core.domain.errors import InvalidValue, PluginError
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest
from core.drafts import RequestDraft
from plugins.calling import HookRules, OnError
from plugins.hooks import PluggyRunHooks
from plugins.hookspecs import AppInfo, hookimpl
from plugins.manager import load_plugins


class Says:
    def __init__(self, word: str) -> None:
        self._word = word

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.prompt += self._word


class First(Says):
    @hookimpl(tryfirst=True)
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.prompt += self._word


class Raises:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        raise self._error

    @hookimpl
    def serena_saved(self, path: str) -> None:
        raise self._error

    @hookimpl
    def serena_failed(self, error: BaseException) -> None:
        raise self._error

    @hookimpl
    def serena_shutdown(self) -> None:
        raise self._error


class Wrapper:
    """Says a word before and after; ``rescue`` swallows what it wraps, ``fails`` says where it breaks."""

    def __init__(self, word: str, *, rescue: bool = False, fails: str = "") -> None:
        self._word, self._rescue, self._fails = word, rescue, fails

    @hookimpl(wrapper=True)
    def serena_prepare(self, draft: RequestDraft) -> Iterator[None]:
        self._fail("before")
        draft.prompt += f"<{self._word}"
        try:
            yield
        except PluginError:
            self._fail("in rescue")
            if not self._rescue:
                raise
        self._fail("after")
        draft.prompt += f"{self._word}>"

    def _fail(self, where: str) -> None:
        if self._fails == where:
            raise ValueError(f"broken {where}")


def hooks(*plugins: object, on_error: OnError = "fail") -> PluggyRunHooks:
    objects = [(f"p{number}", plugin) for number, plugin in enumerate(plugins)]
    return PluggyRunHooks(load_plugins(found=(), objects=objects), HookRules(on_error=on_error))


def draft() -> RequestDraft:
    return RequestDraft("r", GenerationRequest(), OptionRegistry(OPTIONS).values({}))


def test_the_last_registered_runs_first() -> None:
    made = draft()
    hooks(First("a"), Says("b"), Says("c")).prepare(made)
    assert made.prompt == "acb"


def test_a_wrapper_is_around_all_others() -> None:
    made = draft()
    hooks(Says("a"), Wrapper("w"), Says("b"), Wrapper("v")).prepare(made)
    assert made.prompt == "<v<wbaw>v>"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no")])
def test_a_failure_names_the_plugin(error: BaseException) -> None:
    with pytest.raises(PluginError, match=r"'p1' failed in serena_prepare: \w+: no") as found:
        hooks(Says("a"), Raises(error)).prepare(draft())
    assert (found.value.plugin, found.value.hook) == ("p1", "serena_prepare")


def test_a_refusal_comes_out_as_it_is() -> None:
    refusal = InvalidValue("prompt", "x", "no cats")
    for on_error in ("fail", "skip"):
        with pytest.raises(InvalidValue, match="no cats"):
            hooks(Raises(refusal), on_error=on_error).prepare(draft())  # type: ignore[arg-type]


def test_a_failing_plugin_may_be_skipped(caplog: pytest.LogCaptureFixture) -> None:
    made = draft()
    hooks(Says("a"), Raises(ValueError("no")), Says("b"), on_error="skip").prepare(made)
    assert made.prompt == "ba"
    assert "'p1' failed in serena_prepare" in caplog.text
    assert "skipped" in caplog.text


def test_a_wrapper_may_rescue_the_run() -> None:
    made = draft()
    hooks(Raises(ValueError("no")), Wrapper("w", rescue=True)).prepare(made)
    assert made.prompt == "<ww>"
    with pytest.raises(PluginError, match="'p0'"):
        hooks(Raises(ValueError("no")), Wrapper("w")).prepare(draft())


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize("where", ["before", "after", "in rescue"])
def test_a_wrapper_that_breaks_is_named(where: str, on_error: OnError) -> None:
    wrapped: tuple[object, ...] = (Raises(ValueError("no")),) if where == "in rescue" else ()
    if wrapped and on_error == "skip":
        wrapped = (Wrapper("v", fails="after"),)
        where = "after"
    breaking = Wrapper("w", fails=where)
    with pytest.raises(PluginError, match=f"broken {where}"):
        hooks(*wrapped, breaking, on_error=on_error).prepare(draft())


def test_a_wrapper_that_never_yields_is_named() -> None:
    class Silent:
        @hookimpl(wrapper=True)
        def serena_prepare(self, draft: RequestDraft) -> Iterator[None]:
            if draft.prompt:
                yield

    with pytest.raises(PluginError, match="didn't yield"):
        hooks(Silent()).prepare(draft())


def test_after_the_fact_everybody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []

    class Listens:
        @hookimpl
        def serena_saved(self, run_id: str, path: str) -> None:
            told.append((run_id, path))

        @hookimpl
        def serena_failed(self, run_id: str, error: BaseException) -> None:
            told.append(str(error))

        @hookimpl
        def serena_shutdown(self) -> None:
            told.append("end")

    made = hooks(Listens(), Raises(SystemExit("no")))
    made.saved("r", "p")
    made.failed("r", ValueError("x"))
    made.shutdown()
    assert told == [("r", "p"), "x", "end"]
    assert caplog.text.count("'p1' failed") == 3


def test_a_plugin_that_fails_to_get_ready_is_named_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Fails:
        @hookimpl
        def serena_ready(self, app: AppInfo) -> None:
            raise ValueError("not today")

    with caplog.at_level(logging.WARNING):
        hooks(Fails(), Fails()).ready(AppInfo("1", "1.0", "fake"))
    assert "'p0' failed in serena_ready" in caplog.text
    assert "'p1' failed in serena_ready" in caplog.text
