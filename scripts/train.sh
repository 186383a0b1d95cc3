#!/usr/bin/env bash
# Train every member of a recipe and its two classifiers: ./scripts/train.sh [RECIPE] [key value ...]
# RECIPE is a name in configs/recipes (default aicity21) or the path of a YAML file.
. "$(dirname "$0")/env.sh"
recipe=$(recipe_path "${1:-aicity21}")
[ $# -gt 0 ] && shift

python -m scripts.train "$recipe" "$@"
python -m orientation.train --optional "$recipe" "$@"
python -m camera.train --optional "$recipe" "$@"
echo "trained; next: ./scripts/test.sh $recipe $*"
