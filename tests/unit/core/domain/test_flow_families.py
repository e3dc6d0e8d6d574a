"""Which flow family a file or a folder belongs to, told from names and shapes alone."""

from __future__ import annotations

import pytest

from core.domain.errors import ModelError
from core.domain.families import recognise
from core.domain.flow_families import (
    FLOW_FAMILIES,
    GUIDANCE,
    KLEIN,
    SCHNELL,
    FlowFamily,
    flow_family_of_folder,
)

PREFIX = "model.diffusion_model."


def shapes_of(family: FlowFamily, prefix: str) -> dict[str, tuple[int, ...]]:
    name, takes = family.first
    return {prefix + mark: (8, 8) for mark in family.marks} | {prefix + name: (8, takes)}


@pytest.mark.parametrize("prefix", [PREFIX, ""])
@pytest.mark.parametrize("family", FLOW_FAMILIES.values(), ids=lambda family: family.name)
def test_a_file_is_known_by_its_transformer(family: FlowFamily, prefix: str) -> None:
    kind = recognise(shapes_of(family, prefix), {})
    assert (kind.family, kind.prediction, kind.channels) == (family.name, "flow", family.channels)
    needed = [text.part for text in family.texts if text.needed]
    assert kind.missing == ("vae", *needed)


def test_what_is_in_the_file_is_not_missing() -> None:
    family = FLOW_FAMILIES[SCHNELL]
    parts = {"vae.encoder.x": (1,), "text_encoders.t5xxl.transformer.shared.weight": (1, 1)}
    assert recognise(shapes_of(family, PREFIX) | parts, {}).missing == ("text_encoder",)


def test_a_transformer_that_is_shown_more_than_the_latents_is_refused() -> None:
    family = FLOW_FAMILIES["flux"]
    shapes = shapes_of(family, "") | {"img_in.weight": (8, 384)}
    with pytest.raises(
        ModelError, match=r"Flux\.1 dev model whose transformer takes 384 numbers for a patch"
    ):
        recognise(shapes, {})
    with pytest.raises(ModelError, match="takes 0 numbers"):
        recognise(shapes | {"img_in.weight": ()}, {})


def test_flux_2_dev_is_named_and_refused() -> None:
    with pytest.raises(ModelError, match="it is a Flux 2 model, and no checkpoint that is drawn with"):
        recognise(shapes_of(FLOW_FAMILIES[KLEIN], "") | {GUIDANCE: (1, 1)}, {})


@pytest.mark.parametrize(
    ("pipeline", "guided", "name"),
    [
        ("FluxPipeline", True, "flux"),
        ("FluxPipeline", False, "flux-schnell"),
        ("StableDiffusion3Pipeline", False, "sd3"),
        ("Flux2KleinPipeline", False, "flux2-klein"),
        ("StableDiffusionPipeline", False, None),
    ],
)
def test_a_folder_is_known_by_its_pipeline(pipeline: str, guided: bool, name: str | None) -> None:
    found = flow_family_of_folder(pipeline, guided)
    assert (None if found is None else found.name) == name
