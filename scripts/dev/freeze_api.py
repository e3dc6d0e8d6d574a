"""Freeze the HTTP API anew: the documents ``contracts/api/{sdapi,serena,openai}.openapi.json``, what
``differences.json`` says of us, and the page ``docs/reference/http-errors.md``.

Run it from the root of the repository after a change that is meant, and read the diff. A new difference gets
``why: ""``, which the tests refuse until somebody has filled it in.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

from adapters.bootstrap import bootstrap
from adapters.http.app import create_app
from adapters.http.errors import reply_to_job
from adapters.settings import Settings
from core.domain import errors as domain
from core.domain.errors import SerenaError
from core.domain.job import JobError
from tests.integration.http.replay import API, CASES, DIFFERENCES, ask, comparable, shown
from tests.unit.adapters.http.conftest import Client

OWN, OPENAI = "/api/v1/", "/v1/"
ERRORS = Path("docs/reference/http-errors.md")

HEAD = """# Errors of the HTTP API

Made by `scripts/dev/freeze_api.py`; a test compares it with the code.

Three shapes. A body that does not fit its fields gets a 422 with `{"detail": [{"loc", "msg", "type"}]}`;
a path or a method that does not exist gets `{"detail": "Not Found"}` or `{"detail": "Method Not
Allowed"}`; every other error is `{"error", "detail", "body", "errors"}`, all of them texts. `detail`
says what was wrong and what would be right. Statuses 429 and 503 carry `Retry-After`.

The layers in front of the routes answer 401 without a password where one is needed, 403 to a page of
another site, 413 to a body that is too large, 415 to a body that is not JSON, and 421 to a request for
another server's name. What is not offered here answers 501. An error that nobody foresaw is a 500
`InternalServerError`; the log says why.

Below `/api/v1` every error is a [problem](api-v1.md#errors) instead, whose `code` is the class of the error;
below `/v1` it has [OpenAI's shape](openai.md).
"""

MIDDLE = """
## Where the reference answers otherwise

Its answers were recorded; every difference is here, with the reason.
"""


def write(name: str, value: Any) -> None:
    (API / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    print(f"wrote {API / name}")


def parted(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The served document in three: the own API, OpenAI's, and all else."""
    paths = document["paths"]
    own = {path: item for path, item in paths.items() if path.startswith(OWN)}
    theirs = {path: item for path, item in paths.items() if path.startswith(OPENAI)}
    others = {path: item for path, item in paths.items() if path not in own | theirs}
    return {
        "sdapi.openapi.json": _part(document, others),
        "serena.openapi.json": _part(document, own),
        "openai.openapi.json": _part(document, theirs),
    }


def _part(document: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    """``document`` with these paths only, and the schemas that they reach."""
    schemas, reached, fresh = document["components"]["schemas"], set[str](), _named(paths)
    while fresh:
        reached |= fresh
        fresh = _named([schemas[name] for name in fresh]) - reached
    kept = {name: schema for name, schema in schemas.items() if name in reached}
    return {**document, "paths": paths, "components": {**document["components"], "schemas": kept}}


def _named(value: Any) -> set[str]:
    """The names of the schemas that ``value`` refers to."""
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(value)))


def differing(client: Client) -> list[dict[str, Any]]:
    rows = []
    for case in CASES:
        answer = ask(client, case)
        ours = {"status": answer.status_code, "body": comparable(shown(answer))}
        reference = {"status": case["status"], "body": comparable(case["body"])}
        if ours != reference:
            why = DIFFERENCES.get(case["case"], {}).get("why", "")
            rows.append({"case": case["case"], "reference": reference, "ours": ours, "why": why})
    return rows


def errors_page(rows: list[dict[str, Any]]) -> str:
    """The catalogue of errors, as a page of the documentation."""
    lines = [HEAD, "| status | `error` | `detail` |", "|---|---|---|"]
    for kind in sorted(_kinds(), key=lambda kind: (reply_to_job(_failed(kind)).status, kind.__name__)):
        reply = reply_to_job(_failed(kind))
        lines.append(f"| {reply.status} | `{reply.error}` | {_cell(reply.detail)} | ".rstrip())
    lines += [MIDDLE, "| request | the reference | here | why |", "|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row['case']} | {_brief(row['reference'])} | {_brief(row['ours'])} | {row['why']} |")
    return "\n".join(lines) + "\n"


def _kinds() -> list[type[SerenaError]]:
    found = [
        kind for kind in vars(domain).values() if isinstance(kind, type) and issubclass(kind, SerenaError)
    ]
    return [kind for kind in found if kind not in (SerenaError, domain.SettingsError, domain.UnknownBackend)]


def _failed(kind: type[SerenaError]) -> JobError:
    return JobError(kind.__name__, " ".join((kind.__doc__ or "").split()).partition(". ")[0].rstrip("."))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _brief(answer: dict[str, Any]) -> str:
    body = answer["body"]
    if not isinstance(body, dict):
        return str(answer["status"])
    text = body.get("detail") or body.get("errors") or ""
    if isinstance(text, list):
        text = text[0]["msg"]
    return _cell(f"{answer['status']} {text}").strip()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = bootstrap(Settings(data_dir=Path(folder), backend={"name": "fake"}))
        app.start()
        try:
            client = Client(create_app(app))
            for name, part in parted(client.get("/openapi.json").json()).items():
                write(name, part)
            rows = differing(client)
            write("differences.json", rows)
            ERRORS.write_text(errors_page(rows))
        finally:
            app.close()


if __name__ == "__main__":
    main()
