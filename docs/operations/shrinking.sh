#!/usr/bin/env bash
# Takes the fourth node away for good: its Spirits move to the others, it leaves, its process ends.
. "$(dirname "$0")/lib.sh"

"$VUDO" leave "$(name 4)" --node "$(url 1)"
stopped 4
for node in 1 2 3; do until_true "node $node to see three members" is_up $node 3; done
