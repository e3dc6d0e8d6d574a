"""Questions of several runs share passes, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from adapters.backends.torch.engine.admission import SAMPLES, Admission
from adapters.backends.torch.engine.batcher import RECALLED, Member, StepBatcher
from adapters.backends.torch.engine.buckets import FIXED, Buckets
from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.engine.cost import ThreadCost
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.engine.heeding import heeding
from core.domain.errors import Interrupted

PATIENCE = 30.0
SCOPE = ("model", 8, 8)


def nothing() -> None:
    pass


class Doubling:
    """A network that doubles its rows.

    :ivar passes: how many rows each pass had.
    :ivar refuses: rows that make it fail.
    """

    def __init__(self, refuses: float | None = None, error: type[Exception] = ValueError) -> None:
        self.passes: list[int] = []
        self.refuses = refuses
        self._error = error

    def __call__(self, rows: Rows) -> Tensor:
        x = rows["x"]
        self.passes.append(x.shape[0])
        if self.refuses is not None and bool((x == self.refuses).any()):
            raise self._error(f"cannot take {self.refuses}")
        return x * 2


def make(most: int = 16, patience: float = PATIENCE, buckets: Buckets | None = None) -> StepBatcher:
    return StepBatcher(time.monotonic, Admission(most), buckets or Buckets(), ThreadCost(), patience=patience)


def question(network: Doubling, *values: float, name: Hashable = "unet") -> Question:
    return Question(name, network, {"x": torch.tensor(values)[:, None]})


def together(batcher: StepBatcher, *works: Callable[[Member], object], rows: int = 2) -> list[object]:
    """Each work in a thread of its own, all joined before any of them asks."""
    ready = threading.Barrier(len(works), timeout=PATIENCE)

    def one(work: Callable[[Member], object]) -> object:
        with batcher.join(SCOPE, rows, nothing) as member:
            ready.wait()
            return work(member)

    with ThreadPoolExecutor(len(works)) as pool:
        futures: list[Future[object]] = [pool.submit(one, work) for work in works]
        return [future.exception(PATIENCE) or future.result() for future in futures]


def asking(network: Doubling, *values: float, name: Hashable = "unet") -> Callable[[Member], list[float]]:
    return lambda member: member.ask(question(network, *values, name=name))[:, 0].tolist()


def test_two_runs_share_a_pass_and_each_gets_its_own_rows() -> None:
    network, batcher = Doubling(), make()
    assert together(batcher, asking(network, 1, 2), asking(network, 3)) == [[2, 4], [6]]
    assert network.passes == [3]
    assert (batcher.counts.passes, batcher.counts.rows, batcher.counts.merged) == (1, 3, 2)


def test_runs_that_go_in_step_meet_again_after_passes_of_another_kind() -> None:
    network, batcher = Doubling(), make()

    def cached(member: Member) -> None:
        for kind in ("whole", "short", "short", "whole"):
            rows = {"x": torch.ones(2, 1)}
            member.ask(Question(kind, network, rows, company="steps", typical=kind == "whole"))

    def late(member: Member) -> None:
        for kind in ("short", "whole", "short"):
            rows = {"x": torch.ones(2, 1)}
            member.ask(Question(kind, network, rows, company="steps", typical=kind == "whole"))

    together(batcher, cached, cached)
    assert network.passes == [4, 4, 4, 4]
    network.passes.clear()
    together(batcher, cached, late)
    assert sorted(network.passes) in ([2, 2, 2, 2, 2, 4], [2, 2, 2, 4, 4])


def test_runs_whose_steps_take_several_kinds_of_passes_share_each_of_them() -> None:
    """A prompt that is longer than its negative is evaluated apart from it."""
    network, batcher = Doubling(), make()

    def long(member: Member) -> None:
        for _ in range(30):
            for tokens in (154, 77):
                member.ask(Question("unet", network, {"x": torch.ones(1, tokens)}))

    together(batcher, long, long, long)
    assert sum(network.passes) == 180
    assert len(network.passes) <= 66  # all but those of the first steps are shared


def test_what_a_run_asked_long_ago_keeps_nobody_waiting() -> None:
    network, batcher, alone = Doubling(), make(), threading.Event()

    def changing(member: Member) -> None:
        for name in ("old", *["new"] * RECALLED):
            member.ask(question(network, 1, name=name))
        alone.wait(PATIENCE)

    def same(member: Member) -> None:
        member.ask(question(network, 1, name="old"))
        while len(network.passes) < 1 + RECALLED:
            time.sleep(0.001)
        member.ask(question(network, 1, name="old"))
        alone.set()

    together(batcher, changing, same)
    assert network.passes == [2, *[1] * RECALLED, 1]


def test_a_pass_that_is_not_typical_is_not_measured() -> None:
    admission = Admission(16)
    for rows, seconds in ((2, 1.0), (8, 4.0)):
        for _ in range(SAMPLES):
            admission.record(SCOPE, rows, seconds)
            admission.record(SCOPE, 8, 0.001, typical=False)
    assert admission.cap(SCOPE) == 2


def test_a_run_alone_does_not_wait() -> None:
    network, batcher = Doubling(), make()
    with batcher.join(SCOPE, 2, nothing) as member:
        assert member.ask(question(network, 1, 2))[:, 0].tolist() == [2, 4]
    assert network.passes == [2]


@pytest.mark.parametrize(
    "other",
    [
        Question("another unet", Doubling(), {"x": torch.tensor([[3.0]])}),
        Question("unet", Doubling(), {"x": torch.tensor([[3.0, 4.0]])}),
        Question("unet", Doubling(), {"x": torch.tensor([[3.0]], dtype=torch.float64)}),
        Question("unet", Doubling(), {"x": torch.tensor([[3.0]]), "more": torch.tensor([[3.0]])}),
    ],
    ids=["network", "size", "number format", "conditioning"],
)
def test_different_kinds_never_share_a_pass(other: Question) -> None:
    batcher = make()
    network = Doubling()
    answers = together(batcher, asking(network, 1), lambda member: member.ask(other).flatten().tolist())
    assert answers == [[2], (other.rows["x"] * 2).flatten().tolist()]
    assert batcher.counts.merged == 0


def test_a_run_that_joins_is_in_the_next_pass_and_one_that_leaves_stops_nobody() -> None:
    network, batcher = Doubling(), make()
    joined, stepped = threading.Event(), threading.Event()

    def long(member: Member) -> None:
        member.ask(question(network, 1))
        stepped.set()
        joined.wait(PATIENCE)
        for _ in range(3):
            member.ask(question(network, 1))

    def late() -> None:
        stepped.wait(PATIENCE)
        with batcher.join(SCOPE, 2, nothing) as member:
            joined.set()
            for _ in range(2):
                member.ask(question(network, 5))

    thread = threading.Thread(target=late)
    thread.start()
    together(batcher, long)
    thread.join(PATIENCE)
    assert network.passes == [1, 2, 2, 1]


def test_a_run_that_asked_for_solitude_gets_it() -> None:
    network, batcher = Doubling(), make()

    def solo() -> None:
        with batcher.join(SCOPE, 1, nothing, alone=True) as member:
            member.ask(question(network, 7))

    thread = threading.Thread(target=solo)
    thread.start()
    together(batcher, asking(network, 1), asking(network, 2))
    thread.join(PATIENCE)
    assert sorted(network.passes) == [1, 2]


def quick_and_dawdler(network: Doubling) -> tuple[Callable[[Member], object], Callable[[Member], object]]:
    """The second asks when the first has its answer."""
    released = threading.Event()

    def quick(member: Member) -> object:
        answer = asking(network, 1)(member)
        released.set()
        return answer

    def dawdler(member: Member) -> object:
        released.wait(PATIENCE)
        return asking(network, 2)(member)

    return quick, dawdler


def test_a_run_that_dawdles_is_left_behind() -> None:
    network, batcher = Doubling(), make(patience=0.01)
    assert together(batcher, *quick_and_dawdler(network)) == [[2], [4]]
    assert network.passes == [1, 1]


@pytest.mark.parametrize("error", [ValueError, torch.OutOfMemoryError])
def test_what_fails_in_company_fails_alone(error: type[Exception]) -> None:
    for _ in range(100):
        # Each time anew: what passes cost is measured, and noise may let in fewer than the three needed here.
        network, batcher = Doubling(refuses=2, error=error), make()
        first, failed, third = together(batcher, asking(network, 1), asking(network, 2), asking(network, 3))
        assert (first, third) == ([2], [6])
        assert isinstance(failed, error)
        assert together(batcher, asking(network, 4)) == [[8]]


def test_too_large_a_pass_halves_what_is_admitted() -> None:
    admission = Admission(16)
    batcher = StepBatcher(time.monotonic, admission, Buckets(), ThreadCost(), patience=PATIENCE)

    def crowded(rows: Rows) -> Tensor:
        if rows["x"].shape[0] > 4:
            raise torch.OutOfMemoryError
        return rows["x"]

    rows = {"x": torch.zeros(4, 1)}
    together(batcher, *[lambda member: member.ask(Question("unet", crowded, rows))] * 2, rows=4)
    assert admission.cap(SCOPE) == 4


def test_one_that_is_too_large_alone_takes_no_room_from_the_others() -> None:
    admission, network = Admission(16), Doubling(refuses=2, error=torch.OutOfMemoryError)
    batcher = StepBatcher(time.monotonic, admission, Buckets(), ThreadCost(), patience=PATIENCE)
    first, failed, third = together(batcher, asking(network, 1), asking(network, 2), asking(network, 3))
    assert (first, third) == ([2], [6])
    assert isinstance(failed, torch.OutOfMemoryError)
    assert admission.cap(SCOPE) == 16


def test_buckets_are_filled_up_and_the_filling_is_thrown_away() -> None:
    network, batcher = Doubling(), make(buckets=Buckets(FIXED))
    assert together(batcher, asking(network, 1, 2), asking(network, 3)) == [[2, 4], [6]]
    assert network.passes == [4]
    assert batcher.counts.filler == 1


def test_who_finds_no_room_waits_for_some() -> None:
    network, batcher = Doubling(), make(most=4)
    inside, leave = threading.Event(), threading.Event()
    order: list[str] = []

    def holder() -> None:
        with batcher.join(SCOPE, 4, nothing):
            inside.set()
            leave.wait(PATIENCE)
            order.append("holder")

    def guest() -> None:
        with batcher.join(SCOPE, 2, nothing) as member:
            order.append("guest")
            member.ask(question(network, 1))

    threads = [threading.Thread(target=holder), threading.Thread(target=guest)]
    threads[0].start()
    inside.wait(PATIENCE)
    threads[1].start()
    with batcher.join(("model", 16, 16), 2, nothing) as other:  # another size has its own room
        assert other.ask(question(network, 2)).item() == 4
    leave.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["holder", "guest"]


def test_a_run_may_be_stopped_at_the_door() -> None:
    batcher = make(most=2)

    def stop() -> None:
        raise Interrupted

    with batcher.join(SCOPE, 2, nothing), pytest.raises(Interrupted), batcher.join(SCOPE, 2, stop):
        pytest.fail("there was no room")
    with batcher.join(SCOPE, 2, nothing) as member:
        assert member.ask(question(Doubling(), 1)).item() == 2


def test_a_question_larger_than_the_room_is_asked_whole() -> None:
    network, batcher = Doubling(), make(most=2)
    with batcher.join(SCOPE, 6, nothing) as member:
        assert member.ask(question(network, *range(6))).shape[0] == 6
    assert network.passes == [6]


def test_staggered_runs_take_hardly_more_passes_than_the_longest() -> None:
    network, batcher = Doubling(), make()
    steps = [20 + i % 3 for i in range(8)]
    works = [lambda member, n=n: [member.ask(question(network, n)) for _ in range(n)] for n in steps]
    together(batcher, *works)
    assert sum(network.passes) == sum(steps)
    assert len(network.passes) <= 1.1 * max(steps)


def test_a_thread_that_is_ended_leaves_nobody_waiting() -> None:
    batcher = make()

    def ended(rows: Rows) -> Tensor:
        raise SystemExit

    works = [lambda member: member.ask(Question("unet", ended, {"x": torch.zeros(1, 1)}))] * 2
    assert all(isinstance(error, SystemExit) for error in together(batcher, *works))


def test_a_thread_that_is_ended_takes_no_company_with_it() -> None:
    batcher, ended = make(), threading.Event()

    def network(rows: Rows) -> Tensor:
        if not ended.is_set():
            ended.set()
            raise SystemExit
        return rows["x"] * 2

    def work(member: Member) -> object:
        return member.ask(Question("unet", network, {"x": torch.ones(1, 1)})).item()

    answers = together(batcher, work, work, work)
    assert sorted(map(str, answers)) == ["", "2.0", "2.0"]


def test_a_thread_that_is_ended_while_it_fails_for_others_takes_none_with_it() -> None:
    """A pass in company has failed, and each question is asked alone when the thread that serves ends."""
    batcher, passes = make(), list[int]()

    def network(rows: Rows) -> Tensor:
        passes.append(rows["x"].shape[0])
        if len(passes) == 1:
            raise ValueError
        if len(passes) == 2:
            raise SystemExit
        return rows["x"] * 2

    def work(member: Member) -> object:
        return member.ask(Question("unet", network, {"x": torch.ones(1, 1)})).item()

    answers = together(batcher, work, work, work)
    assert passes[:2] == [3, 1]
    assert sorted(map(str, answers)) == ["", "2.0", "2.0"]


def test_a_run_that_dawdles_is_waited_for_once() -> None:
    now, network, released = [0.0], Doubling(), threading.Event()
    batcher = StepBatcher(lambda: now[0], Admission(16), Buckets(), ThreadCost())

    def dawdler(member: Member) -> object:
        released.wait(PATIENCE)
        return asking(network, 2)(member)

    def quick(member: Member) -> object:
        for _ in range(3):
            asking(network, 1)(member)
        released.set()
        return None

    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(together, batcher, quick, dawdler)
        while not batcher._waiting:
            time.sleep(0.001)
        now[0] = 1.0  # patience ends once; from here on the clock stands still
        assert answers.result(PATIENCE) == [None, [4]]
    assert network.passes == [1, 1, 1, 1]


def test_patience_is_measured_by_passes_of_the_same_size() -> None:
    now, network = [0.0], Doubling()
    batcher = StepBatcher(lambda: now[0], Admission(16), Buckets(), ThreadCost())

    def slow(rows: Rows) -> Tensor:
        now[0] += 100.0
        return rows["x"]

    with batcher.join(("model", 16, 16), 2, nothing) as other, ThreadPoolExecutor(1) as pool:
        other.ask(Question("unet", slow, {"x": torch.zeros(1, 2)}))
        answers = pool.submit(together, batcher, *quick_and_dawdler(network))
        while not batcher._waiting:
            time.sleep(0.001)
        now[0] += 1.0
        assert answers.result(PATIENCE) == [[2], [4]]


def test_a_run_that_was_left_behind_and_asks_again_is_waited_for() -> None:
    now, network = [0.0], Doubling()
    batcher = StepBatcher(lambda: now[0], Admission(16), Buckets(), ThreadCost())
    left, meet = threading.Event(), threading.Barrier(2, timeout=PATIENCE)

    def dawdler(member: Member) -> object:
        left.wait(PATIENCE)
        asking(network, 2)(member)
        meet.wait()
        while not batcher._waiting and len(network.passes) < 3:
            time.sleep(0.001)
        return asking(network, 2)(member)

    def quick(member: Member) -> object:
        asking(network, 1)(member)
        left.set()
        meet.wait()
        return asking(network, 1)(member)

    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(together, batcher, quick, dawdler)
        for passes in (0, 1):  # each of the two is left behind once
            while len(network.passes) < passes or not batcher._waiting:
                time.sleep(0.001)
            now[0] += 1.0
        assert answers.result(PATIENCE) == [[2], [4]]
    assert network.passes == [1, 1, 2]


def test_who_is_stopped_at_the_gate_leaves_the_pass_to_its_company() -> None:
    network, batcher, cancelled = Doubling(), make(), threading.Event()

    def check() -> None:
        if cancelled.is_set():
            raise Interrupted

    def stopped(member: Member) -> object:
        with heeding(check):
            return asking(network, 1)(member)

    with ThreadPoolExecutor(1) as pool:
        with NETWORKS.compiling():
            answers = pool.submit(together, batcher, stopped, stopped, asking(network, 2))
            while len(batcher._waiting) < 3 or not NETWORKS._kept_waiting:
                time.sleep(0.001)
            cancelled.set()
            while len(batcher._waiting) > 1:
                time.sleep(0.001)
        first, second, third = answers.result(PATIENCE)
    assert isinstance(first, Interrupted)
    assert isinstance(second, Interrupted)
    assert third == [4]
    assert network.passes == [1]


def test_waiting_for_the_compiler_is_no_part_of_a_pass() -> None:
    now = 0.0
    batcher = StepBatcher(lambda: now, Admission(16), Buckets(), ThreadCost())
    with ThreadPoolExecutor(1) as pool:
        with NETWORKS.compiling():
            answers = pool.submit(together, batcher, asking(Doubling(), 1))
            while not NETWORKS._kept_waiting:
                time.sleep(0.001)
            now = 100.0
        assert answers.result(PATIENCE) == [[2]]
    assert batcher.counts.seconds == 0
