# What the scripts of this directory have in common; bash reads it, nobody runs it.
#
# VUDO        the vudo command (./vudo)
# DATA        where the nodes' data directories are, one for each number (./vudo-cluster)
# PORTS       the cluster ports of nodes 1, 2, 3 … ("7355 7356 7357 7358")
# HTTP_PORTS  their HTTP ports ("7070 7071 7072 7073")
# PGHOST, PGPORT, PGUSER, PGDATABASE  the database, as psql knows it
set -euo pipefail

VUDO=${VUDO:-./vudo}
DATA=${DATA:-./vudo-cluster}
read -r -a PORTS <<<"${PORTS:-7355 7356 7357 7358}"
read -r -a HTTP_PORTS <<<"${HTTP_PORTS:-7070 7071 7072 7073}"
PATIENCE=${PATIENCE:-90}
export PGHOST=${PGHOST:-127.0.0.1} PGPORT=${PGPORT:-5432} PGUSER=${PGUSER:-vudo} PGDATABASE=${PGDATABASE:-vudo}
JOURNAL="jdbc:postgresql://$PGHOST:$PGPORT/$PGDATABASE?user=$PGUSER"

# name 2: how commands call node 2
name() { echo "127.0.0.1:${PORTS[$1 - 1]}"; }

# url 2: where its gateway is
url() { echo "http://127.0.0.1:${HTTP_PORTS[$1 - 1]}"; }

# number 127.0.0.1:7356: the other way round
number() {
  for i in "${!PORTS[@]}"; do
    if [ "127.0.0.1:${PORTS[$i]}" = "$1" ]; then
      echo $((i + 1))
      return
    fi
  done
  echo "no node is called $1" >&2
  return 1
}

# start 2: node 2 as a process of its own. The first three are the seeds, for all alike.
start() {
  mkdir -p "$DATA/$1"
  # A process that is still ending has the directory.
  stopped "$1"
  nohup "$VUDO" node --data "$DATA/$1" --port "${PORTS[$1 - 1]}" --http "${HTTP_PORTS[$1 - 1]}" \
    --journal "$JOURNAL" --seed "$(name 1)" --seed "$(name 2)" --seed "$(name 3)" \
    >"$DATA/$1/out" 2>"$DATA/$1/err" </dev/null &
  echo $! >"$DATA/$1/pid"
}

# stopped 2: waits until its process has ended
stopped() {
  if [ -f "$DATA/$1/pid" ]; then
    local pid
    pid=$(cat "$DATA/$1/pid")
    until_true "node $1 to end" ended "$pid"
  fi
}

ended() { ! kill -0 "$1" 2>/dev/null; }

# until_true WHAT COMMAND…: waits until the command succeeds
until_true() {
  local what=$1 end=$((SECONDS + PATIENCE))
  shift
  until "$@"; do
    if [ $SECONDS -ge $end ]; then
      echo "waited $PATIENCE s for $what" >&2
      return 1
    fi
    sleep 0.2
  done
}

# is_up 2 3: whether node 2 serves and knows 3 members that are up and answer
is_up() {
  local members
  members=$("$VUDO" status --node "$(url "$1")" --format json 2>/dev/null) || return 1
  [ "$(grep -o '"status":"Up","reachable":true,[^}]*"answers":true' <<<"$members" | wc -l)" -eq "$2" ]
}

# field NAME: the first number of that name in JSON on stdin
field() { grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d: -f2; }

# spirits_on 2: how many Spirits are in its memory
spirits_on() {
  "$VUDO" status --node "$(url "$1")" --format json | grep -o '"spirits":{"resident":[0-9]*' | cut -d: -f3
}
