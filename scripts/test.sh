#!/usr/bin/env bash
# From the trained runs of a recipe to a checked submission: ./scripts/test.sh [RECIPE] [key value ...]
# RECIPE is a name in configs/recipes (default aicity21) or the path of a YAML file.
. "$(dirname "$0")/env.sh"
recipe=$(recipe_path "${1:-aicity21}")
[ $# -gt 0 ] && shift

python -m scripts.test "$recipe" "$@"
