"""What the loaded model costs, and how to free it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire.lists import MemoryResponse
from core.ports.driving import ManageMemory


def memory_router(memory: ManageMemory) -> APIRouter:
    router = new_router("/sdapi/v1", ["memory"])

    @router.get("/memory", summary="Memory of the host and of the device, in bytes")
    async def get_memory() -> MemoryResponse:
        use = await run_in_threadpool(memory.memory)
        return MemoryResponse(
            ram={"free": use.total - use.used, "used": use.used, "total": use.total},
            cuda={"error": "unavailable"} if use.device is None else dict(use.device),
        )

    @router.post("/unload-checkpoint", summary="Free the device until the next job")
    async def unload_checkpoint() -> dict[str, str]:
        await run_in_threadpool(memory.unload)
        return {}

    @router.post("/reload-checkpoint", summary="Bring the model back")
    async def reload_checkpoint() -> dict[str, str]:
        await run_in_threadpool(memory.reload)
        return {}

    return router
