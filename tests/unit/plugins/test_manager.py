"""Loading plugins: what is wrong with one is reported and does not touch the others."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest
from core.drafts import RequestDraft
from plugins.hooks import PluggyRunHooks
from plugins.hookspecs import AppInfo, hookimpl
from plugins.manager import GROUP, load_plugins


class Fine:
    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.prompt += "!"


class Misspelt:
    @hookimpl
    def serena_prepair(self, draft: RequestDraft) -> None: ...


class Optional:
    @hookimpl(optionalhook=True)
    def serena_of_tomorrow(self) -> None: ...


class WrongArgument:
    @hookimpl
    def serena_prepare(self, drafts: RequestDraft) -> None: ...


MODULES = {
    "fine": "from plugins.hookspecs import hookimpl\n@hookimpl\ndef serena_saved(path): ...\n",
    "broken": "import no_such_module_anywhere\n",
    "leaving": "raise SystemExit(3)\n",
}
CLASSES = """
from plugins.hookspecs import hookimpl
class Made:
    @hookimpl
    def serena_saved(self, path): ...
class Breaks(Made):
    def __init__(self): raise ValueError("not today")
"""


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    for name, text in MODULES.items():
        (tmp_path / f"plugin_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return [EntryPoint(name, f"plugin_{name}", GROUP) for name in MODULES]


def test_each_is_loaded_by_itself(points: list[EntryPoint]) -> None:
    loaded = load_plugins(found=points)
    fine, broken, leaving = loaded.reports
    assert (fine.name, fine.hooks, fine.error, fine.builtin) == ("fine", ("serena_saved",), None, False)
    assert (
        broken.error == "cannot be imported: ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    )
    assert leaving.error == "cannot be imported: SystemExit: 3"
    assert [name for name, _ in loaded.manager.list_name_plugin()] == ["fine"]


def test_a_class_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugin_classes.py").write_text(CLASSES)
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint(name, f"plugin_classes:{name}", GROUP) for name in ("Made", "Breaks")]
    made, breaks = load_plugins(found=points).reports
    assert (made.hooks, made.error) == (("serena_saved",), None)
    assert breaks.error == "cannot be imported: ValueError: not today"


def test_a_built_in_one_may_be_blocked() -> None:
    loaded = load_plugins([("one", Fine()), ("two", Fine())], block=["one"], only=(), found=())
    assert [report.name for report in loaded.reports] == ["two"]
    assert loaded.builtin == {"two"}


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"only": ["fine"]}, ["fine"]),
        ({"only": []}, []),
        ({"block": ["broken"]}, ["fine", "leaving"]),
        ({"only": ["fine", "broken"], "block": ["fine"]}, ["broken"]),
    ],
)
def test_only_and_block(points: list[EntryPoint], limits: dict[str, Any], left: list[str]) -> None:
    assert [report.name for report in load_plugins(found=points, **limits).reports] == left


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (Misspelt(), "unknown hook 'serena_prepair'"),
        (WrongArgument(), "drafts"),
    ],
)
def test_a_plugin_that_does_not_fit_is_left_out(plugin: object, said: str) -> None:
    loaded = load_plugins(found=(), objects=[("odd", plugin), ("fine", Fine())])
    odd, fine = loaded.reports
    assert said in (odd.error or "")
    assert "\n" not in (odd.error or "")
    assert fine.error is None
    draft = _draft()
    PluggyRunHooks(loaded).prepare(draft)
    assert draft.prompt == "!"


def test_a_hook_of_a_later_version_may_be_optional() -> None:
    assert load_plugins(found=(), objects=[("o", Optional())]).reports[0].error is None


def test_a_name_is_taken_once() -> None:
    reports = load_plugins(found=(), objects=[("a", Fine()), ("a", Fine())]).reports
    assert [report.error for report in reports] == [None, "the name 'a' is taken by another plugin"]


def test_a_plugin_under_two_names_is_loaded_once() -> None:
    plugin = Fine()
    loaded = load_plugins(found=(), objects=[("a", plugin), ("b", plugin)])
    assert [report.error for report in loaded.reports] == [None, "it is loaded already, as 'a'"]
    draft = _draft()
    PluggyRunHooks(loaded).prepare(draft)
    assert draft.prompt == "!"


def test_built_in_ones_come_first_and_carry_serenas_version() -> None:
    report, other = load_plugins([("shiny", Optional())], found=(), objects=[("shiny", Fine())]).reports
    assert (report.name, report.distribution, report.builtin) == ("shiny", "serena", True)
    assert report.version
    assert other.error == "the name 'shiny' is taken by another plugin"


def test_installed_ones_are_found() -> None:
    assert all(report.distribution for report in load_plugins().reports)


def test_a_plugin_that_comes_late_hears_that_all_is_ready() -> None:
    heard: list[str] = []

    class Listening:
        @hookimpl
        def serena_ready(self, app: AppInfo) -> None:
            heard.append(app.backend)

    class Failing:
        @hookimpl
        def serena_ready(self, app: AppInfo) -> None:
            raise ValueError("not today")

    loaded = load_plugins(found=(), objects=[("l", Listening()), ("failing", Failing())])
    PluggyRunHooks(loaded).ready(AppInfo("1", "1.0", "fake"))
    assert heard == ["fake"]
    loaded.manager.register(Listening(), name="late")
    assert heard == ["fake", "fake"]


def _draft() -> RequestDraft:
    return RequestDraft("r", GenerationRequest(), OptionRegistry(OPTIONS).values({}))
