"""Arguments of requests against the fields that a script declares."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.errors import InvalidValue, UnknownScript
from core.domain.request import GenerationRequest, Kind
from core.domain.resources import ScriptArg
from core.domain.scripts import Script, bind, check_scripts, find_script

FIELDS = (
    ScriptArg(name="on", value=False),
    ScriptArg(name="count", value=3, minimum=1, maximum=9),
    ScriptArg(name="share", value=0.5, maximum=1),
    ScriptArg(name="text", value=""),
    ScriptArg(name="kind", value="a", choices=("a", "Bee")),
    ScriptArg(name="list", value=()),
    ScriptArg(name="free", choices=()),
)
DEFAULTS = {"on": False, "count": 3, "share": 0.5, "text": "", "kind": "a", "list": (), "free": None}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ([], {}),
        ({}, {}),
        ([True, None, 1], {"on": True, "share": 1.0}),
        ({"count": 5.0, "text": 7, "kind": "BEE"}, {"count": 5, "text": "7", "kind": "Bee"}),
        ({"on": 1, "kind": 1, "list": [1]}, {"on": True, "kind": "Bee", "list": [1]}),
        ({"free": {"a": 1}}, {"free": {"a": 1}}),
    ],
)  # fmt: skip
def test_by_position_and_by_name(given: Any, changed: dict[str, Any]) -> None:
    assert bind("s", FIELDS, given) == {**DEFAULTS, **changed}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([0] * 8, "arguments of s is 8; it takes at most 7"),
        ({"nope": 1}, "an argument of s is 'nope'; its arguments are: on, count"),
        ({"on": 2}, "s: on is 2; it must be true or false"),
        ({"on": "yes"}, "true or false"),
        ({"count": True}, "a number"),
        ({"count": 1.5}, "a whole number"),
        ({"count": 10**400}, "a number"),
        ({"count": float("nan")}, "a number"),
        ({"count": 0}, "s: count is 0; it must be at least 1"),
        ({"share": 2}, "at most 1"),
        ({"text": True}, "a text"),
        ({"text": []}, "a text"),
        ({"kind": "c"}, "s: kind is 'c'; it must be one of a, Bee"),
        ({"kind": 2}, "one of a, Bee"),
        ({"kind": True}, "one of a, Bee"),
        ({"list": "x"}, "a list"),
    ],
)
def test_what_does_not_fit_is_refused(given: Any, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        bind("s", FIELDS, given)


def test_a_script_without_arguments_says_so() -> None:
    with pytest.raises(InvalidValue, match="its arguments are: none"):
        bind("s", (), {"x": 1})


PLOT = Script(name="Plot", fields=FIELDS, img2img=False)
GLOW = Script(name="Glow", fields=FIELDS, always_on=True)
KNOWN = (*PLOT.infos(), *GLOW.infos())


def test_a_script_is_found_on_its_endpoint() -> None:
    assert find_script("PLOT", Kind.TXT2IMG, KNOWN) == PLOT.infos()[0]
    assert find_script("plot", Kind.IMG2IMG, KNOWN) is None
    assert [(info.name, info.img2img) for info in GLOW.infos()] == [("glow", False), ("glow", True)]


def test_a_script_reads_its_own_arguments() -> None:
    request = GenerationRequest(
        script_name="plot",
        script_args=(True,),
        alwayson_scripts={"GLOW": {"args": {"count": 4}}},
    )
    both = {"other": {"args": [1]}, "glow": {"args": [True]}}
    assert GLOW.arguments(GenerationRequest(alwayson_scripts=both)) == {**DEFAULTS, "on": True}
    assert PLOT.arguments(request) == {**DEFAULTS, "on": True}
    assert GLOW.arguments(request) == {**DEFAULTS, "count": 4}
    assert GLOW.arguments(GenerationRequest()) == DEFAULTS
    check_scripts(request, KNOWN)


@pytest.mark.parametrize(
    "fields",
    [
        {"script_name": "nope"},
        {"script_name": "glow"},
        {"script_name": "plot", "kind": Kind.IMG2IMG},
        {"alwayson_scripts": {"nope": {"args": []}}},
    ],
)
def test_one_that_is_not_there_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UnknownScript):
        check_scripts(GenerationRequest(**fields), KNOWN)


@pytest.mark.parametrize("value", [5, {"args": 7}])
def test_always_on_arguments_have_a_form(value: Any) -> None:
    with pytest.raises(InvalidValue, match="it must be an object"):
        check_scripts(GenerationRequest(alwayson_scripts={"glow": value}), KNOWN)
