"""What draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.prepared import Batch, PreparedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendInfo:
    """What a backend says of itself.

    :param max_runs: how many runs may be in ``execute_run`` at once.
    :param memory: the reference's ``cuda`` object of its device; None for a device without memory of its own.
    :param infotext: keys that go into every infotext (the fake backend marks its pictures so).
    """

    name: str
    device: str
    max_runs: int
    infotext: Mapping[str, str]
    memory: Mapping[str, object] | None = None


class RunWatch(Protocol):
    """Handed to the backend for one run. Cheap: it may be called at every step."""

    def begin_pass(self, steps: int) -> None:
        """A sampling pass of ``steps`` steps starts. Hires fix makes two."""
        ...

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        """``done`` steps of the pass are done. ``preview`` is called only if somebody looks, in any
        thread."""
        ...

    def check(self) -> None:
        """Raise ``Interrupted`` when the iteration should end. Call it before each model evaluation."""
        ...


class ModelHost(Protocol):
    """Where models are loaded, which may be another process."""

    def describe(self) -> BackendInfo: ...

    def load(self, model: ModelRef) -> None:
        """Make the model ready. Raises ``ModelError``; the model loaded before still serves then."""
        ...

    def close(self) -> None:
        """Give back what is held. A run in flight keeps what it uses; a later load or run takes it again."""
        ...


class ImageBackend(ModelHost, Protocol):
    """Draws. Implementations say which thread they need; ``execute_run`` is called from ``max_runs``
    threads."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        """Draw one batch: an RGB picture of the sampled size for each seed, in order.

        A picture depends on the run and its own seeds only, not on its neighbours or on other runs in flight.
        When ``watch.check`` raises ``Interrupted`` the backend ends the pass and returns what the last
        prediction looks like, or nothing if there was none. Raises ``BackendError``.
        """
        ...
