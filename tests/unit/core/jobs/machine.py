"""Everything that can happen to jobs, in any order, and what must hold all the while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.images.store_memory import MemoryImageStore
from core.domain.errors import KeyReused
from core.domain.job import Caller, Job, JobId, JobState
from core.domain.request import GenerationRequest
from core.ports.driven import JobStore
from tests.unit.core.jobs.fleet import ATTEMPTS, LEASE, Fleet, How, Moment, Run, Server

CALLERS = st.sampled_from(
    [Caller(owner="ann"), Caller(owner="bob"), Caller(client="x", named=True), Caller(client="1.2.3.4")]
)
PICKS = st.integers(0, 1000)
MOST_SERVERS, MOST_RUNS = 3, 6
KEYS = st.sampled_from([None, None, "one", "two"])


class JobMachine(RuleBasedStateMachine):
    """Say in a subclass how a store is made, and what a new process finds that opens it again."""

    def make_store(self) -> JobStore:
        raise NotImplementedError

    def make_disk(self) -> MemoryImageStore:
        return MemoryImageStore()

    def reopen(self, store: JobStore) -> JobStore:
        return store

    @initialize(jobs=st.integers(0, 4), runs=st.integers(0, 2))
    def begin(self, jobs: int, runs: int) -> None:
        self.fleet = Fleet(self.make_store(), self.make_disk())
        self.accepted: set[JobId] = set()
        self.keys: dict[tuple[str | None, str], tuple[JobId, str]] = {}
        self.stopped: set[JobId] = set()
        self.ended: dict[JobId, tuple[JobState, str]] = {}
        self.asked: Counter[tuple[str, JobId]] = Counter()
        self.told: Counter[tuple[str, JobId]] = Counter()
        server = self.fleet.start()
        # Hypothesis leaves some of the rules out in each example: there is something to work on without them.
        for _ in range(jobs):
            self.submit_one(server, Caller(owner="ann"), 0, None, hook=False)
        for _ in range(runs):
            self.take_one(server)

    # What callers do

    @rule(
        caller=CALLERS,
        priorities=st.lists(st.sampled_from([0, 0, 0, 1]), min_size=1, max_size=4),
        key=KEYS,
        hook=st.booleans(),
        pick=PICKS,
    )
    def submit(self, caller: Caller, priorities: list[int], key: str | None, hook: bool, pick: int) -> None:
        for priority in priorities:
            self.submit_one(self.server(pick), caller, priority, key, hook)

    def submit_one(self, server: Server, caller: Caller, priority: int, key: str | None, hook: bool) -> None:
        known, prompt = self.keys.get((caller.owner, key or "")), f"of priority {priority}"
        try:
            job_id = server.crew.service.submit(
                GenerationRequest(prompt=prompt, width=8, height=8),
                caller=caller,
                priority=priority,
                key=key,
                webhook="http://127.0.0.1/hook" if hook else None,
            )
        except KeyReused:
            assert known is not None
            assert known[1] != prompt
            return
        if known is not None:
            assert known == (job_id, prompt), "a repeat is the same job"
        else:
            assert job_id not in self.accepted
            self.accepted.add(job_id)
            if key:
                self.keys[caller.owner, key] = (job_id, prompt)
        self.asked[server.name, job_id] += 1
        server.crew.service.when_done(job_id, self.hear(server))

    def hear(self, server: Server) -> Callable[[Job], None]:
        def hear(job: Job) -> None:
            assert job.state.is_final
            self.told[server.name, job.id] += 1

        return hear

    @precondition(lambda self: self.accepted)
    @rule(pick=PICKS, which=PICKS)
    def cancel(self, pick: int, which: int) -> None:
        job_id = sorted(self.accepted)[which % len(self.accepted)]
        before = self.fleet.job(job_id)
        self.server(pick).crew.service.interrupt(job_id)
        if before.state is JobState.QUEUED:
            assert self.fleet.job(job_id).state is JobState.CANCELLED, "at once"
        if not before.state.is_final:
            self.stopped.add(job_id)

    @precondition(lambda self: self.fleet.runs)
    @rule(caller=CALLERS, pick=PICKS)
    def cancel_mine(self, caller: Caller, pick: int) -> None:
        service = self.server(pick).crew.service
        mine = service.running(caller)
        service.interrupt(caller=caller)
        if mine is None:
            return
        assert caller.owner in (None, mine.owner)
        assert not caller.named or mine.client == caller.client
        self.stopped.add(mine.id)

    # What workers do

    @precondition(lambda self: len(self.fleet.runs) < MOST_RUNS)
    @rule(pick=PICKS, count=st.integers(1, 3))
    def take(self, pick: int, count: int) -> None:
        for _ in range(count):
            self.take_one(self.server(pick))

    def take_one(self, server: Server) -> None:
        queued = self.fleet.states(JobState.QUEUED)
        run = server.take()
        if run is None:
            assert not queued
            return
        assert run.job.id in {job.id for job in queued}, "a job is handed out once"
        assert run.job.priority == max(job.priority for job in queued)
        line = [job.id for job in queued if (job.priority, job.party) == (run.job.priority, run.job.party)]
        assert run.job.id == line[0], "of one party, the oldest"

    @precondition(lambda self: self.fleet.runs)
    @rule(pick=PICKS, how=st.sampled_from(["succeed", "succeed", "fail", "die"]))
    def end(self, pick: int, how: How) -> None:
        self.end_run(self.run(pick), how)

    def end_run(self, run: Run, how: How) -> None:
        before, holds = self.fleet.job(run.job.id), self.holds(run)
        run.go(how)
        after = self.fleet.job(run.job.id)
        if not holds:
            assert after == before, "a worker that lost its lease cannot write"
        elif how == "succeed":
            assert after.result is not None
            assert after.result.receipt.run_id == run.job.token
            assert after.result.images[0].path is not None
        elif how == "die":
            assert after.state is not JobState.FAILED or after.blame >= ATTEMPTS

    @precondition(lambda self: self.fleet.runs)
    @rule(pick=PICKS, moment=st.sampled_from(["before", "after"]))
    def end_in_a_crash(self, pick: int, moment: Moment) -> None:
        """The server is killed after the commit, before or after it writes the file."""
        self.fleet.crash_while_saving(self.run(pick), moment)
        if not self.fleet.servers:
            self.fleet.start()

    # What happens to servers

    @rule(
        pick=PICKS,
        how=st.sampled_from(
            ["start", "start", "start", "drain", "crash", "crash unseen", "crash all", "crash all unseen"]
        ),
    )
    def stop_or_start(self, pick: int, how: str) -> None:
        server = self.server(pick)
        if how == "start" and len(self.fleet.servers) < MOST_SERVERS:
            self.fleet.start()
        if how == "drain":
            self.drain(server)
        for crashed in list(self.fleet.servers) if "all" in how else [server] if "crash" in how else []:
            self.fleet.crash(crashed, seen="unseen" not in how)
        if not self.fleet.servers:
            self.fleet.store = self.reopen(self.fleet.store)
            self.fleet.start().crew.keeper.recover()

    def drain(self, server: Server) -> None:
        held = [run.job for run in server.runs if self.holds(run)]
        self.fleet.drain(server)
        for job in held:
            stopped = job.id in self.stopped
            assert self.fleet.job(job.id).state is (JobState.CANCELLED if stopped else JobState.QUEUED)

    @precondition(lambda self: self.fleet.runs)
    @rule(pick=PICKS, late=st.sampled_from([None, "succeed", "succeed", "fail", "die"]))
    def stall(self, pick: int, late: How | None) -> None:
        """A server says nothing for so long that another one takes its jobs; then it may go on."""
        run = self.run(pick)
        others = [server for server in self.fleet.servers if server is not run.server]
        other = others[0] if others else self.fleet.start()
        self.fleet.clock.advance(LEASE + 1)
        other.crew.look_after()
        self.take_one(other)
        if late is not None:
            self.end_run(run, late)

    def holds(self, run: Run) -> bool:
        """Whether its result would be committed now."""
        return self.fleet.job(run.job.id).token == run.job.token

    # Time

    @rule(pick=PICKS, seconds=st.sampled_from([0.0, 1.0, 20.0, 3600.0]),
          jump=st.sampled_from([0.0, 0.0, -86400.0, -20.0, 3600.0]), away=st.booleans())  # fmt: skip
    def tick(self, pick: int, seconds: float, jump: float, away: bool) -> None:
        self.fleet.webhook.away = away
        self.fleet.clock.jump(jump)
        self.fleet.clock.advance(seconds)
        self.server(pick).crew.look_after()

    # What must hold

    @invariant()
    def all_is_well(self) -> None:
        # Read once: a look at a database costs more than all that is asserted of it.
        jobs = self.fleet.store.all()
        self.no_job_is_lost(jobs)
        self.what_has_ended_stays_as_it_is(jobs)
        self.only_what_was_cancelled_is_cancelled(jobs)
        self.at_most_one_run_holds_a_job(jobs)
        self.no_file_is_written_twice()
        self.each_who_waits_is_told_once()

    def no_job_is_lost(self, jobs: Sequence[Job]) -> None:
        assert {job.id for job in jobs} == self.accepted

    def what_has_ended_stays_as_it_is(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.state.is_final:
                run_id = job.result.receipt.run_id if job.result else ""
                assert self.ended.setdefault(job.id, (job.state, run_id)) == (job.state, run_id)
            else:
                assert job.id not in self.ended

    def only_what_was_cancelled_is_cancelled(self, jobs: Sequence[Job]) -> None:
        assert {job.id for job in jobs if job.state is JobState.CANCELLED} <= self.stopped
        tokens = {job.id: job.token for job in jobs}
        for run in self.fleet.runs:
            holds = tokens[run.job.id] == run.job.token
            assert not (holds and run.live.interrupted) or run.job.id in self.stopped

    def at_most_one_run_holds_a_job(self, jobs: Sequence[Job]) -> None:
        tokens = {job.id: job.token for job in jobs}
        held = Counter(run.job.id for run in self.fleet.runs if tokens[run.job.id] == run.job.token)
        assert all(count == 1 for count in held.values())
        for job in jobs:
            assert (job.lease is not None) == (job.state is JobState.RUNNING)

    def no_file_is_written_twice(self) -> None:
        written = self.fleet.files()
        assert all(written[job_id] <= 1 for job_id in self.accepted), "one file of each picture"

    def each_who_waits_is_told_once(self) -> None:
        for who, told in self.told.items():
            assert who[1] in self.ended
            assert told <= self.asked[who]

    def teardown(self) -> None:
        try:
            if hasattr(self, "fleet"):
                self.end_well()
        finally:
            self.close()

    def end_well(self) -> None:
        self.fleet.settle()
        written = self.fleet.files()
        for job_id in self.accepted:
            job = self.fleet.job(job_id)
            assert job.state.is_final, f"{job_id} is stuck"
            assert (job.files, job.delivery, job.due_at) == ((), None, None), f"{job_id} owes something"
            assert written[job_id] == (1 if job.result is not None else 0), "one file of each picture"
        self.all_is_well()

    def close(self) -> None:
        if hasattr(self, "fleet"):
            self.fleet.store.close()

    def run(self, pick: int) -> Run:
        return self.fleet.runs[pick % len(self.fleet.runs)]

    def server(self, pick: int) -> Server:
        return self.fleet.servers[pick % len(self.fleet.servers)]
