"""What plugins cost: a job without any, with one and with ten that implement every hook of a run.

Each job draws one picture by twenty steps with the fake backend at zero cost, so what is left is Serena.
Those hooks are called for a run and for each picture, never for a step; what a job takes is given for one
step all the same. The hooks on tensors are called for steps: those are measured with the built-in model at 64
pixels.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from bench.table import Measurement, render
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest
from core.drafts import RequestDraft
from plugins.builtin import builtin_plugins
from plugins.hooks import PluggyRunHooks
from plugins.hookspecs import hookimpl
from plugins.manager import load_plugins

STEPS = 20
WARM_UP, ROUNDS, CALLS = 20, 150, 2000
TENSOR_ROUNDS = 6
REQUEST = GenerationRequest(prompt="a red circle", seed=1, width=64, height=64, steps=STEPS)


class Quiet:
    """Implements the hooks of a run and does nothing in them."""

    @hookimpl
    def serena_prepare(self) -> None: ...

    @hookimpl
    def serena_before_batch(self) -> None: ...

    @hookimpl
    def serena_after_batch(self) -> None: ...

    @hookimpl
    def serena_image(self) -> None: ...

    @hookimpl
    def serena_after_overlay(self) -> None: ...

    @hookimpl
    def serena_finalize(self) -> None: ...

    @hookimpl
    def serena_grid(self) -> None: ...


class QuietOnTensors:
    """Implements the hooks on tensors that are called for each step, and does nothing in them."""

    @hookimpl(optionalhook=True)
    def serena_torch_before_denoise(self) -> None: ...

    @hookimpl(optionalhook=True)
    def serena_torch_after_denoise(self) -> None: ...

    @hookimpl(optionalhook=True)
    def serena_torch_after_cfg(self) -> None: ...


def measure(data_dir: Path) -> list[Measurement]:
    return [*_jobs(data_dir), *_tensor_jobs(data_dir), *calls()]


def _jobs(data_dir: Path) -> list[Measurement]:
    names = [name for name, _ in builtin_plugins()]
    cases: dict[str, dict[str, Any]] = {
        "a step, no plugin at all": {"block": names},
        "a step, built-in plugins": {},
        "a step, 1 plugin more": {"count": 1},
        "a step, 10 plugins more": {"count": 10},
        "a step, 10 plugins more, no time limit": {"count": 10, "hook_seconds": 0},
    }
    return _in_turns(data_dir, cases, WARM_UP, ROUNDS)


def _tensor_jobs(data_dir: Path) -> list[Measurement]:
    """The same with a real model, where torch is installed."""
    if find_spec("torch") is None:
        return []
    torch = {"backend": {"name": "torch", "device": "cpu", "threads": 1}, "kind": QuietOnTensors}
    cases: dict[str, dict[str, Any]] = {
        "a real step, no hook on tensors": dict(torch),
        "a real step, the hooks of 1 plugin": {**torch, "count": 1},
        "a real step, the hooks of 10 plugins": {**torch, "count": 10},
    }
    return _in_turns(data_dir, cases, 2, TENSOR_ROUNDS)


def _in_turns(
    data_dir: Path, cases: dict[str, dict[str, Any]], warm_up: int, rounds: int
) -> list[Measurement]:
    """A step of each job. The applications take turns, so that what else the machine does falls on all."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    with _all_open(data_dir, cases) as apps:
        for round_ in range(warm_up + rounds):
            for name, app in apps.items():
                took = _seconds(app)
                if round_ >= warm_up:
                    seconds[name].append(took / STEPS)
    base = Measurement(next(iter(cases)), seconds[next(iter(cases))])
    return [base, *(Measurement(name, seconds[name], base) for name in cases if name != base.name)]


@contextmanager
def _all_open(data_dir: Path, cases: dict[str, dict[str, Any]]) -> Iterator[dict[str, Application]]:
    apps = {name: _open(data_dir, dict(case)) for name, case in cases.items()}
    try:
        yield apps
    finally:
        for app in apps.values():
            app.close()


def _open(data_dir: Path, case: dict[str, Any]) -> Application:
    kind = case.pop("kind", Quiet)
    quiet = [(f"quiet-{number}", kind()) for number in range(case.pop("count", 0))]
    backend = case.pop("backend", {"name": "fake", "zero_cost": True})
    app = bootstrap(
        load_settings(data_dir=data_dir, backend=backend, plugins={"only": [], **case}), plugins=quiet
    )
    app.start()
    return app


def _seconds(app: Application) -> float:
    started = time.perf_counter()
    app.images.wait(app.images.submit(REQUEST))
    return time.perf_counter() - started


def calls(count: int = CALLS) -> list[Measurement]:
    """One call of a hook by itself."""
    draft = RequestDraft("run", REQUEST, OptionRegistry(OPTIONS).values({}))
    cases = {"a hook that nobody implements": 0, "a hook of 1 plugin": 1, "a hook of 10 plugins": 10}
    found = []
    for name, plugins in cases.items():
        loaded = load_plugins(found=(), objects=[(f"q{number}", Quiet()) for number in range(plugins)])
        hooks = PluggyRunHooks(loaded)
        took = []
        for _ in range(count):
            started = time.perf_counter()
            hooks.prepare(draft)
            took.append(time.perf_counter() - started)
        found.append(Measurement(name, took))
    return found


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    print(render(rows))
    for row in rows:
        print(f"{row.name}: {row.median * 1e6:.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
