"""Interrogate: a picture is described in words."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.errors import InvalidValue, MissingWeights, UnknownModel
from core.domain.limits import RequestLimits, check_request
from core.domain.options import OptionValues
from core.domain.request import InterrogateParams, Kind
from core.drafts import RequestDraft, ResultDraft
from core.ports.driven import BlobStore, ImageCodec, ImageEditor, Interrogators, RunHooks
from core.stages.order import RunControl, RunOrder
from core.stages.staged import Finished, picture_bytes

BACKGROUND = "#000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterrogateTools:
    """What interrogating works with."""

    hooks: RunHooks
    codec: ImageCodec
    editor: ImageEditor
    blobs: BlobStore
    interrogators: Interrogators
    limits: RequestLimits


class InterrogateStaging:
    """The ``Staging`` of interrogate."""

    def __init__(self, tools: InterrogateTools) -> None:
        self._tools = tools

    def prepare(self, run_id: str, order: RunOrder) -> InterrogateRun:
        draft = RequestDraft(run_id=run_id, request=order.request, options=order.options)
        self._tools.hooks.prepare(draft)
        check_request(draft.request, self._tools.limits)
        params = draft.request.interrogate
        if draft.request.kind is not Kind.INTERROGATE or params is None:
            raise InvalidValue("kind", draft.request.kind.value, "the kind of a request cannot change")
        check_interrogator(params.model, self._tools.interrogators)
        return InterrogateRun(self._tools, run_id, params, draft)


def check_interrogator(name: str, interrogators: Interrogators) -> None:
    """Raises ``UnknownModel``, or its kind ``MissingWeights`` for one that is known but not here."""
    if name not in interrogators.names():
        raise UnknownModel(name, tuple(interrogators.names()))
    reason = interrogators.missing(name)
    if reason is not None:
        raise MissingWeights(name, reason)


class InterrogateRun:
    """A ``StagedRun``. It has no picture to give back; its caption is in ``info``."""

    def __init__(
        self, tools: InterrogateTools, run_id: str, params: InterrogateParams, draft: RequestDraft
    ) -> None:
        self._tools = tools
        self._run_id = run_id
        self._params = params
        self._options: OptionValues = draft.options
        self._comments = draft.comments
        self._caption = ""

    def execute(self, control: RunControl) -> None:
        control.plan(1, 1)
        control.begin_iteration(0, Kind.INTERROGATE.value)
        picture = self._tools.codec.decode(picture_bytes(self._tools.blobs, self._params.image))
        flat = self._tools.editor.flatten(picture, BACKGROUND)
        control.check()
        self._caption = self._tools.interrogators.describe(self._params.model, flat, self._options, control)

    def finalize(self, *, complete: bool) -> Finished:
        result = ResultDraft(run_id=self._run_id, images=[], infotexts=[], comments=self._comments)
        self._tools.hooks.finalize(result)
        return Finished(images=(), info={"caption": self._caption}, comments=tuple(result.comments))
