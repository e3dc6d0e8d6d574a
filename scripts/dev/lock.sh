#!/usr/bin/env bash
# Write constraints.txt anew: the newest versions that pyproject.toml admits, as a fresh environment resolves them.
set -euo pipefail
cd "$(dirname "$0")/../.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"${1:-python3}" -m venv "$fresh/venv"
"$fresh/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'torch==2.13.0' -e '.[torch,postgres,dev]'
{
  sed -n '/^#/p' constraints.txt
  "$fresh/venv/bin/python" -m pip freeze --exclude-editable | sed -E 's/\+cpu$//; / @ /d'
} > "$fresh/constraints.txt"
mv "$fresh/constraints.txt" constraints.txt
