"""Listings of jobs, what is owed, and what need not be kept."""

from __future__ import annotations

from dataclasses import replace

from contracts.job_samples import (
    NOW,
    MakesJobStores,
    at,
    cancel_if_queued,
    end,
    failed,
    forget,
    leased,
    make_files,
    make_job,
    make_result,
    owing,
    queued_job,
    start,
)
from core.domain.image import BlobRef
from core.domain.job import EVERY_JOB, Expired, JobFilter, JobId, JobState
from core.ports.driven import JobStore, Retention


def selected(store: JobStore, which: JobFilter = EVERY_JOB) -> str:
    return " ".join(job.id for job in store.select(which))


def surplus(store: JobStore, keep: Retention, limit: int = 1000) -> str:
    return " ".join(job.id for job in store.surplus(keep, limit))


class RecordRules(MakesJobStores):
    """Selecting, what runs, what is due, what is surplus, what is in use."""

    def test_select_gives_the_newest_first(self) -> None:
        store = self.make()
        for index, name in enumerate("cab"):
            store.put(make_job(name, priority=index))
        store.take(start, 0)
        assert selected(store) == "b a c"

    def test_select_by_owner_client_and_state(self) -> None:
        store = self.make()
        for name, owner, client in (("a", "ann", "x"), ("b", "ann", "y"), ("c", None, "x")):
            store.put(make_job(name, owner=owner, client=client))
        store.take(start, 0)
        assert selected(store, JobFilter(owner="ann")) == "b a"
        assert selected(store, JobFilter(client="x")) == "c a"
        assert selected(store, JobFilter(owner="ann", client="x")) == "a"
        assert selected(store, JobFilter(states=frozenset({JobState.QUEUED}))) == "c b"
        assert selected(store, JobFilter(states=frozenset({JobState.QUEUED, JobState.RUNNING}))) == "c b a"
        assert selected(store, JobFilter(states=frozenset())) == ""
        assert selected(store, JobFilter(owner="bob")) == ""

    def test_select_in_pages(self) -> None:
        store = self.make()
        for name in "abcde":
            store.put(make_job(name, owner="even" if name in "bd" else "odd"))
        assert selected(store, JobFilter(limit=2)) == "e d"
        assert selected(store, JobFilter(limit=2, after=JobId("d"))) == "c b"
        assert selected(store, JobFilter(limit=2, after=JobId("b"))) == "a"
        assert selected(store, JobFilter(after=JobId("a"))) == ""
        assert selected(store, JobFilter(owner="odd", after=JobId("d"))) == "c a"
        assert selected(store, JobFilter(after=JobId("unknown"))) == ""
        assert selected(store, JobFilter(limit=0)) == ""

    def test_what_runs_is_listed_in_the_order_it_was_taken(self) -> None:
        store = self.make()
        for name, priority in (("a", 0), ("b", 1), ("c", 2)):
            store.put(make_job(name, priority))
        assert list(store.running()) == []
        for number in range(3):
            store.take(leased(str(number)), 0)
        store.update(JobId("c"), lambda job: job.renew("0", at(60)))
        store.update(JobId("b"), lambda job: job.cancel(NOW, token="1"))
        assert [job.id for job in store.running()] == ["c", "a"]

    def test_counts_by_state(self) -> None:
        store = self.make()
        assert dict(store.counts()) == dict.fromkeys(JobState, 0)
        end(store, "a")
        for name in "bcd":
            store.put(make_job(name))
        store.take(start, 0)
        store.update(JobId("d"), cancel_if_queued)
        counts = {JobState.SUCCEEDED: 1, JobState.RUNNING: 1, JobState.QUEUED: 1, JobState.CANCELLED: 1}
        assert dict(store.counts()) == {**dict.fromkeys(JobState, 0), **counts}
        forget(store, "a")
        assert store.counts()[JobState.SUCCEEDED] == 0

    def test_what_is_due_comes_earliest_first(self) -> None:
        store = self.make()
        for name, seconds in (("a", 20.0), ("b", 10.0), ("c", 30.0), ("d", 0.0)):
            end(store, name)
            store.update(JobId(name), owing(seconds))
        store.update(JobId("d"), lambda job: replace(job, due_at=None))
        assert [job.id for job in store.due(at(9))] == []
        assert [job.id for job in store.due(at(20))] == ["b", "a"]
        assert [job.id for job in store.due(at(99), limit=2)] == ["b", "a"]

    def test_an_id_that_was_removed_has_expired(self) -> None:
        store = self.make()
        end(store, "a")
        assert not store.expired(JobId("a"))
        forget(store, "a")
        assert store.expired(JobId("a"))
        assert store.remove(make_job("unknown")) is None
        assert not store.expired(JobId("unknown"))
        store.put(make_job("a"))
        assert not store.expired(JobId("a"))

    def test_whose_a_removed_job_was_is_remembered(self) -> None:
        store = self.make()
        for name, owner in (("a", "ann"), ("b", None)):
            store.put(make_job(name, owner=owner))
            forget(store, name)
        assert [store.expired(JobId(name)) for name in "abc"] == [Expired("ann"), Expired(None), None]

    def test_without_limits_nothing_is_surplus(self) -> None:
        store = self.make()
        end(store, "a")
        assert surplus(store, Retention()) == ""

    def test_what_ended_too_long_ago_is_surplus(self) -> None:
        store = self.make()
        for name, seconds in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
            end(store, name, seconds)
        assert surplus(store, Retention(since=at(2))) == "b"
        assert surplus(store, Retention(since=at(2.5))) == "b c"

    def test_only_the_newest_are_kept(self) -> None:
        store = self.make()
        for name, seconds in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
            end(store, name, seconds)
        assert surplus(store, Retention(count=1)) == "b c"
        assert surplus(store, Retention(count=1), limit=1) == "b"
        assert surplus(store, Retention(count=3)) == ""

    def test_of_one_moment_the_later_jobs_are_kept(self) -> None:
        store = self.make()
        for name in "abc":
            end(store, name)
        assert surplus(store, Retention(count=1)) == "a b"

    def test_jobs_that_never_ran_push_out_none_that_did(self) -> None:
        store = self.make()
        end(store, "a")
        for name in "bc":
            store.put(make_job(name))
            store.update(JobId(name), cancel_if_queued)
        assert surplus(store, Retention(count=1)) == "b"

    def test_only_so_many_bytes_are_kept(self) -> None:
        store = self.make()
        for name, seconds, size in (("a", 1.0, 1), ("b", 2.0, 50), ("c", 3.0, 60)):
            end(store, name, seconds, size)
        assert surplus(store, Retention(size=111)) == ""
        assert surplus(store, Retention(size=110)) == "a"
        assert surplus(store, Retention(size=60)) == "a b"
        assert surplus(store, Retention(size=59)) == "a b c"

    def test_bytes_of_requests_count(self) -> None:
        store = self.make()
        store.put(replace(make_job("a"), input_size=5))
        store.take(start, 0)
        store.update(JobId("a"), lambda job: job.succeed(make_result("a", 10), NOW))
        assert surplus(store, Retention(size=15)) == ""
        assert surplus(store, Retention(size=14)) == "a"

    def test_jobs_without_pictures_take_no_bytes(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        store.take(start, 0)
        store.update(JobId("a"), failed)
        assert surplus(store, Retention(size=0)) == ""

    def test_what_owes_something_or_has_not_ended_is_kept(self) -> None:
        store = self.make()
        for name in "ab":
            end(store, name)
        store.update(JobId("a"), owing(5))
        for name in "cd":
            store.put(make_job(name))
        store.take(start, 0)
        assert surplus(store, Retention(count=0)) == "b"

    def test_blobs_of_inputs_pictures_and_files_are_in_use(self) -> None:
        store = self.make()
        store.put(queued_job("a"))
        store.take(start, 0)
        names = ("a-input", "a-picture", "a-file", "a-text", "a-grid", "other")
        refs = [BlobRef(name) for name in names]
        assert store.in_use(refs) == {"a-input"}
        result = make_result("a", files=make_files("a"))
        store.update(JobId("a"), lambda job: job.succeed(result, NOW))
        assert store.in_use(refs) == set(names[:-1])
        assert store.in_use(()) == frozenset()
        store.update(JobId("a"), lambda job: replace(job, files=()))
        assert store.in_use(refs) == {"a-input", "a-picture"}
        forget(store, "a")
        assert store.in_use(refs) == frozenset()

    def test_what_has_not_ended_is_not_removed(self) -> None:
        store = self.make()
        for name in "ab":
            store.put(make_job(name))
        store.take(start, 0)
        before = list(store.all())
        assert [store.remove(job) for job in before] == [None, None]
        assert list(store.all()) == before
        assert not store.expired(JobId("a"))

    def test_a_removal_does_not_hit_a_later_job_of_that_id(self) -> None:
        store = self.make()
        end(store, "a")
        (old,) = store.all()
        forget(store, "a")
        store.put(replace(make_job("a"), created_at=at(1)))
        later = store.update(JobId("a"), cancel_if_queued)
        assert store.remove(old) is None
        assert store.get(JobId("a")) == later

    def test_a_removal_gives_the_last_state(self) -> None:
        store = self.make()
        end(store, "a")
        (before,) = store.all()
        last = store.update(JobId("a"), lambda job: replace(job, stop_requested=True))
        assert store.remove(before) == last

    def test_a_job_of_a_key_is_found(self) -> None:
        store = self.make()
        job = store.put(make_job("a", owner="ann", key="key"))
        assert store.of_key("ann", "key") == job
        assert store.of_key("bob", "key") is None
        assert store.of_key(None, "key") is None
        assert store.of_key("ann", "other") is None
        forget(store, "a")
        assert store.of_key("ann", "key") is None
