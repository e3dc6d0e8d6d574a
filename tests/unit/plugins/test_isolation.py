"""What one plugin does wrong stays its own: the table of docs/reference/hooks.md."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters.backends.torch.hooks import specs as tensor_specs
from contracts.fakes import JournalPlugin
from core.domain.errors import InvalidValue, PluginError
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest
from core.domain.scripts import Script
from core.drafts import RequestDraft
from plugins.calling import HookRules
from plugins.hooks import PluggyRunHooks
from plugins.hookspecs import AppInfo, hookimpl, hookspec
from plugins.manager import GROUP, load_plugins
from plugins.scripts import ScriptRegister
from tests.unit.core.workshop import Workshop, request
from tests.unit.plugins.hanging import GO


def draft() -> RequestDraft:
    return RequestDraft("r", GenerationRequest(), OptionRegistry(OPTIONS).values({}))


def hooks(*plugins: object, **rules: Any) -> PluggyRunHooks:
    objects = [(f"p{number}", plugin) for number, plugin in enumerate(plugins)]
    return PluggyRunHooks(load_plugins(found=(), objects=objects), HookRules(**rules))


class Says:
    def __init__(self, word: str) -> None:
        self._word = word

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.prompt += self._word


class Raises:
    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        raise ValueError("no")


class Hangs:
    """Until it is let go; ``came_back`` is set then."""

    def __init__(self) -> None:
        self.go, self.came_back = threading.Event(), threading.Event()

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self.go.wait(30)
        self.came_back.set()


@pytest.fixture
def hanging() -> Iterator[Hangs]:
    plugin = Hangs()
    yield plugin
    plugin.go.set()
    assert plugin.came_back.wait(30)


def slow_shop(plugin: object, **rules: Any) -> tuple[Workshop, JournalPlugin]:
    journal = JournalPlugin()
    loaded = load_plugins(found=(), objects=[("slow", plugin), ("journal", journal)])
    return Workshop(hooks=PluggyRunHooks(loaded, HookRules(**rules))), journal


def come_back(plugin: Hangs) -> None:
    """Let it go, and wait until its thread has ended."""
    threads = [thread for thread in threading.enumerate() if thread.name == "serena-guarded"]
    plugin.go.set()
    assert plugin.came_back.wait(30)
    for thread in threads:
        thread.join(0.2)


def test_a_plugin_that_hangs_ends_its_job_and_is_named(hanging: Hangs) -> None:
    shop, journal = slow_shop(hanging, seconds=0.05, on_error="skip")
    said = r"plugin 'slow' failed in serena_prepare: TookTooLongError: it has not come back within 0.05 s"
    with pytest.raises(PluginError, match=said):
        shop.draw(request())
    assert len(journal.failed) == 1
    come_back(hanging)
    assert shop.scripted.seen == [], "the run that was given up went no further"
    assert shop.draw(request()).result is not None
    assert len(shop.scripted.seen) == 1


def test_until_it_comes_back_it_is_not_called_again(hanging: Hangs) -> None:
    shop, _ = slow_shop(hanging, seconds=0.05)
    for said in ("has not come back within", "an earlier call of it has not come back yet"):
        with pytest.raises(PluginError, match=said):
            shop.draw(request())


def test_where_it_may_be_skipped_others_draw_without_it(hanging: Hangs) -> None:
    shop, _ = slow_shop(hanging, seconds=0.05, errors={"slow": "skip"})
    with pytest.raises(PluginError, match="has not come back within"):
        shop.draw(request())
    assert shop.draw(request()).result is not None


def test_within_its_time_all_is_as_ever() -> None:
    shop, journal = slow_shop(Says("!"), seconds=30)
    result = shop.result(request())
    assert result.images[0].infotext.startswith("a cat")
    assert journal.prepared == shop.scripted.seen
    failing, _ = slow_shop(Raises(), seconds=30)
    with pytest.raises(PluginError, match="ValueError: no"):
        failing.draw(request())


def test_a_run_that_takes_long_by_itself_is_not_given_up() -> None:
    shop, _ = slow_shop(Says("!"), seconds=0.02)
    shop.scripted.on_run = lambda *_: threading.Event().wait(0.1) and None
    assert shop.draw(request()).result is not None


def test_built_in_plugins_have_no_limit_and_need_no_thread() -> None:
    threads: list[str] = []

    class Looks:
        @hookimpl
        def serena_prepare(self) -> None:
            threads.append(threading.current_thread().name)

    objects = [("mine", Looks())]
    for trusted in ({"mine"}, set[str]()):
        rules = HookRules(seconds=30, trusted=trusted)
        Workshop(hooks=PluggyRunHooks(load_plugins(found=(), objects=objects), rules)).draw(request())
    assert threads == [threading.current_thread().name, "serena-guarded"]


def test_what_was_left_together_names_those_that_are_not_built_in() -> None:
    class Sees:
        @hookimpl
        def serena_image(self) -> None: ...

    for trusted, named in (({"a"}, ["b"]), ({"a", "b"}, ["b", "a"])):
        found = load_plugins(found=(), objects=[("a", Sees()), ("b", Sees())])
        made = PluggyRunHooks(found, HookRules(trusted=trusted))
        assert f"plugin '{', '.join(named)}' failed" in str(
            made.shipped.error("serena_image", ValueError("x"))
        )
        assert [(one.plugin, one.calls, one.failures) for one in made.counts()] == [
            (name, 0, 1) for name in sorted(named)
        ]


def test_one_plugin_may_be_skipped_and_another_not() -> None:
    hooks(Raises(), errors={"p0": "skip"}).prepare(draft())
    with pytest.raises(PluginError, match="'p0'"):
        hooks(Raises(), on_error="skip", errors={"p0": "fail"}).prepare(draft())


class Around:
    """A wrapper of a hook after the fact."""

    def __init__(self, fails: str = "") -> None:
        self.heard: list[str] = []
        self._fails = fails

    @hookimpl(wrapper=True)
    def serena_saved(self, path: str) -> Iterator[None]:
        self._say("before")
        yield
        self._say("after")

    def _say(self, where: str) -> None:
        self.heard.append(where)
        if where == self._fails:
            raise ValueError(f"broken {where}")


class Hears:
    def __init__(self, heard: list[str], error: Exception | None = None) -> None:
        self._heard, self._error = heard, error

    @hookimpl
    def serena_saved(self, path: str) -> None:
        self._heard.append(path)
        if self._error is not None:
            raise self._error


def test_wrappers_go_around_what_is_only_told() -> None:
    around = Around()
    hooks(Hears(around.heard), around).saved("r", "p")
    assert around.heard == ["before", "p", "after"]


@pytest.mark.parametrize(
    ("fails", "heard"), [("before", ["before", "p"]), ("after", ["before", "p", "after"])]
)
def test_a_wrapper_that_breaks_there_is_logged(
    fails: str, heard: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    around = Around(fails)
    hooks(Hears(around.heard), around).saved("r", "p")
    assert around.heard == heard
    assert f"'p1' failed in serena_saved: ValueError: broken {fails}" in caplog.text


@pytest.mark.parametrize("error", [ValueError("no"), InvalidValue("x", 1, "no")])
def test_one_that_is_told_stops_nobody(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    hooks(Hears(heard), Hears(heard, error)).saved("r", "p")
    assert heard == ["p", "p"]
    assert "'p1' failed in serena_saved" in caplog.text


def test_each_call_can_be_seen_with_its_time() -> None:
    lines: list[str] = []
    hooks(Says("a"), Around(), trace=lines.append).prepare(draft())
    assert [line.split()[:2] for line in lines] == [["serena_prepare", "p0"]]
    assert lines[0].endswith(" ms")


def test_a_hook_that_will_go_is_told_of_and_works() -> None:
    specs = ModuleType("specs")

    @hookspec(warn_on_impl=DeprecationWarning("serena_old goes in 2.0; use serena_prepare"))
    def serena_old() -> None: ...

    specs.serena_old = serena_old  # type: ignore[attr-defined]

    class Old:
        @hookimpl
        def serena_old(self) -> None: ...

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [report] = load_plugins(found=(), objects=[("old", Old())], specs=[specs]).reports
    assert report.error is None
    assert report.warnings == ("serena_old goes in 2.0; use serena_prepare",)
    assert report.hooks == ("serena_old",)


def test_the_order_of_several() -> None:
    """Wrappers outside; then tryfirst; the last registered first; trylast in their order."""

    class First(Says):
        @hookimpl(tryfirst=True)
        def serena_prepare(self, draft: RequestDraft) -> None:
            draft.prompt += self._word

    class Last(Says):
        @hookimpl(trylast=True)
        def serena_prepare(self, draft: RequestDraft) -> None:
            draft.prompt += self._word

    class Wraps(Says):
        @hookimpl(wrapper=True)
        def serena_prepare(self, draft: RequestDraft) -> Iterator[None]:
            draft.prompt += f"<{self._word}"
            yield
            draft.prompt += f"{self._word}>"

    made = draft()
    hooks(Last("z"), First("f"), Says("a"), Wraps("w"), Says("b"), Last("y"), First("g")).prepare(made)
    assert made.prompt == "<wgfbazyw>"


def test_a_hook_that_is_told_to_late_comers_has_no_wrapper() -> None:
    class Wraps:
        @hookimpl(wrapper=True)
        def serena_ready(self, app: AppInfo) -> Iterator[None]:
            yield

    [report] = load_plugins(found=(), objects=[("w", Wraps())]).reports
    assert "historic" in (report.error or "")


class Offers:
    def __init__(self, *scripts: Script, run: Any = lambda *_: None) -> None:
        self._scripts, self._run = scripts, run

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        for script in self._scripts:
            register.add(script, self._run)


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (
            Offers(Script(name="Taken", txt2img=False)),
            "the script name 'Taken' is taken by the plugin 'owner'",
        ),
        (Offers(Script(name="x"), Script(name="X")), "taken by the plugin 'odd'"),
        (Offers(Script(name="x", always_on=True)), "must either be always on or come with its run"),
        (Offers(Script(name="x"), run=None), "must either be always on or come with its run"),
        (Offers(Script(name="x", txt2img=False, img2img=False)), "neither on txt2img nor on img2img"),
    ],
)
def test_a_script_that_cannot_be_offered_leaves_its_plugin_out(plugin: object, said: str) -> None:
    owner = Offers(Script(name="taken"))
    loaded = load_plugins(found=(), objects=[("owner", owner), ("odd", plugin)])
    first, second = loaded.reports
    assert [script.img2img for script in first.scripts] == [False, True]
    assert said in (second.error or "")
    assert second.scripts == ()
    assert {offered.plugin for offered in loaded.scripts.values()} == {"owner"}
    assert not loaded.manager.has_plugin("odd")


def test_one_name_may_be_two_scripts() -> None:
    both = Offers(Script(name="x", img2img=False), Script(name="x", txt2img=False))
    [report] = load_plugins(found=(), objects=[("both", both)]).reports
    assert [(script.name, script.img2img) for script in report.scripts] == [("x", False), ("x", True)]


class HangsLater:
    """In every hook after the fact, until it is let go."""

    def __init__(self) -> None:
        self.go, self.came_back = threading.Event(), threading.Event()
        self.back: list[str] = []

    def _wait(self, hook: str) -> None:
        self.go.wait(30)
        self.back.append(hook)
        self.came_back.set()

    @hookimpl
    def serena_ready(self, app: AppInfo) -> None:
        self._wait("ready")

    @hookimpl
    def serena_saved(self, path: str) -> None:
        self._wait("saved")

    @hookimpl
    def serena_failed(self, run_id: str) -> None:
        self._wait("failed")

    @hookimpl
    def serena_shutdown(self) -> None:
        self._wait("shutdown")


TELL: dict[str, Callable[[PluggyRunHooks], None]] = {
    "ready": lambda hooks: hooks.ready(AppInfo("1", "1.2", "fake")),
    "saved": lambda hooks: hooks.saved("r", "p"),
    "failed": lambda hooks: hooks.failed("r", ValueError("no")),
    "shutdown": lambda hooks: hooks.shutdown(),
}


@pytest.mark.parametrize("hook", TELL)
def test_one_that_hangs_after_the_fact_is_left_behind(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    plugin = HangsLater()
    ours = hooks(plugin, Hears(heard), seconds=0.05, life_seconds=0.05)
    TELL[hook](ours)
    said = f"plugin 'p0' failed in serena_{hook}: TookTooLongError: it has not come back within 0.05 s"
    assert said in caplog.text
    ours.saved("r", "other")
    assert heard[-1] == "other"
    assert "an earlier call of it has not come back yet" in caplog.text
    plugin.go.set()
    assert plugin.came_back.wait(30)
    assert plugin.back == [hook]
    [first] = [count for count in ours.counts() if (count.plugin, count.hook) == ("p0", f"serena_{hook}")]
    assert first.failures == first.late == (2 if hook == "saved" else 1)


def test_a_plugin_that_hangs_in_two_runs_is_called_when_both_are_back(hanging: Hangs) -> None:
    guard = hooks(hanging, seconds=0.05)
    ends: list[str] = []

    def prepared() -> Any:
        guard.prepare(draft())

    def run() -> None:
        with pytest.raises(PluginError, match="has not come back within"):
            guard.guard(prepared, lambda error: ends.append(str(error)))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join(30)
    assert len(ends) == 2
    [count] = guard.counts()
    assert (count.calls, count.failures, count.late) == (0, 2, 2)
    come_back(hanging)
    guard.prepare(draft())
    assert guard.counts()[0].calls == 3


class HangsInRegistering:
    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        GO.wait(30)


def test_loading_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugin_hanging.py").write_text("from tests.unit.plugins.hanging import GO\nGO.wait(30)\n")
    monkeypatch.syspath_prepend(tmp_path)
    loaded = load_plugins(
        found=[EntryPoint("hanging", "plugin_hanging", GROUP)],
        objects=[("registering", HangsInRegistering()), ("fine", Says("!"))],
        seconds=0.05,
    )
    GO.set()
    said = "it has not come back within 0.05 s"
    errors = [report.error for report in loaded.reports]
    assert errors == [f"cannot be imported: TookTooLongError: {said}", said, None]
    assert [name for name, _ in loaded.manager.list_name_plugin()] == ["fine"]


class WorksOnTensors:
    @hookimpl(optionalhook=True)
    def serena_torch_noise(self, draft: object) -> None: ...

    @hookimpl(optionalhook=True)
    def serena_torch_nois(self, draft: object) -> None: ...


def test_hooks_of_one_backend_are_checked_where_it_draws() -> None:
    [elsewhere] = load_plugins(found=(), objects=[("t", WorksOnTensors())]).reports
    [there] = load_plugins(found=(), objects=[("t", WorksOnTensors())], specs=[tensor_specs]).reports
    assert (elsewhere.error, elsewhere.warnings, there.error) == (None, (), None)
    assert there.warnings == ("the hook serena_torch_nois is not known here and never called",)


def test_an_argument_that_a_shipped_hook_has_not_is_refused() -> None:
    class Wrong:
        @hookimpl(optionalhook=True)
        def serena_torch_noise(self, tensor: object) -> None: ...

    [report] = load_plugins(found=(), objects=[("t", Wrong())], specs=[tensor_specs]).reports
    assert "tensor" in (report.error or "")
