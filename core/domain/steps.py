"""How far a job is, as its server tells the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSteps:
    """What a running job's server noted last, about once a second. The fields are those of ``Progress``."""

    stage: str = ""
    label: str = ""
    iteration: int = 0
    iterations: int = 0
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    eta: float | None = None
    sequence: int = 0
