"""What every backend promises, looked at from the pictures that come out of the job service.

A backend takes nothing but what the runner sealed, so the suite works it through an assembled Serena.
"""

from __future__ import annotations

import io
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from contracts.opened import PATIENCE, Opened, Picture, draw_directly, pictures_of
from core.domain.image import RasterImage
from core.domain.job import JobState
from core.domain.model import ModelRef
from core.domain.request import GenerationRequest, InitParams, Kind, MaskedContent
from core.ports.driven import BackendInfo, ImageBackend, RunWatch
from core.prepared import Batch, PreparedRun


class WatchedBackend:
    """Another backend, with a look at each of its steps.

    :ivar steps: of each run by its id: the number of steps announced, then the steps done.
    :ivar on_step: called after each step with the run's id and the steps done.
    """

    def __init__(self, inner: ImageBackend) -> None:
        self._inner = inner
        self.steps: dict[str, list[int]] = {}
        self.previews: list[RasterImage] = []
        self.on_step: Callable[[str, int], None] = lambda run_id, done: None

    def describe(self) -> BackendInfo:
        return self._inner.describe()

    def load(self, model: ModelRef) -> None:
        self._inner.load(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        return self._inner.execute_run(run, batch, _Watch(watch, self, run.run_id))

    def close(self) -> None:
        self._inner.close()


class _Watch:
    def __init__(self, inner: RunWatch, backend: WatchedBackend, run_id: str) -> None:
        self._inner = inner
        self._backend = backend
        self._run_id = run_id

    def begin_pass(self, steps: int) -> None:
        self._backend.steps[self._run_id] = [steps]
        self._inner.begin_pass(steps)

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        self._backend.steps[self._run_id].append(done)
        if preview is not None:
            self._backend.previews.append(preview())
        self._inner.step(done, preview)
        self._backend.on_step(self._run_id, done)

    def check(self) -> None:
        self._inner.check()


class BackendContract(ABC):
    """Subclass it once for each backend.

    :cvar tolerance: how far a channel (of 255) may be off in a picture that was drawn in other company, since
        batched arithmetic may round differently.
    """

    width: ClassVar[int] = 64
    height: ClassVar[int] = 64
    steps: ClassVar[int] = 4
    tolerance: ClassVar[int] = 0

    @abstractmethod
    def make(self) -> ImageBackend:
        """A backend that takes two runs at once."""

    @abstractmethod
    def open(self, backend: ImageBackend, data_dir: Path) -> AbstractContextManager[Opened]:
        """A started application that draws with ``backend``; closed when the context ends."""

    @pytest.fixture
    def backend(self) -> WatchedBackend:
        return WatchedBackend(self.make())

    @pytest.fixture
    def app(self, backend: WatchedBackend, tmp_path: Path) -> Iterator[Opened]:
        with self.open(backend, tmp_path) as opened:
            yield opened

    def request(self) -> GenerationRequest:
        return GenerationRequest(
            prompt="a red circle", seed=5, width=self.width, height=self.height, steps=self.steps
        )

    def test_the_size_asked_for(self, app: Opened) -> None:
        wide = replace(self.request(), width=self.width + 64, height=self.height)
        [picture] = draw_directly(app, wide)
        assert picture.size == (self.width + 64, self.height)
        assert len(set(picture.rgb)) > 1

    def test_the_same_request_gives_the_same_picture(self, app: Opened) -> None:
        assert draw_directly(app, self.request()) == draw_directly(app, self.request())

    @pytest.mark.parametrize("change", [{"seed": 6}, {"prompt": "a blue square"}, {"sampler_name": "Heun"}])
    def test_seed_prompt_and_sampler_matter(self, app: Opened, change: dict[str, object]) -> None:
        [first] = draw_directly(app, self.request())
        [other] = draw_directly(app, replace(self.request(), **change))  # type: ignore[arg-type]
        assert first.rgb != other.rgb

    def test_a_picture_does_not_depend_on_its_batch(self, app: Opened) -> None:
        batch = replace(self.request(), batch_size=3, override_settings={"return_grid": False})
        together = draw_directly(app, batch)
        alone = [draw_directly(app, replace(self.request(), seed=5 + i))[0] for i in range(3)]
        assert len(together) == 3
        assert max(distances(together, alone)) <= self.tolerance

    def test_a_run_does_not_depend_on_its_company(self, app: Opened, backend: WatchedBackend) -> None:
        requests = [self.request(), replace(self.request(), seed=9, steps=self.steps + 1)]
        alone = [draw_directly(app, request)[0] for request in requests]
        meeting = threading.Barrier(2, timeout=PATIENCE)

        def meet(run_id: str, done: int) -> None:
            if done == 1:
                meeting.wait()

        backend.on_step = meet
        jobs = [app.images.submit(request) for request in requests]
        together = [pictures_of(app, app.images.wait(job, PATIENCE))[0] for job in jobs]
        assert max(distances(together, alone)) <= self.tolerance

    def test_every_step_is_told_once_and_in_order(self, app: Opened, backend: WatchedBackend) -> None:
        draw_directly(app, self.request())
        [(announced, *done)] = backend.steps.values()
        assert announced == self.steps
        assert done == list(range(1, self.steps + 1))

    def test_previews_are_pictures(self, app: Opened, backend: WatchedBackend) -> None:
        draw_directly(app, self.request())
        assert backend.previews
        assert {image.mode for image in backend.previews} == {"RGB"}

    def test_an_interrupt_ends_the_pass_with_what_there_is(
        self, app: Opened, backend: WatchedBackend
    ) -> None:
        backend.on_step = lambda run_id, done: app.jobs.interrupt() if done == 2 else None
        job = app.images.wait(app.images.submit(replace(self.request(), steps=50)), PATIENCE)
        assert job.state is JobState.CANCELLED
        [picture] = pictures_of(app, job)
        assert picture.size == (self.width, self.height)
        [(announced, *done)] = backend.steps.values()
        assert announced == 50
        assert done == [1, 2]

    def test_img2img_keeps_more_at_low_strength(self, app: Opened) -> None:
        start = self.init_picture()
        near, far = (self._img2img(app, denoising_strength=strength) for strength in (0.2, 0.9))
        assert near.rgb != far.rgb
        assert mean_distance(near, start) < mean_distance(far, start)

    def test_a_mask_leaves_the_rest_alone(self, app: Opened) -> None:
        masked = self._img2img(app, denoising_strength=0.9, mask=True)
        start, drawn = pixels(self.init_picture()), pixels(masked)
        half = self.width // 2
        assert np.array_equal(drawn[:, :half], start[:, :half])
        assert not np.array_equal(drawn[:, half:], start[:, half:])

    def init_picture(self) -> Picture:
        """A smooth picture, so that a model's encoder keeps it."""
        across = np.linspace(40, 200, self.width)[None, :, None].repeat(self.height, axis=0)
        rgb = np.concatenate([across, 240 - across, across * 0 + 90], axis=2).astype(np.uint8)
        return Picture((self.width, self.height), rgb.tobytes(), "")

    def _img2img(self, app: Opened, *, denoising_strength: float, mask: bool = False) -> Picture:
        start = self.init_picture()
        right = np.zeros((self.height, self.width), np.uint8)
        right[:, self.width // 2 :] = 255
        init = InitParams(
            images=(app.images.put_image(png("RGB", start.size, start.rgb)),),
            mask=app.images.put_image(png("L", start.size, right.tobytes())) if mask else None,
            mask_blur_x=0,
            mask_blur_y=0,
            masked_content=MaskedContent.ORIGINAL,
        )
        request = replace(
            self.request(), kind=Kind.IMG2IMG, init=init, denoising_strength=denoising_strength, steps=10
        )
        return draw_directly(app, request)[0]


def png(mode: str, size: tuple[int, int], data: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.frombytes(mode, size, data).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(picture: Picture) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    width, height = picture.size
    return np.frombuffer(picture.rgb, np.uint8).reshape(height, width, 3)


def distances(pictures: Sequence[Picture], others: Sequence[Picture]) -> list[int]:
    """The largest difference of a channel, picture by picture."""
    pairs = zip(pictures, others, strict=True)
    return [int(np.abs(pixels(a).astype(int) - pixels(b).astype(int)).max()) for a, b in pairs]


def mean_distance(picture: Picture, other: Picture) -> float:
    return float(np.abs(pixels(picture).astype(int) - pixels(other).astype(int)).mean())
