"""The setting says which store keeps the jobs; a wrong one says what would be right, and no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.jobs.choose import FILE_NAME, open_job_store
from adapters.jobs.memory import MemoryJobStore
from core.domain.errors import SerenaError, SettingsError, StorageError
from tests.architecture.source_tree import ROOT

SECRET = "5eCr3t"


def test_memory_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    assert isinstance(open_job_store("memory", tmp_path), MemoryJobStore)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["auto", "sqlite"])
def test_sqlite_is_a_file_in_the_data_folder(tmp_path: Path, value: str) -> None:
    open_job_store(value, tmp_path / "new").close()
    assert (tmp_path / "new" / FILE_NAME).is_file()


@pytest.mark.parametrize(
    "value", ["", "redis", SECRET, f"mysql://user:{SECRET}@host/database", f"postgresql:user:{SECRET}@host"]
)
def test_another_value_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match=r"jobs\.store is .*sqlite, or postgresql://") as error:
        open_job_store(value, tmp_path)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("host", ["host:port", "[", "host:1:2"])
def test_a_url_that_is_none_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(SerenaError, match=r"PostgreSQL|postgresql") as error:
        open_job_store(f"postgresql://user:{SECRET}@{host}/database", tmp_path)
    assert SECRET not in str(error.value)


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"'database' at 127\.0\.0\.1: it does not answer") as error:
        open_job_store(f"postgresql://user:{SECRET}@127.0.0.1:1/database", tmp_path)
    assert SECRET not in str(error.value)


def test_a_store_in_memory_imports_no_database() -> None:
    code = (
        "import sys; from pathlib import Path; from adapters.jobs.choose import open_job_store; "
        "open_job_store('memory', Path()); print({'sqlalchemy', 'alembic', 'psycopg'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_database_that_needs_no_migration_imports_no_alembic(tmp_path: Path) -> None:
    open_job_store("sqlite", tmp_path).close()
    code = (
        "import sys; from pathlib import Path; from adapters.jobs.choose import open_job_store; "
        f"open_job_store('sqlite', Path({str(tmp_path)!r})).close(); print('alembic' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_without_the_driver_the_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from adapters.jobs.choose import open_job_store\n"
        "sys.modules['psycopg'] = None\n"
        f"try: open_job_store('postgresql://user:{SECRET}@host/database', Path())\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("SettingsError jobs.store is a PostgreSQL URL, but psycopg is not installed")
    assert "serena[postgres]" in run.stdout
    assert SECRET not in run.stdout
