#!/usr/bin/env bash
# Backs the whole cluster up while it runs: all that is durable is in the database. Two ways: what PostgreSQL has,
# and an archive that can be imported into any journal, also into that of a single node.
. "$(dirname "$0")/lib.sh"

BACKUP=${BACKUP:-./vudo-backup}
mkdir -p "$BACKUP"
pg_dump --format=custom --schema=vudo --file="$BACKUP/vudo.dump"
"$VUDO" export --journal "$JOURNAL" --to "$BACKUP/vudo.archive"
