"""What goes to the server and what comes back: the HTTP door's own models, and nothing else of it."""

from __future__ import annotations

import base64
from pathlib import Path

from adapters.http.wire.generation import Img2ImgRequest as Img2ImgRequest
from adapters.http.wire.generation import Txt2ImgRequest as Txt2ImgRequest
from adapters.http.wire.images import FileData as FileData
from adapters.http.wire.images import InterrogateRequest as InterrogateRequest
from adapters.http.wire.job_views import job_view as job_view
from adapters.http.wire.job_views import progress_view as progress_view
from adapters.http.wire.jobs import AnyJob as AnyJob
from adapters.http.wire.jobs import AnyRequest as AnyRequest
from adapters.http.wire.jobs import (
    ExtrasJob,
    Img2ImgJob,
    InterrogateJob,
    Txt2ImgJob,
)
from adapters.http.wire.jobs import ExtrasRequest as ExtrasRequest
from adapters.http.wire.jobs import ImageView as ImageView
from adapters.http.wire.jobs import JobList as JobList
from adapters.http.wire.jobs import JobPage as JobPage
from adapters.http.wire.jobs import JobView as JobView
from adapters.http.wire.jobs import ProgressView as ProgressView
from adapters.http.wire.jobs import QueueView as QueueView
from adapters.http.wire.jobs import ResultView as ResultView
from adapters.http.wire.models import ModelList as ModelList
from adapters.http.wire.models import ModelView as ModelView
from adapters.http.wire.models import UnusableModel as UnusableModel
from adapters.http.wire.plugins import HookView as HookView
from adapters.http.wire.plugins import PluginList as PluginList
from adapters.http.wire.plugins import PluginView as PluginView
from adapters.http.wire.problems import Problem as Problem
from adapters.http.wire.problems import class_name as class_name
from core.domain.job import JobState as JobState


def job_of(
    request: AnyRequest, priority: int = 0, webhook: str | None = None, *, deterministic: bool = False
) -> AnyJob:
    """A job that asks for ``request``; its kind follows from the request.

    :param deterministic: draw it in no company; extras and captions are the same in any.
    """
    alone = {"deterministic": True} if deterministic else {}
    if isinstance(request, Txt2ImgRequest):
        return Txt2ImgJob(request=request, priority=priority, webhook=webhook, **alone)
    if isinstance(request, Img2ImgRequest):
        return Img2ImgJob(request=request, priority=priority, webhook=webhook, **alone)
    if isinstance(request, ExtrasRequest):
        return ExtrasJob(request=request, priority=priority, webhook=webhook)
    return InterrogateJob(request=request, priority=priority, webhook=webhook)


def picture(source: bytes | Path | str) -> str:
    """The bytes of a picture, or of the file of that path, as requests have them."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    return base64.b64encode(data).decode("ascii")
