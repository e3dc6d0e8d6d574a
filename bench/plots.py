"""Pictures of measurements, for the docs. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def throughput(path: Path, speedups: Mapping[int, float]) -> None:
    """Images each second against clients, over one after the other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.5))
    clients = [1, *speedups]
    axes.plot(clients, [1.0, *speedups.values()], marker="o", label="Serena")
    axes.plot(clients, [1.0] * len(clients), linestyle="--", color="grey", label="one after the other")
    axes.set_xscale("log", base=2)
    axes.set_xticks(clients, [str(count) for count in clients])
    axes.set_xlabel("clients, each with its own prompt, sampler, steps and guidance")
    axes.set_ylabel("images/s, ratio")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
