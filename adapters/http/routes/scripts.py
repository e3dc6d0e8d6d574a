"""Scripts and extensions."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire.lists import ExtensionItem, ScriptArgItem, ScriptInfoItem, ScriptsList
from core.domain.resources import ScriptArg, ScriptInfo
from core.ports.driving import BrowseResources


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


def scripts_router(resources: BrowseResources) -> APIRouter:
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

    @router.get("/extensions", summary="Extensions from a git remote; plugins are Python packages, so none")
    async def extensions() -> list[ExtensionItem]:
        return []

    return router
