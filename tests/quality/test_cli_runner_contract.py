"""``serena txt2img`` goes through the runner, from its arguments to the file on disk."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.application import Application, BackendSummary, Finding
from adapters.cli.app import create_cli
from adapters.cli.errors import INTERRUPTED, OK, run
from adapters.settings import Settings
from contracts.entrypoint import DeclinedError, EntrypointContract, Order, Rig
from contracts.opened import Picture
from plugins.report import PluginReport
from tests.quality.rigging import assemble, started


@dataclass(frozen=True)
class OneApplication:
    """A ``Host`` that always opens the same application, and leaves it open when the command ends."""

    app: Application

    def open(self, settings: Settings) -> Application:
        return replace(self.app, settings=settings, start=lambda: None, close=lambda: None)

    def serve(self, settings: Settings) -> None:
        """Nobody serves here."""

    def plugins(self, settings: Settings) -> Sequence[PluginReport]:
        return self.app.plugins

    def backends(self, settings: Settings) -> Sequence[BackendSummary]:
        return []

    def diagnose(self, settings: Settings) -> Sequence[Finding]:
        return []


class TestCommandLine(EntrypointContract):
    door = "cli"
    scripts = ("serena",)

    @contextmanager
    def open(self, rig: Rig) -> Iterator[Application]:
        with started(assemble(rig)) as app:
            self.cli = create_cli(OneApplication(app))
            self.data_dir = rig.data_dir
            yield app

    def draw(self, order: Order, *more: str) -> Picture:
        numbers = [f"--{name}={getattr(order, name)}" for name in ("seed", "width", "height", "steps")]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(
                self.cli, ["txt2img", order.prompt, *numbers, *more, "--json", f"--data-dir={self.data_dir}"]
            )
        if code not in (OK, INTERRUPTED):
            raise DeclinedError(err.getvalue())
        [image] = json.loads(out.getvalue())["images"]
        return Picture.of_file(Path(image["path"]).read_bytes())

    def draw_until_interrupted(self, order: Order) -> None:
        self.draw(order, "--option=save_incomplete_images=true")

    def interrupt(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
