#!/usr/bin/env bash
# Run the tests, or those of some paths: first, in several processes, a file at a time each, those that may run
# beside others; then, one after the other, those marked `alone`, which look at the clock.
set -uo pipefail
cd "$(dirname "$0")/.."
MOST_PROCESSES=4  # each takes about 1 GB of memory
FAILED=1          # what pytest ends with where tests failed; more is an interruption or wrong usage,
NO_TESTS=5        # or that there were none

run() { scripts/with_display.sh --virtual .venv/bin/python -m pytest -q "$@"; }

run -m 'not alone' --numprocesses logical --maxprocesses "$MOST_PROCESSES" --dist loadfile "$@"
beside=$?
[ "$beside" -le "$FAILED" ] || exit "$beside"
run -m alone "$@"
alone=$?
[ "$alone" -eq "$NO_TESTS" ] || [ "$alone" -eq 0 ] || exit "$alone"
exit "$beside"
