"""Bodies of ``/api/v1``: jobs to submit, and jobs as they are told. The client is typed by the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.http.wire.generation import Img2ImgRequest, Txt2ImgRequest
from adapters.http.wire.images import ExtrasFields, FileData, InterrogateRequest
from adapters.http.wire.problems import Problem
from adapters.http.wire.types import Str
from core.domain.job import JobState

HIGHEST = 100
LARGEST_BATCH = 1000
LONGEST_URL = 2000
LARGEST_PAGE = 200


class ExtrasRequest(ExtrasFields):
    """The fields of the two extras routes of ``/sdapi/v1``: one picture, or several with their names."""

    image: Str = ""
    imageList: list[FileData] = Field(default_factory=list)  # noqa: N815

    @model_validator(mode="after")
    def _one_of_both(self) -> ExtrasRequest:
        if bool(self.image) is bool(self.imageList):
            raise PydanticCustomError("value_error.pictures", "give either image or imageList")
        return self


def _whole(value: Any) -> Any:
    """Unlike the reference's fields, those of our own take what they say they take."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("type_error.integer", "value is not a valid integer")
    return value


class _Submission(BaseModel):
    model_config = ConfigDict(extra="forbid")

    priority: Annotated[int, BeforeValidator(_whole)] = Field(
        0, ge=-HIGHEST, le=HIGHEST, description="jobs of a higher one come first"
    )
    webhook: str | None = Field(
        None,
        max_length=LONGEST_URL,
        description="URL that is told of the end; its host must be among jobs.webhook_hosts",
    )


class _DrawnSubmission(_Submission):
    deterministic: bool = Field(
        False,
        strict=True,
        description="draw it in no company, so that not even rounding depends on other jobs",
    )


class Txt2ImgJob(_DrawnSubmission):
    kind: Literal["txt2img"] = "txt2img"
    request: Txt2ImgRequest


class Img2ImgJob(_DrawnSubmission):
    kind: Literal["img2img"] = "img2img"
    request: Img2ImgRequest


class ExtrasJob(_Submission):
    kind: Literal["extras"] = "extras"
    request: ExtrasRequest


class InterrogateJob(_Submission):
    kind: Literal["interrogate"] = "interrogate"
    request: InterrogateRequest


AnyJob = Txt2ImgJob | Img2ImgJob | ExtrasJob | InterrogateJob
JobBody = Annotated[AnyJob, Field(discriminator="kind")]
AnyRequest = Txt2ImgRequest | Img2ImgRequest | ExtrasRequest | InterrogateRequest


class BatchBody(BaseModel):
    """Several jobs, all of them or none."""

    model_config = ConfigDict(extra="forbid")

    jobs: Annotated[list[JobBody], Field(min_length=1, max_length=LARGEST_BATCH)]


class ProgressView(BaseModel):
    """How far a job is."""

    id: str
    state: JobState
    stage: str = Field("", description="prepare, execute or finalize while it runs")
    label: str = ""
    iteration: int = 0
    iterations: int = Field(0, description="batches in all; -1: not known yet")
    step: int = 0
    steps: int = 0
    fraction: float = Field(0.0, description="0 to 1 over the whole job")
    eta: float | None = Field(None, description="seconds left; null while nothing can be said")
    position: int = Field(0, description="jobs ahead of it in the queue")
    interrupted: bool = False
    sequence: int = Field(0, description="grows with every change while it runs")


class ImageView(BaseModel):
    """One picture of a result. Its bytes are behind ``url``."""

    index: int
    url: str
    width: int
    height: int
    seed: int
    subseed: int
    infotext: str
    format: str
    size: int = Field(description="bytes")
    path: str | None = Field(None, description="where it was saved below the data folder of the server")


class Timings(BaseModel):
    """Seconds."""

    queue: float
    prepare: float
    execute: float
    finalize: float


class ResultView(BaseModel):
    """What a job drew. A job that was cancelled has one as well, if there were pictures by then."""

    images: list[ImageView]
    info: dict[str, Any] = Field(description="the keys of the info text of /sdapi/v1, as an object")
    comments: list[str]
    timings: Timings


class JobView(BaseModel):
    """A job."""

    id: str
    kind: Literal["txt2img", "img2img", "extras", "interrogate"]
    state: JobState
    url: str
    prompt: str = ""
    seed: int = Field(description="with which it is drawn, also where the request left it to chance")
    subseed: int
    model: str | None = Field(None, description="title of the checkpoint, decided when it was accepted")
    priority: int = 0
    attempts: int = Field(0, description="how often a worker started it")
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = Field(None, description="when it may be forgotten, as far as it is known")
    progress: ProgressView | None = Field(None, description="of a job that has not ended; listings have none")
    result: ResultView | None = None
    error: Problem | None = Field(None, description="why it failed")


class JobPage(BaseModel):
    """Newest first."""

    jobs: list[JobView]
    next: str | None = Field(None, description="cursor of the next page; null on the last")


class JobList(BaseModel):
    """In the order in which they were sent."""

    jobs: list[JobView]


class Retention(BaseModel):
    """How long ended jobs and their pictures are kept. null: without such a limit."""

    count: int | None = None
    hours: float | None = None
    megabytes: int | None = None


class QueueView(BaseModel):
    """What the queue looks like."""

    counts: dict[str, int] = Field(description="jobs by state, of everybody")
    limit: int | None = Field(None, description="how many may wait; null for any number")
    draining: bool = Field(description="the server takes no more jobs")
    outage: str | None = Field(
        None, description="why no job is taken from the queue for now; null while they are"
    )
    retention: Retention
