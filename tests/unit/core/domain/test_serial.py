"""Frozen data through JSON and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import JobConflict
from core.domain.image import BlobRef
from core.domain.job import FrozenInputs, Job, JobError, JobId
from core.domain.model import ModelIdentity
from core.domain.request import (
    ExtrasParams,
    GenerationRequest,
    HiresParams,
    InitParams,
    InterrogateParams,
    Kind,
    MaskedContent,
    ResizeMode,
)
from core.domain.result import GenerationResult, Outcome, ResultImage, RunReceipt
from core.domain.serial import from_plain, to_plain
from core.domain.styles import Style
from tests.unit.core.workshop import through_json

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
MAYBE = st.none() | NUMBERS
NAMES = st.none() | st.text()
REFS = st.builds(BlobRef, st.text("0123456789abcdef", min_size=1, max_size=8))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=3)
MOMENTS = st.datetimes(timezones=st.just(UTC))
INITS = st.builds(
    InitParams,
    images=st.lists(REFS, max_size=3).map(tuple),
    resize_mode=st.sampled_from(ResizeMode),
    mask=st.none() | REFS,
    mask_blur_x=st.integers(),
    masked_content=st.sampled_from(MaskedContent),
    only_masked=st.booleans(),
    noise_multiplier=MAYBE,
)
REQUESTS = st.builds(
    GenerationRequest,
    kind=st.sampled_from(Kind),
    prompt=st.text(),
    styles=st.lists(st.text(), max_size=3).map(tuple),
    seed=st.integers(),
    cfg_scale=NUMBERS,
    tiling=st.none() | st.booleans(),
    eta=MAYBE,
    scheduler=NAMES,
    hires=st.none() | st.builds(HiresParams, scale=NUMBERS, upscaler=NAMES, prompt=st.text()),
    init=st.none() | INITS,
    override_settings=OBJECTS,
    script_args=st.lists(JSON, max_size=3).map(tuple),
    alwayson_scripts=OBJECTS,
    extras=st.none() | st.builds(ExtrasParams, images=st.lists(REFS, max_size=2).map(tuple)),
    interrogate=st.none() | st.builds(InterrogateParams, image=REFS),
)
FROZEN = st.builds(
    FrozenInputs,
    seed=st.integers(),
    subseed=st.integers(),
    model=st.builds(ModelIdentity, st.text(), st.text()),
    options=OBJECTS,
    styles=st.lists(st.builds(Style, st.text(), st.none() | st.text(), st.none() | st.text())).map(tuple),
)
RECEIPTS = st.builds(
    RunReceipt,
    run_id=st.text(), job_id=st.text(), backend=st.text(), started_at=MOMENTS, finished_at=MOMENTS,
    prepare=NUMBERS, execute=NUMBERS, finalize=NUMBERS, outcome=st.sampled_from(Outcome),
    notes=st.lists(st.text(), max_size=2).map(tuple),
)  # fmt: skip
IMAGES = st.builds(
    ResultImage,
    blob=REFS, format=st.sampled_from(["png", "jpg", "webp"]), width=st.integers(), height=st.integers(),
    seed=st.integers(), subseed=st.integers(), infotext=st.text(), path=NAMES,
)  # fmt: skip
RESULTS = st.builds(
    GenerationResult, images=st.lists(IMAGES, max_size=2).map(tuple), info=OBJECTS, receipt=RECEIPTS
)
JOBS = st.builds(
    Job,
    id=st.text(min_size=1).map(JobId), request=REQUESTS, frozen=FROZEN, created_at=MOMENTS,
    started_at=st.none() | MOMENTS, result=st.none() | RESULTS,
    error=st.none() | st.builds(JobError, st.text(), st.text()), owner=NAMES,
)  # fmt: skip


@given(REQUESTS)
def test_a_request_survives(request: GenerationRequest) -> None:
    back = from_plain(GenerationRequest, through_json(to_plain(request)))
    assert back == request
    assert isinstance(back.kind, Kind)
    assert type(back.cfg_scale) is type(request.cfg_scale)


@given(JOBS)
def test_a_job_survives(job: Job) -> None:
    assert from_plain(Job, through_json(to_plain(job))) == job


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        from_plain(GenerationRequest, {"colour": "red"})


def test_what_is_left_out_has_its_default() -> None:
    assert from_plain(GenerationRequest, {}) == GenerationRequest()


def test_moments_keep_their_zone() -> None:
    moment = datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert from_plain(datetime, to_plain(moment)) == moment


def test_errors_are_no_data() -> None:
    error = JobConflict("x")
    assert to_plain(error) is error


def test_every_blob_of_a_request_is_named() -> None:
    request = GenerationRequest(
        init=InitParams(images=(BlobRef("a"), BlobRef("b")), mask=BlobRef("m")),
        extras=ExtrasParams(images=(BlobRef("e"),)),
        interrogate=InterrogateParams(image=BlobRef("i")),
    )
    assert request.blobs() == ("a", "b", "m", "e", "i")
    assert GenerationRequest(init=InitParams(images=(BlobRef("a"),))).blobs() == ("a",)
    assert GenerationRequest().blobs() == ()
