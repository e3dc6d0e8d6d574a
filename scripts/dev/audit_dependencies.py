"""Ask the registry for known vulnerabilities of the locked versions, in a few lines of output.

Exit 1 when one is known. Where the registry does not answer, nothing is known and nothing blocks: it says so.
"""

from __future__ import annotations

import json
import subprocess
import sys

TIMEOUT_SECONDS = 300


def main(requirements: str) -> int:
    command = [sys.executable, "-m", "pip_audit", "-r", requirements, "--no-deps", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        run = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
        dependencies = json.loads(run.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        print("audit: the registry did not answer; nothing was checked")
        return 0
    return report(dependencies)


def report(dependencies: list[dict[str, object]]) -> int:
    answered = [d for d in dependencies if "skip_reason" not in d]
    known = [(d["name"], d["version"], v) for d in answered for v in list(d["vulns"])]  # type: ignore[call-overload]
    for name, version, vulnerability in known:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no release"
        print(f"audit: {name} {version}: {vulnerability['id']}, fixed in {fixed}")
    if len(answered) < len(dependencies):
        print(f"audit: the registry knew nothing of {len(dependencies) - len(answered)} packages")
    counts = f"{len(answered)} of {len(dependencies)} packages checked"
    print(f"audit: {counts}, {len(known)} vulnerabilities known")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
