"""Models that were handed over are found by their hash; the rest is asked of another catalog."""

from __future__ import annotations

from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.handed import HandedModels
from core.domain.model import ModelIdentity, ModelRef

FOUND = ModelRef(ModelIdentity("found", "a" * 64), "/models/found")
HANDED = ModelRef(ModelIdentity("handed", "b" * 64), "/models/handed")


def test_what_was_handed_over_is_found_by_its_hash() -> None:
    models = HandedModels(FakeModelCatalog((FOUND,)))
    assert models.find(HANDED.identity.sha256) is None
    models.learn([HANDED])
    assert models.find(HANDED.identity.sha256) is HANDED
    assert models.find(HANDED.identity.title) is HANDED


def test_the_rest_is_asked_of_the_other_catalog() -> None:
    models = HandedModels(FakeModelCatalog((FOUND,)))
    models.learn([HANDED])
    models.refresh()
    assert list(models.all()) == [FOUND]
    assert models.find("found") == FOUND
    assert models.problem("found") is None
    assert models.problems() == ()
    assert models.report(FOUND).path == "found"
