#!/usr/bin/env bash
# Train the camera classifier of a recipe alone: ./scripts/ReCamID.sh [RECIPE] [key value ...]
. "$(dirname "$0")/env.sh"
recipe=$(recipe_path "${1:-aicity21}")
[ $# -gt 0 ] && shift

python -m camera.train "$recipe" "$@"
