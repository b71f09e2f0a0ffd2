#!/usr/bin/env bash
# Restores a backup into a new database and lets the cluster go on from there; BY=dump by PostgreSQL's means,
# BY=archive from the archive. The nodes that ran on the old database are stopped first: two clusters that began
# with the same history would both go on with it.
. "$(dirname "$0")/lib.sh"

BACKUP=${BACKUP:-./vudo-backup}
for node in 1 2 3; do kill -TERM "$(cat "$DATA/$node/pid")"; done
for node in 1 2 3; do stopped $node; done

RESTORED=${RESTORED:-vudo_restored}
createdb "$RESTORED"
JOURNAL="jdbc:postgresql://$PGHOST:$PGPORT/$RESTORED?user=$PGUSER"
case ${BY:-dump} in
  dump) pg_restore --dbname="$RESTORED" --exit-on-error "$BACKUP/vudo.dump" ;;
  archive) "$VUDO" import --journal "$JOURNAL" --from "$BACKUP/vudo.archive" ;;
esac

for node in 1 2 3; do start $node; done
for node in 1 2 3; do until_true "node $node to see three members" is_up $node 3; done
