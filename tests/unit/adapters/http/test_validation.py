from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from adapters.http.validation import answer_invalid
from tests.unit.adapters.http.conftest import Client

TXT2IMG = "/sdapi/v1/txt2img"


def detail(client: Client, content: str | bytes) -> dict[str, Any]:
    answer = client.post(TXT2IMG, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert list(answer.json()) == ["detail"]
    return answer.json()["detail"][0]


@pytest.mark.parametrize(
    ("field", "value", "kind", "text"),
    [
        ("width", "abc", "type_error.integer", "value is not a valid integer"),
        ("width", "7.5", "type_error.integer", "value is not a valid integer"),
        ("width", [], "type_error.integer", "value is not a valid integer"),
        ("width", "9" * 5000, "type_error.integer", "value is not a valid integer"),
        ("cfg_scale", "abc", "type_error.float", "value is not a valid float"),
        ("cfg_scale", "nan", "type_error.float", "value is not a valid float"),
        ("cfg_scale", "inf", "type_error.float", "value is not a valid float"),
        ("prompt", [], "type_error.str", "str type expected"),
        ("enable_hr", "perhaps", "type_error.bool", "value could not be parsed to a boolean"),
        ("enable_hr", 2, "type_error.bool", "value could not be parsed to a boolean"),
        ("styles", "a", "type_error.list", "value is not a valid list"),
        ("override_settings", 5, "type_error.dict", "value is not a valid dict"),
        ("sampler_index", None, "type_error.none.not_allowed", "none is not an allowed value"),
        ("script_args", None, "type_error.none.not_allowed", "none is not an allowed value"),
        ("send_images", None, "type_error.none.not_allowed", "none is not an allowed value"),
        ("save_images", None, "type_error.none.not_allowed", "none is not an allowed value"),
        ("alwayson_scripts", None, "type_error.none.not_allowed", "none is not an allowed value"),
    ],
)
def test_a_wrong_field_is_told_as_pydantic_1_told_it(
    client: Client, field: str, value: object, kind: str, text: str
) -> None:
    found = detail(client, json.dumps({field: value}))
    assert found == {"loc": ["body", field], "msg": text, "type": kind}


@pytest.mark.parametrize(
    ("field", "value", "echoed"),
    [
        ("width", 512.7, 512),
        ("width", "64", 64),
        ("steps", True, 1),
        ("cfg_scale", "7", 7.0),
        ("prompt", 5, "5"),
        ("enable_hr", "yes", True),
        ("enable_hr", 0.0, False),
        ("tiling", "off", False),
        ("override_settings", [], {}),
        ("subseed_strength", None, None),
    ],
)
def test_a_value_of_another_type_is_coerced(
    client: Client, field: str, value: object, echoed: object
) -> None:
    body = {"denoising_strength": 0.5, field: value}
    assert client.post(TXT2IMG, body).json()["parameters"][field] == echoed


def test_malformed_json(client: Client) -> None:
    assert detail(client, "{nope") == {
        "loc": ["body", 1],
        "msg": "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "type": "value_error.jsondecode",
        "ctx": {
            "msg": "Expecting property name enclosed in double quotes",
            "doc": "{nope",
            "pos": 1,
            "lineno": 1,
            "colno": 2,
        },
    }


def test_of_a_long_malformed_document_only_the_neighbourhood_is_shown(client: Client) -> None:
    found = detail(client, '{"prompt": "' + "x" * 10_000 + '", nope}')
    assert len(found["ctx"]["doc"]) < 200
    assert found["ctx"]["pos"] == 10_015


def test_an_empty_body(client: Client) -> None:
    assert detail(client, "") == {"loc": ["body"], "msg": "field required", "type": "value_error.missing"}


@pytest.mark.parametrize("content", ["[]", "5", '"x"', "null"])
def test_a_body_that_is_no_object(client: Client, content: str) -> None:
    found = detail(client, content)
    assert found["loc"] == ["body"]
    assert found["type"] in ("type_error.dict", "value_error.missing")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"cfg_scale": NaN}', "NaN is not a JSON number"),
        (b'{"cfg_scale": Infinity}', "Infinity is not a JSON number"),
        (b'{"override_settings": {"a": -Infinity}}', "-Infinity is not a JSON number"),
        (b'{"cfg_scale": 1e309}', "Number out of range"),
        (b'{"steps": ' + b"9" * 5000 + b"}", "Number too long"),
        (b'{"prompt": "\\ud800"}', "Unpaired surrogate"),
        (b'{"prompt": "\xff"}', "Invalid UTF-8"),
        (b'{"a":' * 100_000, "Nested too deeply"),
    ],
)
def test_what_json_does_not_have_is_refused(client: Client, content: bytes, reason: str) -> None:
    found = detail(client, content)
    assert found["type"] == "value_error.jsondecode"
    assert found["ctx"]["msg"] == reason


def test_a_surrogate_pair_and_a_byte_order_mark_are_fine(client: Client) -> None:
    content = b'\xef\xbb\xbf{"prompt": "\\ud83d\\ude00"}'
    answer = client.post(TXT2IMG, content=content, headers={"content-type": "application/json"})
    assert answer.json()["parameters"]["prompt"] == "\N{GRINNING FACE}"


def test_a_missing_field_is_named(client: Client) -> None:
    answer = client.post("/sdapi/v1/png-info", {})
    wanted = {"loc": ["body", "image"], "msg": "field required", "type": "value_error.missing"}
    assert (answer.status_code, answer.json()) == (422, {"detail": [wanted]})


def test_a_query_is_checked_too(client: Client) -> None:
    answer = client.get("/sdapi/v1/progress?skip_current_image=x")
    found = answer.json()["detail"][0]
    assert found["loc"] == ["query", "skip_current_image"]
    assert found["type"] == "type_error.bool"


class Ranged(BaseModel):
    low: float = Field(0, ge=0)
    high: float = Field(0, le=1)
    more: float = Field(1, gt=0)
    less: float = Field(0, lt=1.5)
    words: list[str] = []
    word: str = ""
    odd: int = Field(0, multiple_of=2)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({"low": -1}, "value_error.number.not_ge", "ensure this value is greater than or equal to 0"),
        ({"high": 2}, "value_error.number.not_le", "ensure this value is less than or equal to 1"),
        ({"more": 0}, "value_error.number.not_gt", "ensure this value is greater than 0"),
        ({"less": 2}, "value_error.number.not_lt", "ensure this value is less than 1.5"),
        ({"words": 1}, "type_error.list", "value is not a valid list"),
        ({"word": 1}, "type_error.str", "str type expected"),
        ({"odd": 1}, "multiple_of", "Input should be a multiple of 2"),
    ],
)
def test_the_table_translates_pydantic_2(body: dict[str, object], kind: str, text: str) -> None:
    api = FastAPI()
    answer_invalid(api)

    @api.post("/")
    def route(body: Ranged) -> None: ...

    found = Client(api).post("/", body).json()["detail"][0]
    assert (found["type"], found["msg"]) == (kind, text)
