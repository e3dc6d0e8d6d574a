"""The least web application that answers as the API does: what Serena's own cost is compared with."""

from __future__ import annotations

import base64
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    prompt: str
    width: int
    height: int
    steps: int


class Answer(BaseModel):
    images: list[str]
    parameters: dict[str, Any]
    info: str


app = FastAPI()


@app.get("/health/live")
def live() -> dict[str, str]:
    return {"status": "alive"}


@app.post("/sdapi/v1/txt2img")
def txt2img(body: Body) -> Answer:
    return Answer(images=[base64.b64encode(bytes(1024)).decode()], parameters=body.model_dump(), info="{}")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
