"""Scripts and extensions."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire.lists import ExtensionItem, ScriptArgItem, ScriptInfoItem, ScriptsList
from core.domain.resources import ScriptArg, ScriptInfo
from core.ports.driving import BrowseResources
from plugins.report import PluginReport


def script_item(script: ScriptInfo) -> ScriptInfoItem:
    return ScriptInfoItem(
        name=script.name,
        is_alwayson=script.always_on,
        is_img2img=script.img2img,
        args=[argument_item(argument) for argument in script.args],
    )


def argument_item(argument: ScriptArg) -> ScriptArgItem:
    return ScriptArgItem(
        label=argument.label,
        value=argument.value,
        minimum=argument.minimum,
        maximum=argument.maximum,
        step=argument.step,
        choices=None if argument.choices is None else list(argument.choices),
    )


def extension_item(plugin: PluginReport) -> ExtensionItem:
    """A plugin by the reference's keys; what is no package of a git remote has none."""
    return ExtensionItem(
        name=plugin.name,
        remote="",
        branch="",
        commit_hash="",
        version=plugin.version,
        commit_date="",
        enabled=plugin.error is None,
    )


def scripts_router(resources: BrowseResources, plugins: Sequence[PluginReport]) -> APIRouter:
    router = new_router("/sdapi/v1", ["scripts"])

    @router.get("/scripts", summary="Names of scripts, by endpoint")
    async def scripts() -> ScriptsList:
        found = await run_in_threadpool(resources.scripts)
        return ScriptsList(
            txt2img=[script.name for script in found if not script.img2img],
            img2img=[script.name for script in found if script.img2img],
        )

    @router.get("/script-info", summary="Scripts with their arguments")
    async def script_info() -> list[ScriptInfoItem]:
        return [script_item(x) for x in await run_in_threadpool(resources.scripts) if x.documented]

    @router.get("/extensions", summary="Installed plugins; not enabled are those that could not be loaded")
    async def extensions() -> list[ExtensionItem]:
        return [extension_item(plugin) for plugin in plugins if not plugin.builtin]

    return router
