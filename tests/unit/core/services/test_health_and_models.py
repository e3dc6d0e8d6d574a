"""Readiness, and what there is to choose from."""

from __future__ import annotations

import pytest

from adapters.images.codec_pillow import PillowImageCodec
from adapters.models.catalog_fake import FakeModelCatalog
from core.domain.errors import ModelError, NotReady, UnknownModel
from core.domain.model import ModelRef
from core.services.health import Readiness
from core.services.inspect import PictureReader
from core.services.models import ModelBrowser
from tests.unit.core.workshop import MODEL, OTHER_MODEL, ScriptedBackend, Workshop, request


class Loading(ScriptedBackend):
    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self._load_error = error

    def load(self, model: ModelRef) -> None:
        super().load(model)
        if self._load_error is not None:
            raise self._load_error


def test_ready_once_the_model_is_loaded() -> None:
    backend = Loading()
    readiness = Readiness(backend, lambda: MODEL)
    assert readiness.ready() == (False, "the model is being loaded")
    readiness.warm_up()
    assert readiness.ready() == (True, f"{MODEL.identity.title} is loaded")
    assert backend.loaded == [MODEL]
    readiness.stopping()
    assert readiness.ready() == (False, "the server is stopping")


def test_a_load_that_ends_after_the_stop_does_not_make_ready() -> None:
    readiness = Readiness(Loading(), lambda: MODEL)
    readiness.stopping()
    readiness.warm_up()
    assert readiness.ready() == (False, "the server is stopping")


@pytest.mark.parametrize(
    ("error", "said"),
    [(ModelError("truncated"), "truncated"), (MemoryError(), "cannot be loaded: MemoryError")],
)
def test_a_model_that_cannot_be_loaded_is_told(error: Exception, said: str) -> None:
    readiness = Readiness(Loading(error), lambda: MODEL)
    readiness.warm_up()
    ready, sentence = readiness.ready()
    assert not ready
    assert said in sentence


def _none() -> ModelRef:
    raise NotReady("there is no model")


def test_what_is_loaded_does_not_count_while_nothing_can_be_drawn() -> None:
    reasons: list[str | None] = [None]
    readiness = Readiness(Loading(), lambda: MODEL, unable=lambda: reasons[-1])
    readiness.warm_up()
    assert readiness.ready()[0]
    reasons.append("there is no worker")
    assert readiness.ready() == (False, "there is no worker")


def test_models() -> None:
    browser = ModelBrowser(FakeModelCatalog((MODEL, OTHER_MODEL)), lambda: MODEL)
    assert list(browser.models()) == [MODEL, OTHER_MODEL]
    assert browser.find("other") == OTHER_MODEL
    assert browser.current() == MODEL
    browser.refresh()
    with pytest.raises(UnknownModel, match="sd15-random"):
        browser.find("nobody")
    assert ModelBrowser(FakeModelCatalog(()), _none).current() is None


def test_a_picture_says_how_it_was_made() -> None:
    shop = Workshop()
    image = shop.result(request()).images[0]
    text, items = PictureReader(PillowImageCodec()).read_info(shop.service.image(image.blob))
    assert text == image.infotext
    assert items is not None


def test_names_of_a_model() -> None:
    identity = OTHER_MODEL.identity
    assert (identity.title, identity.stem, identity.model_name) == (
        "folder/other [ababababab]",
        "other",
        "folder_other",
    )
    assert MODEL.identity.stem == "sd15-random"
