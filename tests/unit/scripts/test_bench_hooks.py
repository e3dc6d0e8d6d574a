"""The bench of hooks calls them as runs do: with drafts that pass the checks."""

from __future__ import annotations

from bench import hooks


def test_each_count_of_plugins_is_called() -> None:
    rows = hooks.calls(3)
    assert [(row.name, len(row.seconds)) for row in rows] == [
        ("a hook that nobody implements", 3),
        ("a hook of 1 plugin", 3),
        ("a hook of 10 plugins", 3),
    ]
