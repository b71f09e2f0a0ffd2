#!/usr/bin/env bash
# Starts the node that VUDO_NODE_NAME names; the restart command of rolling.sh. Where systemd supervises the
# nodes this is: ssh "${VUDO_NODE_NAME%:*}" sudo systemctl restart vudo
. "$(dirname "$0")/lib.sh"

start "$(number "$VUDO_NODE_NAME")"
