#!/usr/bin/env bash
# Kills node 3 as a crash does, and shows how long it takes until its Spirits answer elsewhere.
. "$(dirname "$0")/lib.sh"

"$VUDO" ask counter/fails-over 1 --type add --node "$(url 1)"
"$VUDO" migrate counter/fails-over --to "$(name 3)" --node "$(url 1)"
began=$(date +%s%N)
kill -KILL "$(cat "$DATA/3/pid")"

# Callers wait meanwhile, and ask again with the same key: nothing is done twice.
answers() {
  "$VUDO" ask counter/fails-over 1 --type add --idempotency-key failed-over --timeout 2s \
    --node "$(url 1)" 2>/dev/null
}
until_true "the Spirit to answer elsewhere" answers
echo "answered again after $((($(date +%s%N) - began) / 1000000)) ms"

for node in 1 2; do until_true "node $node to see two members" is_up $node 2; done
"$VUDO" status --node "$(url 1)"

# Back it comes as a new member.
start 3
for node in 1 2 3; do until_true "node $node to see three members" is_up $node 3; done
