"""From bodies to accepted jobs. Several are accepted together, or none of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from adapters.http.pasting import B, paste
from adapters.http.pictures import Pictures, PutPicture
from adapters.http.routes.images import CAPTION_MODELS, extras_params
from adapters.http.to_request import img2img_request, txt2img_request
from adapters.http.wire.jobs import AnyJob, ExtrasJob, ExtrasRequest, Img2ImgJob, InterrogateJob
from core.domain.errors import InvalidImage, JobConflict, UnknownJob, UnknownModel
from core.domain.image import BlobRef
from core.domain.job import Caller, JobId
from core.domain.request import GenerationRequest, InterrogateParams, Kind
from core.ports.driving import BrowseResources, ControlJobs, EditOptions, GenerateImages


@dataclass(frozen=True, slots=True)
class Accepted:
    """
    :ivar fresh: it is a new job, and not that of an earlier request with the same key.
    """

    id: JobId
    fresh: bool


class Intake:
    """Submits jobs that run on when their callers go away."""

    def __init__(
        self,
        images: GenerateImages,
        jobs: ControlJobs,
        pictures: Pictures,
        options: EditOptions,
        resources: BrowseResources,
    ) -> None:
        self._images = images
        self._jobs = jobs
        self._pictures = pictures
        self._options = options
        self._resources = resources

    def accept(self, bodies: Sequence[AnyJob], caller: Caller, keys: Sequence[str | None]) -> list[Accepted]:
        """In order. Raises what the first wrong one raises; then none is accepted, no picture kept."""
        requests = self._built(bodies)
        self._check(requests, bodies, caller, keys)
        accepted: list[Accepted] = []
        try:
            for request, body, key in zip(requests, bodies, keys, strict=True):
                accepted.append(self._submitted(request, body, caller, key))
        except BaseException:
            # The one that was refused is let go of by whoever refused it.
            self._drop([ref for request in requests[len(accepted) + 1 :] for ref in request.blobs()])
            self._withdraw([job.id for job in accepted if job.fresh])
            raise
        return accepted

    def _check(
        self,
        requests: Sequence[GenerationRequest],
        bodies: Sequence[AnyJob],
        caller: Caller,
        keys: Sequence[str | None],
    ) -> None:
        """A job that is submitted may run at once, so that all of several are looked at before."""
        try:
            for request, body, key in zip(requests, bodies, keys, strict=True):
                if len(requests) > 1:
                    self._images.check(request, caller=caller, key=key, webhook=body.webhook)
        except BaseException:
            self._drop([ref for request in requests for ref in request.blobs()])
            raise

    def _submitted(
        self, request: GenerationRequest, body: AnyJob, caller: Caller, key: str | None
    ) -> Accepted:
        wanted = uuid.uuid4().hex
        found = self._images.submit(
            request,
            job_id=wanted,
            caller=caller,
            priority=body.priority,
            key=key,
            detached=True,
            webhook=body.webhook,
        )
        return Accepted(found, fresh=found == wanted)

    def _withdraw(self, ids: Sequence[JobId]) -> None:
        for job_id in ids:
            with suppress(UnknownJob, JobConflict):
                self._jobs.interrupt(job_id)
                self._jobs.purge(job_id)

    def _built(self, bodies: Sequence[AnyJob]) -> list[GenerationRequest]:
        with self._keeping() as put:
            return [self._request(body, put) for body in bodies]

    def _request(self, body: AnyJob, put: PutPicture) -> GenerationRequest:
        if isinstance(body, InterrogateJob):
            if body.request.model not in CAPTION_MODELS:
                raise UnknownModel(body.request.model, CAPTION_MODELS)
            params = InterrogateParams(image=put(body.request.image, "image"), model=body.request.model)
            return GenerationRequest(kind=Kind.INTERROGATE, interrogate=params)
        if isinstance(body, ExtrasJob):
            return _extras(body.request, put)
        scripts = self._resources.scripts()
        if isinstance(body, Img2ImgJob):
            request = img2img_request(self._pasted(body.request), scripts, put)
        else:
            request = txt2img_request(self._pasted(body.request), scripts)
        return replace(request, deterministic=body.deterministic) if body.deterministic else request

    def _pasted(self, body: B) -> B:
        return paste(body, self._options, self._resources.styles)

    @contextmanager
    def _keeping(self) -> Iterator[PutPicture]:
        """Keeps pictures; none of them when what is done with them fails."""
        kept: list[BlobRef] = []

        def put(value: object, field: str) -> BlobRef:
            try:
                kept.append(self._images.put_image(self._pictures.decode(value, field)))
            except InvalidImage as error:
                raise InvalidImage(str(error) if field in str(error) else f"{field}: {error}") from None
            return kept[-1]

        try:
            yield put
        except BaseException:
            self._drop(kept)
            raise

    def _drop(self, refs: Sequence[BlobRef]) -> None:
        for ref in refs:
            self._images.drop_image(ref)


def _extras(body: ExtrasRequest, put: PutPicture) -> GenerationRequest:
    if body.image:
        return GenerationRequest(
            kind=Kind.EXTRAS, extras=extras_params(body, (put(body.image, "image"),), ())
        )
    images = tuple(put(file.data, f"imageList[{n}].data") for n, file in enumerate(body.imageList))
    params = extras_params(body, images, tuple(file.name for file in body.imageList))
    return GenerationRequest(kind=Kind.EXTRAS, extras=params)
