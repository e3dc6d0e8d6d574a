"""The typed client of a Serena server. Needs httpx: ``pip install 'serena[client]'``."""

from __future__ import annotations

try:
    import httpx as _httpx  # noqa: F401 - asked first, for a better sentence than its own
except ImportError:
    raise ImportError("serena.client needs httpx: pip install 'serena[client]'") from None

from adapters.client.aio import AsyncClient as AsyncClient
from adapters.client.errors import ServerRefusal as ServerRefusal
from adapters.client.errors import ServerUnreachable as ServerUnreachable
from adapters.client.events import JobEvent as JobEvent
from adapters.client.models import ExtrasRequest as ExtrasRequest
from adapters.client.models import FileData as FileData
from adapters.client.models import ImageView as ImageView
from adapters.client.models import Img2ImgRequest as Img2ImgRequest
from adapters.client.models import InterrogateRequest as InterrogateRequest
from adapters.client.models import JobState as JobState
from adapters.client.models import JobView as JobView
from adapters.client.models import ModelList as ModelList
from adapters.client.models import ModelView as ModelView
from adapters.client.models import PluginView as PluginView
from adapters.client.models import Problem as Problem
from adapters.client.models import ProgressView as ProgressView
from adapters.client.models import QueueView as QueueView
from adapters.client.models import Txt2ImgRequest as Txt2ImgRequest
from adapters.client.models import job_of as job_of
from adapters.client.models import picture as picture
from adapters.client.retrying import Retries as Retries
from adapters.client.signatures import verified_job as verified_job
from adapters.client.sync import Client as Client

__all__ = [
    "AsyncClient",
    "Client",
    "ExtrasRequest",
    "FileData",
    "ImageView",
    "Img2ImgRequest",
    "InterrogateRequest",
    "JobEvent",
    "JobState",
    "JobView",
    "ModelList",
    "ModelView",
    "PluginView",
    "Problem",
    "ProgressView",
    "QueueView",
    "Retries",
    "ServerRefusal",
    "ServerUnreachable",
    "Txt2ImgRequest",
    "job_of",
    "picture",
    "verified_job",
]
