#!/usr/bin/env bash
# The whole chain on data that the project renders itself: ./scripts/quickstart.sh [SEED] [key value ...]
# Stop it at any moment; the same command goes on where it stopped.
. "$(dirname "$0")/env.sh"
seed=${1:-0}
[ $# -gt 0 ] && shift
recipe=configs/recipes/toycity.yml
city=data/toycity
name=toycity
if [ "$seed" != 0 ]; then city=data/toycity-$seed name=toycity-$seed; fi
set -- name "$name" data.root "$city" orientation.data.root "$city" test.truth "$city/truth" \
    solver.seed "$seed" "$@"

python -m synthetic_aug.render --root "$city" --seed "$seed"
./scripts/train.sh "$recipe" "$@"
./scripts/test.sh "$recipe" "$@"
python -m scripts.scoreboard "$recipe" "$@"
python -m synthetic_aug.facts "$city"
python -m scripts.slices "$recipe" "$@"
python -m scripts.report "$recipe" "$@"
echo "submission: submissions/out/$name/track2.txt"
