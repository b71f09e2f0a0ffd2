#!/usr/bin/env bash
# Adds a fourth node. Nothing else changes: its seeds are those of the others, and the Spirits that belong to
# it follow by themselves, one after the other, while callers go on.
. "$(dirname "$0")/lib.sh"

start 4
for node in 1 2 3 4; do until_true "node $node to see four members" is_up $node 4; done

has_spirits() { [ "$(spirits_on 4)" -gt 0 ]; }
until_true "Spirits on node 4" has_spirits
"$VUDO" status --node "$(url 4)"
