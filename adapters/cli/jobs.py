"""``serena jobs``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.common import AsJson, DataDir, Server
from adapters.cli.errors import FAILED
from adapters.cli.listing import Row, show
from core.domain.errors import InvalidValue
from core.domain.job import JobId, JobState

if TYPE_CHECKING:
    from adapters.cli.job_access import JobAccess
    from adapters.client.models import JobView

COLUMNS = ("id", "kind", "state", "created_at", "prompt")
ENDED = tuple(state for state in JobState if state.is_final)

Id = Annotated[str, typer.Argument(help="Id of a job.", metavar="ID")]
Ids = Annotated[list[str], typer.Argument(help="Ids of jobs.", metavar="ID...")]

jobs = typer.Typer(help="Look at jobs, stop them, forget them: of a server, or of the data folder.")


@jobs.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        list[JobState], typer.Option("--state", help="Only those of this state; may be repeated.")
    ] = [],  # noqa: B006 - the library copies it
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    server: Server = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs."""
    with _opened(context, server, data_dir) as access:
        found = list(access.jobs(state, limit=limit))
    _show(found, as_json=as_json)


@jobs.command("show")
def show_(context: typer.Context, job_id: Id, server: Server = None, data_dir: DataDir = None) -> None:
    """Print all that is known of a job, as JSON."""
    with _opened(context, server, data_dir) as access:
        typer.echo(access.get(job_id).model_dump_json(indent=2))


@jobs.command()
def watch(context: typer.Context, job_id: Id, server: Server = None, data_dir: DataDir = None) -> None:
    """Follow a job to its end. Ends with 1 if it failed. Ctrl-C leaves it alone."""
    from adapters.cli.following import show_event
    from adapters.cli.progress import watcher

    with _opened(context, server, data_dir) as access, watcher() as watching:
        watching.begin(JobId(job_id), access.get(job_id).prompt)
        ended = [job for event in access.events(job_id) if (job := show_event(event, watching))]
    _show(ended, as_json=False)
    for job in ended:
        if job.error is not None:
            typer.echo(f"serena: {job.error.detail}", err=True)
            raise typer.Exit(FAILED)


@jobs.command()
def cancel(
    context: typer.Context,
    job_ids: Ids,
    server: Server = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Stop jobs. Pictures that exist are kept; a job that has ended stays as it is."""
    with _opened(context, server, data_dir) as access:
        _show(map(access.cancel, job_ids), as_json=as_json)


@jobs.command()
def retry(
    context: typer.Context,
    job_ids: Ids,
    server: Server = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Queue the same again, as new jobs with the same seeds and options."""
    with _opened(context, server, data_dir) as access:
        _show(map(access.retry, job_ids), as_json=as_json)


@jobs.command()
def purge(
    context: typer.Context,
    job_ids: Annotated[
        list[str], typer.Argument(help="Ids of jobs that have ended.", metavar="[ID...]")
    ] = [],  # noqa: B006 - the library copies it
    every: Annotated[bool, typer.Option("--all", help="Every job that has ended.")] = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Forget jobs that have ended, and their pictures. Files that were saved stay."""
    if bool(job_ids) is every:
        raise InvalidValue("ID", " ".join(job_ids), "name the jobs, or all of them with --all")
    with _opened(context, server, data_dir) as access:
        ids = [job.id for job in access.jobs(ENDED)] if every else job_ids
        for job_id in ids:
            access.purge(job_id)
    typer.echo(f"{len(ids)} forgotten")


def _opened(
    context: typer.Context, server: str | None, data_dir: Path | None
) -> AbstractContextManager[JobAccess]:
    from adapters.cli.job_access import opened

    return opened(context, server, data_dir)


def _show(found: Iterable[JobView], *, as_json: bool) -> None:
    rows: list[Row] = [job.model_dump(mode="json") for job in found]
    show(rows, COLUMNS, as_json=as_json, empty="there are no jobs")
