"""What docs/reference/operations.md and openai.md say is there is there, and what is there is said."""

from __future__ import annotations

import re

from adapters.application import Application
from adapters.http.metrics import REASONS, Metrics
from adapters.http.openai.routes import openai_router
from adapters.http.openai.to_request import STEPS
from adapters.http.openai.wire import CreateImageRequest, EditImageRequest, VaryImageRequest
from adapters.http.pictures import Pictures
from tests.architecture.source_tree import ROOT
from tests.unit.adapters.http.fakes import FakeApplication

OPERATIONS = (ROOT / "docs" / "reference" / "operations.md").read_text("utf-8")
OPENAI = (ROOT / "docs" / "reference" / "openai.md").read_text("utf-8")
METRIC = re.compile(r"^\| `(serena_\w+)` \|", re.MULTILINE)
ROUTE = re.compile(r"^### `(GET|POST) (/v1/\S+)`$", re.MULTILINE)


def application() -> Application:
    return FakeApplication().application()


def test_every_metric_is_documented_and_no_other() -> None:
    text = Metrics(application().jobs, "fake").render().decode()
    there = set(re.findall(r"^# TYPE (serena_\w+) (?:counter|gauge|histogram)$", text, re.MULTILINE))
    there = {name for name in there if not name.endswith("_created")}
    assert set(METRIC.findall(OPERATIONS)) == there


def test_every_reason_of_a_rejection_is_documented() -> None:
    row = next(line for line in OPERATIONS.splitlines() if "serena_jobs_rejected_total" in line)
    assert {*REASONS.values(), "other"} <= set(re.findall(r"`(\w+)`", row))


def test_every_route_of_the_images_api_is_documented_and_no_other() -> None:
    router = openai_router(application(), Pictures(lambda url: b""))
    served = {(method, route.path) for route in router.routes for method in getattr(route, "methods", ())}
    served = {(method, path.replace(":path", "")) for method, path in served}
    assert set(ROUTE.findall(OPENAI)) == served


def test_every_field_of_the_images_api_is_documented() -> None:
    models = (CreateImageRequest, EditImageRequest, VaryImageRequest)
    fields = {name for model in models for name in model.model_fields}
    assert {name for name in fields if f"`{name}`" not in OPENAI} == set()


def test_the_steps_of_each_quality_are_documented() -> None:
    row = next(line for line in OPENAI.splitlines() if line.startswith("| `quality` |"))
    groups = re.findall(r"((?:`\w+`(?:, | and )?)+) (\d+)", row)
    told = {name: int(steps) for names, steps in groups for name in re.findall(r"`(\w+)`", names)}
    assert told == STEPS
