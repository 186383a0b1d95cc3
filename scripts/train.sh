#!/usr/bin/env bash
# Train every member of a recipe and its two classifiers: ./scripts/train.sh [RECIPE] [key value ...]
# With --more, finished runs go on to a larger solver.max_epochs. PROCESSES=4 uses four processes.
# RECIPE is a name in configs/recipes (default aicity21) or the path of a YAML file.
. "$(dirname "$0")/env.sh"
recipe=$(recipe_path "${1:-aicity21}")
[ $# -gt 0 ] && shift

train_verb scripts.train "$recipe" "$@"
train_verb orientation.train --optional "$recipe" "$@"
train_verb camera.train --optional "$recipe" "$@"
pairs=()
for word in "$@"; do [ "$word" = --more ] || pairs+=("$word"); done
train_verb unsupervised.train --optional "$recipe" ${pairs[@]+"${pairs[@]}"}   # where the recipe says adapt.enabled true
echo "trained; next: ./scripts/test.sh $recipe ${*/--more/}"
