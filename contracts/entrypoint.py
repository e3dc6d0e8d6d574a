"""Every door goes through the runner: one suite, driven through the outermost door of each kind.

A subclass says how to open its door, how a user of it asks for a picture, and how that user interrupts.
The suite supplies a ledger backend and a journal plugin, and looks at what came out and at what they noted.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from contracts.fakes import PATIENCE, JournalPlugin, LedgerBackend
from contracts.opened import Opened, Picture, draw_directly, pictures_of
from core.domain.errors import BackendError
from core.domain.job import JobState
from core.domain.request import GenerationRequest

PROMPT = "a lighthouse at dusk"
FAILURE = "the ledger is out of ink"


@dataclass(frozen=True, slots=True)
class Order:
    """What the user of a door asks for."""

    prompt: str = PROMPT
    seed: int = 41
    width: int = 64
    height: int = 48
    steps: int = 3

    def request(self) -> GenerationRequest:
        return GenerationRequest(
            prompt=self.prompt, seed=self.seed, width=self.width, height=self.height, steps=self.steps
        )


class DeclinedError(Exception):
    """The door said no. ``str()`` is the sentence that its user read."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What a door is opened with: ``ledger`` takes the place of the backend, ``journal`` is a plugin."""

    data_dir: Path
    ledger: LedgerBackend = field(default_factory=LedgerBackend)
    journal: JournalPlugin = field(default_factory=JournalPlugin)


class EntrypointContract(ABC):
    """Subclass it once for each door.

    :cvar door: the folder below ``adapters`` that holds the door, or ``serena`` for the Python face.
    :cvar scripts: the console scripts that lead to it.
    """

    door: ClassVar[str]
    scripts: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def open(self, rig: Rig) -> AbstractContextManager[Opened]:
        """Open the door on a started application made of ``rig``; close it when the context ends."""

    @abstractmethod
    def draw(self, order: Order) -> Picture:
        """Ask as a user of this door would, and take the picture. Raises ``DeclinedError`` for a no."""

    @abstractmethod
    def interrupt(self) -> None:
        """Interrupt the running job as a user of this door would. Called from another thread."""

    def draw_until_interrupted(self, order: Order) -> None:
        """As ``draw``, for an order that is interrupted. A door that gives nothing back then overrides it."""
        self.draw(order)

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return Rig(tmp_path)

    @pytest.fixture
    def app(self, rig: Rig) -> Iterator[Opened]:
        with self.open(rig) as opened:
            yield opened

    def test_a_picture_passes_the_runner_once(self, rig: Rig, app: Opened) -> None:
        picture = self.draw(Order())
        assert picture.size == (64, 48)
        assert f"{PROMPT} {rig.journal.word}" in picture.infotext
        assert len(rig.ledger.seen) == 1
        assert rig.journal.prepared == rig.ledger.seen == rig.journal.finalized
        assert rig.journal.failed == []

    def test_the_receipt_names_the_run(self, rig: Rig, app: Opened) -> None:
        self.draw(Order())
        results = [job.result for job in app.jobs.jobs()]
        assert [result.receipt.run_id for result in results if result] == rig.ledger.seen
        assert [job.state for job in app.jobs.jobs()] == [JobState.SUCCEEDED]

    def test_each_picture_is_a_run_of_its_own(self, rig: Rig, app: Opened) -> None:
        first, again = self.draw(Order(seed=1)), self.draw(Order(seed=2))
        assert first.rgb != again.rgb
        assert len(set(rig.ledger.seen)) == 2
        assert rig.journal.prepared == rig.ledger.seen == rig.journal.finalized

    def test_the_same_picture_as_through_every_other_door(
        self, rig: Rig, app: Opened, tmp_path: Path
    ) -> None:
        """All doors are compared with the job service itself, so they agree with each other."""
        assert [self.draw(Order())] == draw_directly(app, Order().request())

    def test_a_wrong_request_draws_nothing(self, rig: Rig, app: Opened) -> None:
        with pytest.raises(DeclinedError, match="width"):
            self.draw(Order(width=0))
        assert rig.ledger.seen == rig.journal.finalized == []
        assert running(app) == []
        self.draw(Order())
        assert len(rig.ledger.seen) == 1

    def test_an_interrupt_finalizes_once(self, rig: Rig, app: Opened) -> None:
        rig.ledger.wait_for_interrupt()
        with self._interrupted_when_drawing(rig):
            self.draw_until_interrupted(Order())
        [job] = (app.images.wait(job.id, PATIENCE) for job in app.jobs.jobs())
        assert job.state is JobState.CANCELLED
        assert [rig.journal.word in picture.infotext for picture in pictures_of(app, job)] == [True]
        assert len(rig.ledger.seen) == 1
        assert rig.journal.prepared == rig.ledger.seen == rig.journal.finalized
        assert rig.journal.failed == []

    def test_a_failing_backend_is_told_to_plugins_and_user(self, rig: Rig, app: Opened) -> None:
        rig.ledger.fail_with(BackendError(FAILURE))
        with pytest.raises(DeclinedError, match=FAILURE):
            self.draw(Order())
        assert len(rig.ledger.seen) == 1
        assert rig.journal.prepared == rig.ledger.seen == rig.journal.failed
        assert rig.journal.finalized == []
        assert running(app) == []

    @contextmanager
    def _interrupted_when_drawing(self, rig: Rig) -> Iterator[None]:
        def wait_and_interrupt() -> None:
            if rig.ledger.drawing.wait(PATIENCE):
                self.interrupt()

        helper = threading.Thread(target=wait_and_interrupt, name="interrupting-user")
        helper.start()
        try:
            yield
        finally:
            helper.join(PATIENCE)


def running(app: Opened) -> list[str]:
    """The ids of the jobs that have not ended."""
    return [job.id for job in app.jobs.jobs() if not job.state.is_final]
