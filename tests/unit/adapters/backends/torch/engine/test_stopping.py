"""A job is cancelled where its run waits for others, and its companions are drawn."""

from __future__ import annotations

import time
from dataclasses import replace

from adapters.application import Application
from adapters.backends.torch.engine.gate import NETWORKS
from core.domain.job import JobState
from core.domain.request import GenerationRequest
from serena import Serena

PATIENCE = 30.0
WORK = GenerationRequest(prompt="a red circle", width=64, height=64, steps=2, seed=5)


def test_a_cancel_is_heard_while_something_is_compiled(demo: Serena, demo_app: Application) -> None:
    app = demo_app
    with NETWORKS.compiling():
        one, other = (app.images.submit(replace(WORK, prompt="a prompt that is new")) for _ in range(2))
        while not NETWORKS._kept_waiting:
            time.sleep(0.001)
        app.jobs.interrupt(one)
        assert app.images.wait(one, PATIENCE).state is JobState.CANCELLED
    assert app.images.wait(other, PATIENCE).state is JobState.SUCCEEDED


def test_what_is_drawn_by_then_becomes_a_picture(demo: Serena, demo_app: Application) -> None:
    """It has only the way through the VAE left."""
    app = demo_app
    job = app.images.submit(replace(WORK, steps=100))
    while app.jobs.progress(job).step < 2:
        time.sleep(0.001)
    with NETWORKS.compiling():
        while not NETWORKS._kept_waiting:
            time.sleep(0.001)
        app.jobs.interrupt(job)
    ended = app.images.wait(job, PATIENCE)
    assert ended.state is JobState.CANCELLED
    assert ended.result is not None
    assert len(ended.result.images) == 1
