#!/usr/bin/env bash
# Train the orientation classifier of a recipe alone: ./scripts/ReOriID.sh [RECIPE] [key value ...]
. "$(dirname "$0")/env.sh"
recipe=$(recipe_path "${1:-aicity21}")
[ $# -gt 0 ] && shift

python -m orientation.train "$recipe" "$@"
