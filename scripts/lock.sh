#!/bin/sh
# Write requirements.lock from pyproject.toml; with --check only say whether it is in step.
# Which build of torch is installed (CPU, CUDA) is decided by scripts/setup.sh, so links to local builds stay out.
set -eu
cd "$(dirname "$0")/.."
unset UV_FIND_LINKS PIP_FIND_LINKS
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cp requirements.lock "$new" 2>/dev/null || : # a version that is locked stays as long as it satisfies pyproject.toml
"${UV:-.venv/bin/uv}" pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-annotate \
    pyproject.toml --output-file "$new" >/dev/null
if [ "${1:-}" = --check ]; then
    diff -u requirements.lock "$new" && exit 0
    echo "requirements.lock is not in step with pyproject.toml: run 'make lock' and commit it" >&2
    exit 1
fi
cp "$new" requirements.lock
