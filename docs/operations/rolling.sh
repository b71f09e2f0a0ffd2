#!/usr/bin/env bash
# Restarts all nodes, one after the other, while callers go on.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
export VUDO DATA
PORTS="${PORTS[*]}" HTTP_PORTS="${HTTP_PORTS[*]}" \
  "$VUDO" roll --node "$(url 1)" --timeout 2min --restart-command "'$here/start-node.sh'"
