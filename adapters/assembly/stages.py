"""The stages that a run passes."""

from __future__ import annotations

from collections.abc import Mapping

from dependency_injector import providers

from adapters.assembly.basis import Basis
from adapters.version import INFOTEXT_VERSION
from core.domain.request import Kind
from core.stages.execute import Drawing
from core.stages.extra_files import InitFiles
from core.stages.extras import ExtrasStaging, ExtrasTools
from core.stages.finalize import Finishing
from core.stages.init_pictures import InitPreparing
from core.stages.interrogate import InterrogateStaging, InterrogateTools
from core.stages.prepare import Preparing
from core.stages.saving import Saving
from core.stages.staged import Staging
from core.stages.workbench import Workbench


def make_staging(extras: ExtrasTools, interrogate: InterrogateTools) -> Mapping[Kind, Staging]:
    return {Kind.EXTRAS: ExtrasStaging(extras), Kind.INTERROGATE: InterrogateStaging(interrogate)}


class Stages(Basis):
    """One of each, for the runner."""

    preparing = providers.Singleton(
        Preparing,
        Basis.hooks,
        providers.Singleton(
            InitPreparing,
            Basis.blobs,
            Basis.codec,
            Basis.editor,
            providers.Singleton(InitFiles, Basis.codec, Basis.image_store),
            Basis.upscalers,
        ),
        Basis.limits,
        Basis.upscalers,
        Basis.faces,
    )
    drawing = providers.Singleton(Drawing, Basis.hooks, Basis.editor)
    finishing = providers.Singleton(
        Finishing,
        hooks=Basis.hooks,
        codec=Basis.codec,
        editor=Basis.editor,
        blobs=Basis.blobs,
        saving=providers.Singleton(
            Saving, Basis.hooks, Basis.codec, Basis.editor, Basis.image_store, Basis.clock
        ),
        marks=providers.Callable(lambda backend: backend.describe().infotext, Basis.backend),
        version=INFOTEXT_VERSION,
    )
    workbench = providers.Singleton(
        Workbench, Basis.codec, Basis.blobs, Basis.editor, Basis.upscalers, Basis.limits
    )
    staging = providers.Callable(
        make_staging,
        extras=providers.Singleton(
            ExtrasTools,
            hooks=Basis.hooks,
            codec=Basis.codec,
            editor=Basis.editor,
            blobs=Basis.blobs,
            upscalers=Basis.upscalers,
            faces=Basis.faces,
            limits=Basis.limits,
        ),
        interrogate=providers.Singleton(
            InterrogateTools,
            hooks=Basis.hooks,
            codec=Basis.codec,
            editor=Basis.editor,
            blobs=Basis.blobs,
            interrogators=Basis.interrogators,
            limits=Basis.limits,
        ),
    )
