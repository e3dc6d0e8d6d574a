"""``<lora:name:0.8>``: extra-network tags, taken out of the prompt and handed on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

_TAG = re.compile(r"<(?P<kind>\w+):(?P<args>[^>]+)>")


@dataclass(frozen=True, slots=True)
class ExtraNetwork:
    """One tag. ``named`` holds its ``key=value`` arguments in the order written."""

    kind: str
    positional: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()

    @property
    def options(self) -> MappingProxyType[str, str]:
        return MappingProxyType(dict(self.named))

    @property
    def name(self) -> str:
        return self.positional[0] if self.positional else ""


def strip_extra_networks(text: str) -> tuple[str, tuple[ExtraNetwork, ...]]:
    """The prompt without its tags (the spaces around them stay), and the tags in order."""
    kept: list[str] = []
    found: list[ExtraNetwork] = []
    at = 0
    # behind the last ">" nothing can match: looking there would make "<a:<a:<a:…" quadratic
    for match in _TAG.finditer(text, 0, text.rfind(">") + 1):
        kept.append(text[at : match.start()])
        found.append(parse_tag(match["kind"], match["args"]))
        at = match.end()
    kept.append(text[at:])
    return "".join(kept), tuple(found)


def parse_tag(kind: str, args: str) -> ExtraNetwork:
    positional: list[str] = []
    named: dict[str, str] = {}
    for item in args.split(":"):
        pieces = item.split("=", 2)
        if len(pieces) == 2:
            named[pieces[0]] = pieces[1]
        else:
            positional.append(item)
    return ExtraNetwork(kind, tuple(positional), tuple(named.items()))
