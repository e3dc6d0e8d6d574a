"""What the tests of plugins and backends need: no GPU, no model, no network, seconds.

Write ``pytest_plugins = ["serena.testing"]`` into ``conftest.py``; then tests may ask for ``serena_app`` and
``serena_server``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pytest

from plugins.hookspecs import hookimpl
from plugins.manager import load_plugins
from serena._backend_kit import BackendContract, SerenaServer, serena_server
from serena.api import Pictures, Serena

if TYPE_CHECKING:
    from core.drafts import (
        BatchDraft,
        GridDraft,
        ImageDraft,
        PicturesDraft,
        RequestDraft,
        ResultDraft,
        SaveDraft,
    )
    from plugins.hookspecs import AppInfo

__all__ = [
    "BackendContract",
    "PluginContract",
    "SerenaApp",
    "SerenaServer",
    "StepRecorder",
    "serena_app",
    "serena_server",
]

SerenaApp: TypeAlias = Callable[..., Serena]
"""``serena_app(plugin, other_plugin, **settings)``: a Serena with these plugins and the fake backend,
or the object that is given as ``backend``.

A plugin may come with a name, as ``("sepia", plugin)``; its settings are then ``plugins={"sepia": {…}}``."""


@pytest.fixture
def serena_app(tmp_path: Path) -> Iterator[SerenaApp]:
    """Makes Serenas that end with the test. Of plugins they have the built-in ones and those that are given;
    the data folder is the test's own."""
    with ExitStack() as opened:
        yield lambda *plugins, **settings: opened.enter_context(_serena(plugins, tmp_path, settings))


def _serena(plugins: tuple[object, ...], data_dir: Path, settings: dict[str, Any]) -> Serena:
    from adapters.bootstrap import bootstrap
    from adapters.settings import load_settings

    defaults: dict[str, Any] = {"data_dir": data_dir, "backend": {"name": "fake"}}
    settings = {**settings, "plugins": {"only": [], **settings.get("plugins", {})}}
    named = [
        plugin if isinstance(plugin, tuple) else (f"plugin-{number}", plugin)
        for number, plugin in enumerate(plugins)
    ]
    given = settings.get("backend")
    overrides = {} if given is None or isinstance(given, dict) else {"backend": settings.pop("backend")}
    return Serena(
        application=bootstrap(load_settings(**{**defaults, **settings}), plugins=named, **overrides)
    )


class PluginContract:
    """What Serena expects of every plugin. Subclass it, name the plugin, and pytest does the rest.

    :cvar plugin: the module or the object.
    :cvar request: fields of the requests that are drawn.
    """

    plugin: ClassVar[object]
    request: ClassVar[dict[str, Any]] = {"prompt": "a lighthouse", "seed": 7, "batch_size": 2}

    def draw(self, serena: Serena) -> Pictures:
        """A small picture."""
        fields = {"width": 64, "height": 64, "steps": 2, **self.request}
        return serena.txt2img(fields.pop("prompt"), **fields)

    def test_it_loads_without_a_complaint(self) -> None:
        [report] = load_plugins(found=(), objects=[("it", self.plugin)]).reports
        assert report.error is None
        assert report.warnings == ()

    def test_it_implements_a_hook(self) -> None:
        [report] = load_plugins(found=(), objects=[("it", self.plugin)]).reports
        assert report.hooks

    def test_a_picture_comes_out_with_its_infotext(self, serena_app: SerenaApp) -> None:
        pictures = self.draw(serena_app(self.plugin))
        assert pictures.images
        assert all(pictures.infotexts)

    def test_a_retry_draws_the_same(self, serena_app: SerenaApp) -> None:
        """Random numbers come from a generator that is seeded with the request's seed."""
        serena = serena_app(self.plugin)
        first, again = self.draw(serena), self.draw(serena)
        assert first.infotexts == again.infotexts
        assert [image.tobytes() for image in first.images] == [image.tobytes() for image in again.images]


class StepRecorder:
    """A plugin that writes down which hooks were called, in order.

    :ivar steps: their names; those of what happens when the application starts and ends are in ``life``.
    """

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.life: list[str] = []

    @hookimpl
    def serena_ready(self, app: AppInfo) -> None:
        self.life.append("serena_ready")

    @hookimpl
    def serena_shutdown(self) -> None:
        self.life.append("serena_shutdown")

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self.steps.append("serena_prepare")

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        self.steps.append("serena_before_batch")

    @hookimpl
    def serena_after_batch(self, draft: PicturesDraft) -> None:
        self.steps.append("serena_after_batch")

    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        self.steps.append("serena_image")

    @hookimpl
    def serena_after_overlay(self, draft: ImageDraft) -> None:
        self.steps.append("serena_after_overlay")

    @hookimpl
    def serena_finalize(self, draft: ResultDraft) -> None:
        self.steps.append("serena_finalize")

    @hookimpl
    def serena_grid(self, draft: GridDraft) -> None:
        self.steps.append("serena_grid")

    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        self.steps.append("serena_before_save")

    @hookimpl
    def serena_saved(self, run_id: str, path: str) -> None:
        self.steps.append("serena_saved")

    @hookimpl
    def serena_failed(self, run_id: str, error: BaseException) -> None:
        self.steps.append("serena_failed")
