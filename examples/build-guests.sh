#!/bin/sh
# Builds the example guests in C and AssemblyScript into examples/target/guests, and checks
# that examples/prebuilt still is what these sources give.
#
#   examples/build-guests.sh                    build and check
#   examples/build-guests.sh --update-prebuilt  build and put the result into prebuilt/
#
# CLANG, WASM_LD and NPM name other tools than those found on the PATH.
set -eu
export LC_ALL=C
cd "$(dirname "$0")"

out=target/guests
prebuilt=prebuilt
wordcount="splitter worker collector"

fail() {
  echo "build-guests: $*" >&2
  exit 1
}

# The plain name first, then Debian's versioned ones, newest first.
find_tool() {
  for name in "$1" "$1-22" "$1-21" "$1-20" "$1-19" "$1-18" "$1-17" "$1-16" "$1-15" "$1-14"; do
    if command -v "$name" >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
}

case "${1:-}" in
  "" | --update-prebuilt) ;;
  *) fail "unknown argument '$1'; the only one is --update-prebuilt" ;;
esac

clang=${CLANG:-$(find_tool clang)}
wasm_ld=${WASM_LD:-$(find_tool wasm-ld)}
npm=${NPM:-$(find_tool npm)}
missing=
[ -n "$clang" ] || missing="$missing clang (Debian package: clang);"
[ -n "$wasm_ld" ] || missing="$missing wasm-ld (Debian package: lld);"
[ -n "$npm" ] || missing="$missing npm (Debian package: npm);"
[ -z "$missing" ] || fail "missing:$missing install with: apt-get install clang lld npm"

node=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
[ "$node" -ge 20 ] || fail "AssemblyScript needs Node.js 20 or newer (Debian 13 package: nodejs); found: $node"

mkdir -p "$out"

# C: without a C library. The stack comes first in memory, so that an overflow traps instead
# of running into data.
for name in $wordcount; do
  "$clang" --target=wasm32-unknown-unknown -std=c17 -Oz -Wall -Wextra -Werror \
    -ffreestanding -mbulk-memory -I../wit/include \
    -c "wordcount/$name.c" -o "$out/wc-$name.o"
  "$wasm_ld" --no-entry --stack-first -z stack-size=16384 --strip-all \
    "$out/wc-$name.o" -o "$out/wc-$name.wasm"
  rm "$out/wc-$name.o"
done

# AssemblyScript: the compiler that package-lock.json names.
(cd kv && "$npm" ci --loglevel=error --no-audit --no-fund >/dev/null && "$npm" run --silent build)

# What the prebuilt modules were made from, as checksums, and with.
sources="$(cd .. && echo wit/include/*.h wit/assemblyscript/*.ts examples/wordcount/*.c \
  examples/wordcount/*.h examples/kv/*.ts examples/kv/package.json examples/kv/package-lock.json)"
(cd .. && cksum $sources) >"$out/SOURCES"
{
  "$clang" --version | head -n 1
  "$wasm_ld" --version | head -n 1
} >"$out/TOOLCHAIN"

modules=kv.wasm
for name in $wordcount; do modules="$modules wc-$name.wasm"; done

if [ "${1:-}" = --update-prebuilt ]; then
  mkdir -p "$prebuilt"
  for file in $modules SOURCES TOOLCHAIN; do cp "$out/$file" "$prebuilt/$file"; done
  chmod 644 "$prebuilt"/*
  echo "build-guests: $prebuilt is up to date with these sources"
  exit 0
fi

update="rebuild with examples/build-guests.sh --update-prebuilt"
cmp -s "$out/SOURCES" "$prebuilt/SOURCES" ||
  fail "$prebuilt was made from other sources than these; $update"
# AssemblyScript's compiler is pinned, so its result is the same everywhere.
cmp -s "$out/kv.wasm" "$prebuilt/kv.wasm" || fail "$prebuilt/kv.wasm is not what kv.ts gives; $update"
if cmp -s "$out/TOOLCHAIN" "$prebuilt/TOOLCHAIN"; then
  for file in $modules; do
    cmp -s "$out/$file" "$prebuilt/$file" || fail "$prebuilt/$file is not what its sources give; $update"
  done
  echo "build-guests: $out is built, and equal to $prebuilt byte for byte"
else
  echo "build-guests: $out is built; the wc-*.wasm in $prebuilt come from the same sources but" \
    "another toolchain ($(head -n 1 "$prebuilt/TOOLCHAIN")), so their bytes are not compared"
fi
