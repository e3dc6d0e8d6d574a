"""A real process, and what it died of."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapters.worker.process.launching import cause_of_death, launch

ECHO = """
import sys
from adapters.worker.process.standing import channel_to_parent, end_with_parent
end_with_parent()
channel = channel_to_parent()
print("noise of a plugin", flush=True)
for message in channel:
    channel.send("echo", said=message, empty=sys.stdin.read(), folder=sys.path[0])
"""


def test_messages_are_not_disturbed_by_what_is_printed_or_read() -> None:
    child, channel = launch([sys.executable, "-P", "-c", ECHO])
    channel.send("hello", name="Ä")
    [answer] = [next(iter(channel))]
    assert answer["said"] == {"is": "hello", "name": "Ä"}
    assert answer["empty"] == ""
    assert child.pid > 0
    channel.close()
    assert child.wait(20) == 0


TELL_ALL = """
import os
from adapters.worker.process.standing import channel_to_parent
channel_to_parent().send("environ", names=sorted(os.environ))
"""


def test_a_child_is_told_no_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = (
        "SERENA_HTTP", "SERENA_HTTP__USERS", "serena_http__api_keys", "SERENA_JOBS__STORE",
        "SERENA_JOBS__WEBHOOK_SECRET", "SERENA_API_KEY", "PGPASSWORD",
    )  # fmt: skip
    for name in (*secret, "SERENA_BACKEND__NAME", "HF_HOME"):
        monkeypatch.setenv(name, "x")
    child, channel = launch([sys.executable, "-P", "-c", TELL_ALL])
    [told] = list(channel)
    assert set(told["names"]).isdisjoint(secret)
    assert {"SERENA_BACKEND__NAME", "HF_HOME", "PYTHONPATH"} <= set(told["names"])
    assert child.wait(20) == 0
    channel.close()


def test_a_child_that_is_killed() -> None:
    child, channel = launch([sys.executable, "-P", "-c", ECHO])
    child.kill()
    assert list(channel) == []
    assert child.wait(20) == -9
    channel.close()
    with pytest.raises(OSError):
        launch(["/no/such/python"])


def test_a_child_that_takes_long() -> None:
    child, channel = launch([sys.executable, "-P", "-c", ECHO])
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.01)
    channel.close()
    child.wait(20)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (0, "the worker ended with exit code 0"),
        (3, "the worker ended with exit code 3"),
        (-6, "the worker was killed by signal 6 (SIGABRT)"),
        (-9, "the worker was killed by signal 9 (SIGKILL); the system does that when memory runs out"),
        (-250, "the worker was killed by signal 250 (unknown)"),
    ],
)
def test_the_cause_of_death_in_words(code: int, sentence: str) -> None:
    assert cause_of_death(code) == sentence
