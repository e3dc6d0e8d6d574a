"""The run log: one JSON object per line, and the curves drawn from it."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

Number = int | float
CURVES = {
    "vae": ("psnr", "l1", "edge"),
    "text": ("loss", "correct"),
    "unet": ("loss", "mse", "views_per_s"),
    "probe": ("one_background", "one_color", "one_shape", "two_shape", "scene_time"),
}


class RunLog:
    """Appends events to a file; safe to reopen, so that a resumed run goes on in the same log."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, stage: str, **values: object) -> None:
        """Append one event."""
        event = {"time": round(time.time(), 1), "stage": stage, **values}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def events(self, stage: str) -> list[dict[str, object]]:
        """Every event of a stage, oldest first."""
        if not self._path.exists():
            return []
        lines = self._path.read_text("utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["stage"] == stage]


def draw_curves(log: RunLog, target: Path) -> None:
    """All curves of the run as one PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
    for axis, (stage, names) in zip(grid.flat, CURVES.items(), strict=True):
        for name, points in _series(log.events(stage), names).items():
            axis.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 30 else None)
        axis.set_title(stage)
        axis.set_xlabel("step")
        if axis.lines:
            axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
        if stage == "unet":
            axis.set_yscale("log")
    figure.savefig(target, dpi=80)
    pyplot.close(figure)


def _series(
    events: list[dict[str, object]], names: tuple[str, ...]
) -> dict[str, list[tuple[Number, Number]]]:
    series: dict[str, list[tuple[Number, Number]]] = defaultdict(list)
    for event in events:
        step = event.get("step")
        for name in names:
            value = event.get(name)
            if isinstance(step, int) and isinstance(value, int | float):
                series[name].append((step, value))
    return series
