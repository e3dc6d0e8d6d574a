"""Interrogate through an assembled Serena with the fake backend."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.fakes import JournalPlugin
from contracts.opened import PATIENCE
from core.domain.errors import Interrupted, InvalidValue, MissingWeights, UnknownModel
from core.domain.image import RasterImage
from core.domain.job import Job, JobState
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest, InterrogateParams, Kind
from core.domain.serial import from_plain, to_plain
from core.ports.driven import RunWatch


class Describing:
    """Says what colour the first pixel has; ``deepdanbooru`` is not here."""

    stops = False

    def names(self) -> Sequence[str]:
        return ("clip", "deepdanbooru")

    def missing(self, name: str) -> str | None:
        return None if name == "clip" else "put it into models/x"

    def describe(self, name: str, image: RasterImage, options: OptionValues, watch: RunWatch) -> str:
        watch.begin_pass(1)
        if self.stops:
            raise Interrupted
        return f"{image.mode} {tuple(image.pixels[:3])}"


@pytest.fixture
def journal() -> JournalPlugin:
    return JournalPlugin()


@pytest.fixture
def interrogators() -> Describing:
    return Describing()


@pytest.fixture
def app(tmp_path: Path, journal: JournalPlugin, interrogators: Describing) -> Iterator[Application]:
    settings = load_settings(data_dir=tmp_path, backend={"name": "fake"})
    app = bootstrap(settings, plugins=[("journal", journal)], interrogators=interrogators)
    app.start()
    try:
        yield app
    finally:
        app.close()


def request(app: Application, model: str = "clip") -> GenerationRequest:
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (10, 20, 30, 255)).save(out, "PNG")
    params = InterrogateParams(image=app.images.put_image(out.getvalue()), model=model)
    return GenerationRequest(kind=Kind.INTERROGATE, interrogate=params)


def run(app: Application, wanted: GenerationRequest) -> Job:
    return app.images.wait(app.images.submit(wanted), PATIENCE)


def test_a_caption_and_no_picture(app: Application, journal: JournalPlugin) -> None:
    job = run(app, request(app))
    assert job.result is not None
    assert job.result.info == {"caption": "RGB (10, 20, 30)"}
    assert job.result.images == ()
    assert journal.prepared == journal.finalized == [job.result.receipt.run_id]
    assert job.frozen.model is None


def test_an_interrupt_cancels_it(app: Application, interrogators: Describing) -> None:
    interrogators.stops = True
    job = run(app, request(app))
    assert job.state is JobState.CANCELLED
    assert job.result is None


def test_an_unknown_one_is_told_with_those_there_are(app: Application) -> None:
    with pytest.raises(UnknownModel, match=r"'nope' not found; known models: clip, deepdanbooru"):
        app.images.submit(request(app, "nope"))


def test_one_without_weights_says_what_to_put_where(app: Application) -> None:
    with pytest.raises(MissingWeights, match=r"^'deepdanbooru' cannot be used: put it into models/x$"):
        app.images.submit(request(app, "deepdanbooru"))
    assert not app.jobs.jobs()


def test_a_request_without_a_picture_is_refused(app: Application) -> None:
    with pytest.raises(InvalidValue, match="picture"):
        app.images.submit(GenerationRequest(kind=Kind.INTERROGATE))


def test_it_survives_json(app: Application) -> None:
    wanted = request(app)
    assert from_plain(GenerationRequest, json.loads(json.dumps(to_plain(wanted)))) == wanted
    assert wanted.interrogate is not None
    assert wanted.blobs() == (wanted.interrogate.image,)
