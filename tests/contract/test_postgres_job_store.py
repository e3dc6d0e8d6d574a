"""The suite of job stores over a real PostgreSQL, and what only a server can do to one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from adapters.jobs.choose import open_job_store
from adapters.jobs.sql import statements as say
from adapters.jobs.sql.listener import PostgresListener
from adapters.jobs.sql.postgres import CHANNEL, open_postgres, parse
from adapters.jobs.sql.store import SqlJobStore
from adapters.jobs.sql.tables import METADATA
from contracts.job_samples import drain, make_job, start
from contracts.job_store import LastingJobStoreContract
from core.domain.errors import QueueFull, SettingsError, StorageError
from core.domain.job import JobId
from core.ports.driven import JobStore, QueueLimits
from tests.postgres import PASSWORD, Postgres, running_postgres
from tests.unit.core.jobs.machine import JobMachine

pytestmark = pytest.mark.postgres

NUMBERS = itertools.count()
HOURS = 7200.0
FEW = settings(
    max_examples=2,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: Postgres) -> str:
    return empty_schema(postgres)


def empty_schema(server: Postgres, more: str = "") -> str:
    """The URL of a schema of its own, as good as a database of its own."""
    name = f"store_{next(NUMBERS)}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return server.url(options=f"-csearch_path%3D{name}{more}")


def open_patient(url: str) -> SqlJobStore:
    """One whose takers hear of jobs by notifications or not at all."""
    database = open_postgres(parse(url))
    return SqlJobStore(
        database, patience=HOURS, listen=lambda bell: PostgresListener(database, CHANNEL, bell)
    )


class TestPostgresJobStore(LastingJobStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> Iterator[None]:
        self.server = postgres
        self.opened: dict[JobStore, str] = {}
        yield
        for store in self.opened:
            store.close()

    def make(self) -> JobStore:
        return self.open(empty_schema(self.server))

    def reopen(self, store: JobStore) -> JobStore:
        store.close()
        return self.open(self.opened[store])

    def open(self, url: str) -> JobStore:
        store = open_job_store(url, Path())
        self.opened[store] = url
        return store


class PostgresMachine(JobMachine):
    """Each start of an example empties the tables; each restart of all servers connects anew."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def make_store(self) -> JobStore:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"TRUNCATE {', '.join(METADATA.tables)}".encode())
        return open_job_store(self._url, Path())

    def reopen(self, store: JobStore) -> JobStore:
        store.close()
        return open_job_store(self._url, Path())


def test_jobs_through_anything_that_can_happen_to_them(url: str) -> None:
    open_job_store(url, Path()).close()  # makes the tables
    run_state_machine_as_test(lambda: PostgresMachine(url), settings=FEW)


