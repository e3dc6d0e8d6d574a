"""The served OpenAPI document is the frozen one, and it has what the reference's has.

``python scripts/dev/freeze_api.py`` freezes it anew.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.http.examples import EXAMPLES
from scripts.dev.freeze_api import errors_page, parted
from tests.integration.http.replay import DIFFERENCES
from tests.unit.adapters.http.conftest import Client

API = Path("contracts/api")
REFERENCE = json.loads((API / "reference.openapi.json").read_text())
OPERATIONS = [(method, path) for path, item in REFERENCE["paths"].items() for method in item]

OTHER_DEFAULTS = {"api_enable_requests": False}
"""Options whose default is deliberately another one."""


@pytest.fixture(scope="module")
def document(real_client: Client) -> dict[str, Any]:
    found: dict[str, Any] = real_client.get("/openapi.json").json()
    return found


@pytest.mark.parametrize("name", ["sdapi.openapi.json", "serena.openapi.json", "openai.openapi.json"])
def test_the_document_is_the_frozen_one(document: dict[str, Any], name: str) -> None:
    assert parted(document)[name] == json.loads((API / name).read_text())


def test_the_catalogue_of_errors_is_the_codes() -> None:
    page = Path("docs/reference/http-errors.md").read_text()
    assert page == errors_page(list(DIFFERENCES.values()))


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` without references and without the null that it may allow."""
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in schema:
            schema = next(member for member in schema["anyOf"] if member.get("type") != "null")
        else:
            return schema


def differences(ours: Any, theirs: Any, document: dict[str, Any], at: str) -> Iterator[str]:
    """Where a schema of this server says something else than the reference's."""
    ours, theirs = resolved(document, ours), resolved(REFERENCE, theirs)
    if "type" in theirs and ours.get("type") != theirs["type"]:
        yield f"{at}: type {ours.get('type')}, not {theirs['type']}"
    mine, wanted = ours.get("properties", {}), theirs.get("properties", {})
    if wanted and list(mine)[: len(wanted)] != list(wanted):
        yield f"{at}: fields {sorted(set(mine) ^ set(wanted)) or 'in another order'}"
    for name in set(mine) & set(wanted):
        default = OTHER_DEFAULTS.get(name, wanted[name].get("default"))
        if mine[name].get("default") != default:
            yield f"{at}.{name}: default {mine[name].get('default')!r}, not {default!r}"
        yield from differences(mine[name], wanted[name], document, f"{at}.{name}")
    if "items" in theirs:
        yield from differences(ours.get("items", {}), theirs["items"], document, f"{at}[]")


def content(operation: dict[str, Any], part: str) -> dict[str, Any]:
    holder = operation.get("requestBody", {}) if part == "request" else operation["responses"]["200"]
    found: dict[str, Any] = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return found


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_takes_and_gives_what_the_references_does(
    document: dict[str, Any], method: str, path: str
) -> None:
    theirs = REFERENCE["paths"][path][method]
    ours = document["paths"][path][method]
    found = list(differences(content(ours, "request"), content(theirs, "request"), document, "request"))
    if path not in ("/sdapi/v1/options", "/sdapi/v1/cmd-flags") or method != "get":
        found += differences(content(ours, "answer"), content(theirs, "answer"), document, "answer")
    assert found == []
    assert [p["name"] for p in ours.get("parameters", [])] == [
        p["name"] for p in theirs.get("parameters", [])
    ]
    required = [
        resolved(d, content(o, "request")).get("required") for d, o in ((document, ours), (REFERENCE, theirs))
    ]
    assert required[0] == required[1]


@pytest.mark.parametrize("name", ["Flags", "Options"])
def test_the_large_objects_have_the_references_keys(document: dict[str, Any], name: str) -> None:
    ours = document["components"]["schemas"][name]["properties"]
    theirs = REFERENCE["components"]["schemas"][name]["properties"]
    assert list(ours)[: len(theirs)] == list(theirs)
    if name == "Options":
        assert not [key for key in theirs if others_default(key, ours, theirs)]


def others_default(key: str, ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether an option has another default, paths of that machine and texts of that program apart."""
    wanted = OTHER_DEFAULTS.get(key, theirs[key].get("default"))
    apart = key.endswith("_explanation") or key == "settings_in_ui" or "<root>" in str(wanted)
    return not apart and ours[key].get("default") != wanted


def test_every_body_has_an_example_that_is_taken(document: dict[str, Any], real_client: Client) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert ((method, path) in EXAMPLES) == ("requestBody" in operation), path
    for (method, path), body in EXAMPLES.items():
        # Training is not offered, and a machine without captioning weights has no caption.
        assert real_client.ask(method, path, json=body).status_code in (200, 202, 404, 501), path


def test_every_operation_is_summed_up_and_shows_the_error(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["tags"]
            assert "default" in operation["responses"]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda fields: fields.pop("steps"), "fields ['steps']"),
        (lambda fields: fields.update(extra=fields.pop("prompt")), "fields ['extra', 'prompt']"),
        (lambda fields: fields["width"].update(default=64), "default 64, not 512"),
        (lambda fields: fields["width"].update(anyOf=[{"type": "string"}]), "type string, not integer"),
    ],
)
def test_the_comparison_sees_a_change(
    document: dict[str, Any], change: Callable[[dict[str, Any]], object], seen: str
) -> None:
    changed = copy.deepcopy(document)
    change(changed["components"]["schemas"]["Txt2ImgRequest"]["properties"])
    ours = changed["paths"]["/sdapi/v1/txt2img"]["post"]
    theirs = REFERENCE["paths"]["/sdapi/v1/txt2img"]["post"]
    found = list(differences(content(ours, "request"), content(theirs, "request"), changed, "request"))
    assert any(seen in text for text in found), found
