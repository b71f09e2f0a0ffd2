#!/usr/bin/env bash
# Frees node 2 of Spirits, as before work on its machine, and lets it take Spirits again afterwards.
. "$(dirname "$0")/lib.sh"

"$VUDO" drain "$(name 2)" --node "$(url 1)" --timeout 60s
test "$(spirits_on 2)" -eq 0
"$VUDO" status --node "$(url 1)"

# … the work …

"$VUDO" resume "$(name 2)" --node "$(url 1)"
