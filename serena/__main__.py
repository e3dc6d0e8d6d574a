"""``serena`` and ``python -m serena``."""

from __future__ import annotations

import sys

from serena._origins import complaint


def main() -> int:
    """Run the command with the arguments of the process. The answer is the exit code."""
    wrong = complaint()
    if wrong:
        sys.stderr.write(wrong + "\n")
        return 1
    # Not at the top: nothing of ours may be imported before it is known to be ours.
    from adapters.bootstrap import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
