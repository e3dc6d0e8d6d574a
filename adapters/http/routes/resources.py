"""Lists of what lies beside the checkpoints, and the calls that look for it again."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire import lists
from core.domain.resources import EmbeddingRef, NamedFile, UpscalerRef
from core.ports.driving import BrowseResources

REALESRGAN = ("R-ESRGAN", "RealESRGAN")


def upscaler_item(upscaler: UpscalerRef) -> lists.UpscalerItem:
    return lists.UpscalerItem(
        name=upscaler.name, model_name=upscaler.model_name, model_path=upscaler.path, scale=upscaler.scale
    )


def embedding_item(found: EmbeddingRef) -> lists.EmbeddingItem:
    return lists.EmbeddingItem(
        step=found.step,
        sd_checkpoint=found.sd_checkpoint,
        sd_checkpoint_name=found.sd_checkpoint_name,
        shape=found.shape,
        vectors=found.vectors,
    )


def vae_item(file: NamedFile) -> lists.SDVaeItem:
    return lists.SDVaeItem(model_name=file.name, filename=file.filename)


def resources_router(resources: BrowseResources) -> APIRouter:
    router = new_router("/sdapi/v1", ["lists"])
    _add_upscaling(router, resources)
    _add_networks(router, resources)
    _add_parts(router, resources)
    return router


def _add_upscaling(router: APIRouter, resources: BrowseResources) -> None:
    @router.get("/upscalers", summary="Upscalers of finished pictures")
    async def upscalers() -> list[lists.UpscalerItem]:
        return [upscaler_item(found) for found in await run_in_threadpool(resources.upscalers)]

    @router.get("/latent-upscale-modes", summary="Upscalers of latents, for the second pass")
    async def latent_upscale_modes() -> list[lists.NamedItem]:
        return [lists.NamedItem(name=name) for name in await run_in_threadpool(resources.latent_upscalers)]

    @router.get("/face-restorers", summary="Face restorers whose weights are there")
    async def face_restorers() -> list[lists.FaceRestorerItem]:
        return [
            lists.FaceRestorerItem(name=name) for name in await run_in_threadpool(resources.face_restorers)
        ]

    @router.get("/realesrgan-models", summary="Upscalers of the RealESRGAN kind that are there")
    async def realesrgan_models() -> list[lists.RealesrganItem]:
        return [
            lists.RealesrganItem(name=found.name, path=found.path, scale=int(found.scale))
            for found in await run_in_threadpool(resources.upscalers)
            if found.name.startswith(REALESRGAN)
        ]


def _add_networks(router: APIRouter, resources: BrowseResources) -> None:
    @router.get("/loras", summary="LoRAs")
    async def loras() -> list[lists.LoraItem]:
        return [
            lists.LoraItem(name=x.name, alias=x.alias, path=x.filename, metadata=dict(x.metadata))
            for x in await run_in_threadpool(resources.loras)
        ]

    @router.get("/embeddings", summary="Textual inversions that fit the model in use, and the others")
    async def embeddings() -> lists.EmbeddingsResponse:
        found = await run_in_threadpool(resources.embeddings)
        return lists.EmbeddingsResponse(
            loaded={x.name: embedding_item(x) for x in found if x.loaded},
            skipped={x.name: embedding_item(x) for x in found if not x.loaded},
        )

    @router.get("/hypernetworks", summary="Hypernetworks")
    async def hypernetworks() -> list[lists.HypernetworkItem]:
        found = await run_in_threadpool(resources.hypernetworks)
        return [lists.HypernetworkItem(name=file.name, path=file.filename) for file in found]

    @router.post("/refresh-loras", summary="Look for LoRAs on the disk again")
    async def refresh_loras() -> None:
        await run_in_threadpool(resources.refresh)

    @router.post("/refresh-embeddings", summary="Look for textual inversions on the disk again")
    async def refresh_embeddings() -> None:
        await run_in_threadpool(resources.refresh)


def _add_parts(router: APIRouter, resources: BrowseResources) -> None:
    @router.get("/sd-vae", summary="VAEs")
    async def sd_vae() -> list[lists.SDVaeItem]:
        return [vae_item(file) for file in await run_in_threadpool(resources.vaes)]

    @router.get("/sd-modules", summary="VAEs and text encoders, as Forge lists them")
    async def sd_modules() -> list[lists.SDVaeItem]:
        found = await run_in_threadpool(lambda: [*resources.vaes(), *resources.text_encoders()])
        return [vae_item(file) for file in found]

    @router.post("/refresh-vae", summary="Look for VAEs on the disk again")
    async def refresh_vae() -> None:
        await run_in_threadpool(resources.refresh)

    @router.get("/prompt-styles", summary="Named styles")
    async def prompt_styles() -> list[lists.PromptStyleItem]:
        return [
            lists.PromptStyleItem(name=style.name, prompt=style.prompt, negative_prompt=style.negative_prompt)
            for style in await run_in_threadpool(resources.styles)
        ]
