"""Bringing a database to the schema of this release, when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from adapters.jobs.sql import migrations
from adapters.jobs.sql.tables import VERSION
from core.domain.errors import SettingsError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

SCRIPTS: Final = Path(migrations.__file__).parent


def bring_up(engine: sa.Engine, begin: Sequence[str], shown: str) -> None:
    """Make the tables, or change those of an earlier release; all or nothing.

    Processes that open the same database wait for each other. Raises ``SettingsError`` when a later release
    has changed it.

    :param begin: what opens a transaction while which nobody else writes.
    :param shown: how users know this database.
    """
    with engine.connect() as connection:
        if _version(connection) == migrations.HEAD:
            return
        for words in begin:
            connection.exec_driver_sql(words)
        try:
            if _version(connection) != migrations.HEAD:
                upgrade(connection, migrations.HEAD, shown)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise


def upgrade(connection: sa.Connection, revision: str, shown: str) -> None:
    """Go on to ``revision``, within the transaction that the connection is in."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    scripts = scripts_of_this_release()
    found = _version(connection)
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise SettingsError(
            f"{shown} was changed by a later release of Serena (schema {found}, here {revision}); "
            "use that release, or another place for jobs"
        )
    context = EnvironmentContext(
        Config(), scripts, fn=lambda at, _: scripts._upgrade_revs(revision, at), destination_rev=revision
    )
    # The transaction is ours: the lock that keeps others out ends with it.
    context.configure(connection=connection, transactional_ddl=False)
    with context:
        context.run_migrations()


def scripts_of_this_release() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(SCRIPTS))


def _version(connection: sa.Connection) -> str | None:
    """The schema of the database; None for an empty one."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return None
    version: str | None = connection.scalar(sa.select(VERSION.c.version_num))
    return version
