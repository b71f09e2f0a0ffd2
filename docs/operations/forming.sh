#!/usr/bin/env bash
# Forms a cluster of three nodes on one database, deploys a type and asks a Spirit through each node.
. "$(dirname "$0")/lib.sh"

for node in 1 2 3; do start $node; done
for node in 1 2 3; do until_true "node $node to see three members" is_up $node 3; done

# What is deployed on one is deployed on all.
"$VUDO" deploy "${MODULE:-examples/counter/counter.wat}" --name counter --node "$(url 1)"
for node in 1 2 3; do "$VUDO" ask counter/formed 1 --type add --node "$(url $node)"; done
"$VUDO" status --node "$(url 1)"