def test_takers_of_another_process_are_notified(url: str) -> None:
    with (
        closing(open_patient(url)) as one,
        closing(open_patient(url)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        assert other.take(start, 0) is None
        taken = pool.submit(other.take, start, 60)
        one.put(make_job("a"))
        job = taken.result(60)
    assert job is not None


def test_two_stores_never_give_out_the_same_job(url: str) -> None:
    names = [f"job-{number}" for number in range(60)]
    with (
        closing(open_patient(url)) as one,
        closing(open_patient(url)) as other,
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(lambda name: one.put(make_job(name)), names))
        takers = [pool.submit(drain, store) for store in (one, other, one, other)]
        taken = [name for taker in takers for name in taker.result(60)]
    assert sorted(taken) == sorted(names)


def test_limits_hold_among_stores_whatever_the_isolation(postgres: Postgres) -> None:
    url = empty_schema(postgres, "%20-cdefault_transaction_isolation%3Dserializable")

    def put(number: int) -> bool:
        try:
            stores[number % 2].put(make_job(str(number)), QueueLimits(total=5))
        except QueueFull:
            return False
        return True

    with (
        closing(open_patient(url)) as one,
        closing(open_patient(url)) as other,
        ThreadPoolExecutor(4) as pool,
    ):
        stores = [one, other]
        assert sum(pool.map(put, range(20))) == 5


def test_what_somebody_else_holds_is_passed_over(url: str) -> None:
    with closing(open_patient(url)) as store:
        for name in ("a", "b"):
            store.put(make_job(name))
        with psycopg.connect(url) as connection:
            connection.execute("SELECT * FROM jobs WHERE id = 'a' FOR UPDATE")
            job = store.take(start, 0)
            assert job is not None
            assert job.id == "b"
        assert drain(store) == ["a"]


def test_many_may_open_an_empty_database_at_once(url: str) -> None:
    def put(number: int) -> None:
        with closing(open_patient(url)) as store:
            store.put(make_job(str(number)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    with closing(open_patient(url)) as store:
        assert sorted(job.id for job in store.all()) == ["0", "1", "2", "3"]


def test_a_commit_is_lasting_whatever_the_default(postgres: Postgres) -> None:
    database = open_postgres(parse(empty_schema(postgres, "%20-csynchronous_commit%3Doff")))
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    database.close()


def test_the_next_job_comes_from_the_index(url: str) -> None:
    database = open_postgres(parse(url))
    words, values = database.words.of(say.NEXT, None)
    with psycopg.connect(url) as connection:
        # An empty table is read as a whole, whatever indexes there are.
        connection.execute("SET enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {words}".encode(), values))
    database.close()
    assert "Index Scan using jobs_in_line" in plan
    assert "Sort" not in plan


def test_a_connection_that_was_ended_is_replaced(url: str) -> None:
    with closing(open_patient(url)) as store:
        store.put(make_job("a"))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        store.put(make_job("b"))
        assert drain(store) == ["a", "b"]


def test_a_store_outlives_a_restart_of_its_server(postgres: Postgres, url: str) -> None:
    with closing(open_patient(url)) as store, ThreadPoolExecutor(1) as pool:
        store.put(make_job("a"))
        postgres.stop()
        try:
            for ask in (lambda: store.put(make_job("b")), lambda: store.get(JobId("a"))):
                with pytest.raises(StorageError, match=r"127\.0\.0\.1: it does not answer") as error:
                    ask()
                assert PASSWORD not in str(error.value)
        finally:
            postgres.start()
        # Who listened before listens again.
        assert drain(store) == ["a"]
        taken = pool.submit(store.take, start, 60)
        with closing(open_patient(url)) as other:
            other.put(make_job("c"))
        job = taken.result(60)
        assert job is not None


def test_a_store_can_be_closed_while_its_server_is_away(postgres: Postgres, url: str) -> None:
    store = open_patient(url)
    postgres.stop()
    try:
        store.close()
        with pytest.raises(StorageError, match="closed"):
            store.put(make_job("a"))
    finally:
        postgres.start()


def test_who_keeps_the_lock_is_told_of(postgres: Postgres) -> None:
    url = empty_schema(postgres, "%20-clock_timeout%3D50ms")
    with closing(open_patient(url)) as store:
        store.put(make_job("a"))
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")
            with pytest.raises(StorageError, match="another process keeps it locked"):
                store.put(make_job("b"))
        store.put(make_job("b"))


@pytest.mark.parametrize(
    ("password", "database", "reason"),
    [
        ("of somebody else", "postgres", "password authentication failed"),
        (PASSWORD, "nowhere", 'database "nowhere" does not exist'),
    ],
)
def test_what_is_wrong_is_said_without_the_password(
    postgres: Postgres, password: str, database: str, reason: str
) -> None:
    with pytest.raises(StorageError, match=reason) as error:
        open_job_store(postgres.url(password=password, database=database), Path())
    assert password not in str(error.value)
    assert repr(database) in str(error.value)


def test_what_nobody_foresaw_is_told_in_the_words_of_the_server(url: str) -> None:
    with closing(open_patient(url)) as store:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TABLE jobs")
        with pytest.raises(StorageError, match='it says: relation "jobs" does not exist'):
            store.put(make_job("a"))


def test_the_database_of_a_later_release_is_left_alone(url: str) -> None:
    open_job_store(url, Path()).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match=r"the PostgreSQL database 'postgres' .*later release.*9999"):
        open_job_store(url, Path())
