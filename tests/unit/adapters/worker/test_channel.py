"""Lines of JSON, and what is none."""

from __future__ import annotations

import io
import json
import threading

import pytest

from adapters.worker.process.channel import Channel
from tests.unit.adapters.worker.children import channels


def test_a_message_arrives_as_it_was_sent() -> None:
    ours, theirs, _ = channels()
    ours.send("run", run=3, job={"prompt": "Ä\nb"})
    assert next(iter(theirs)) == {"is": "run", "run": 3, "job": {"prompt": "Ä\nb"}}
    ours.close()
    theirs.close()


def test_what_is_no_message_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    lines = b'Loading weights...\n[1, 2]\n{"no": "kind"}\n{"is": 5}\n\xff\xfe\n{"is":"ready"}\n{"is":"ste'
    assert list(Channel(io.BytesIO(lines), io.BytesIO())) == [{"is": "ready"}]
    assert "Loading weights" in caplog.text


def test_messages_of_several_threads_do_not_mix() -> None:
    sink = io.BytesIO()
    channel = Channel(io.BytesIO(), sink)

    def send(number: int) -> None:
        for _ in range(50):
            channel.send("step", run=number, text="x" * 2000)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = [json.loads(line)["run"] for line in sink.getvalue().splitlines()]
    assert sorted(runs) == sorted([0, 1, 2, 3] * 50)


def test_the_other_side_is_gone() -> None:
    ours, theirs, cut = channels()
    cut()
    assert list(theirs) == []
    with pytest.raises(OSError):
        ours.send("run", text="x" * 100_000)
    ours.close()
    with pytest.raises(BrokenPipeError):
        ours.send("run")
    ours.close()
    theirs.close()


def test_a_number_that_is_no_json_value_is_refused() -> None:
    with pytest.raises(TypeError):
        Channel(io.BytesIO(), io.BytesIO()).send("result", result=object())
