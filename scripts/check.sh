#!/usr/bin/env bash
# Lint, types and tests: ./scripts/check.sh [pytest arguments]
EXTRAS=render,dev . "$(dirname "$0")/env.sh"

ruff check .
ruff format --check .
mypy
python -m pytest "$@"
