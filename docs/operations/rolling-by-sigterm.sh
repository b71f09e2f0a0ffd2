#!/usr/bin/env bash
# The same by hand: SIGTERM is a graceful leave, too. The next node only when all know the last one again.
. "$(dirname "$0")/lib.sh"

for node in 3 2 1; do
  kill -TERM "$(cat "$DATA/$node/pid")"
  stopped $node
  start $node
  for each in 1 2 3; do until_true "node $each to see three members" is_up $each 3; done
done
