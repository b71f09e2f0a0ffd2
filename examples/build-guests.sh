#!/bin/sh
# Builds the example guests in C, Rust and AssemblyScript into examples/target/guests, and checks
# that examples/prebuilt still is what these sources give.
#
#   examples/build-guests.sh                    build and check
#   examples/build-guests.sh --update-prebuilt  build and put the result into prebuilt/
#
# CLANG, WASM_LD, RUSTC and NPM name other tools than those found on the PATH.
set -eu
export LC_ALL=C
cd "$(dirname "$0")"

out=target/guests
prebuilt=prebuilt
wordcount="splitter worker collector"
tuples="matrix-master matrix-worker heat-strip rate-limiter queue-desk queue-worker"
shop="cart stock account order"
packages="clang lld npm wasi-libc libclang-rt-dev-wasm32 rustc libstd-rust-dev-wasm32"

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

# The first rustc that has its standard library for WASI preview 1, whose target was renamed.
find_rust() {
  for rustc in ${RUSTC:-rustc /usr/bin/rustc}; do
    for target in wasm32-wasip1 wasm32-wasi; do
      if libs=$("$rustc" --print target-libdir --target "$target" 2>/dev/null) && [ -d "$libs" ]; then
        echo "$rustc $target"
        return
      fi
    done
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
if [ -n "$clang" ]; then
  # Both print a path when there is such a file, and its bare name otherwise.
  wasi_libc=$("$clang" --target=wasm32-wasi -print-file-name=libc.a)
  builtins=$("$clang" --target=wasm32-wasi -rtlib=compiler-rt -print-libgcc-file-name)
  [ -f "$wasi_libc" ] || missing="$missing a C library for WASI (Debian package: wasi-libc);"
  [ -f "$builtins" ] ||
    missing="$missing $clang's builtins for wasm32 (Debian package: libclang-rt-dev-wasm32);"
fi
rust=$(find_rust)
rustc=${rust% *}
rust_target=${rust#* }
[ -n "$rust" ] ||
  missing="$missing rustc with its library for WASI (Debian packages: rustc libstd-rust-dev-wasm32);"
[ -z "$missing" ] || fail "missing:$missing install with: apt-get install $packages"

node=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
[ "$node" -ge 20 ] || fail "AssemblyScript needs Node.js 20 or newer (Debian 13 package: nodejs); found: $node"

mkdir -p "$out"

# C: without a C library. The stack comes first in memory, so that an overflow traps instead
# of running into data.
plain_c() {
  "$clang" --target=wasm32-unknown-unknown -std=c17 -Oz -Wall -Wextra -Werror \
    -ffreestanding -mbulk-memory -I../wit/include \
    -c "$1" -o "$out/$2.o"
  "$wasm_ld" --no-entry --stack-first -z stack-size=16384 --strip-all \
    "$out/$2.o" -o "$out/$2.wasm"
  rm "$out/$2.o"
}
for name in $wordcount; do plain_c "wordcount/$name.c" "wc-$name"; done
for name in $tuples; do plain_c "tuples/$name.c" "$name"; done

# C with a C library, built against WASI: a reactor for a Spirit, a command for "vudo run".
for name in notes args; do
  model=command
  [ "$name" = args ] || model=reactor
  "$clang" --target=wasm32-wasi -std=c17 -Oz -Wall -Wextra -Werror -mbulk-memory -I../wit/include \
    -mexec-model="$model" -fuse-ld="$(command -v "$wasm_ld")" \
    -Wl,--stack-first -Wl,-z,stack-size=65536 -Wl,--strip-all \
    "wasi-c/$name.c" -o "$out/wasi-$name.wasm"
done

# Rust with its standard library, the same two ways.
for name in words sum; do
  kind=bin
  [ "$name" = sum ] || kind=cdylib
  "$rustc" --edition 2021 --target "$rust_target" --crate-type "$kind" -D warnings \
    -C opt-level=s -C panic=abort -C strip=symbols -C link-arg=-zstack-size=65536 \
    "wasi-rust/$name.rs" -o "$out/wasi-$name.wasm"
done

# AssemblyScript: the compiler that package-lock.json names.
(cd kv && "$npm" ci --loglevel=error --no-audit --no-fund >/dev/null && "$npm" run --silent build)
for name in $shop; do
  kv/node_modules/.bin/asc "order-service/guests/$name.ts" -Oz --runtime incremental --use abort= \
    -o "$out/shop-$name.wasm"
done

# What the prebuilt modules were made from, as checksums, and with.
sources="$(cd .. && echo wit/include/*.h wit/assemblyscript/*.ts examples/wordcount/*.c \
  examples/wordcount/*.h examples/tuples/*.c examples/tuples/*.h examples/wasi-c/*.c \
  examples/wasi-rust/*.rs examples/kv/*.ts examples/kv/package.json examples/kv/package-lock.json \
  examples/order-service/guests/*.ts)"
(cd .. && cksum $sources) >"$out/SOURCES"
{
  "$clang" --version | head -n 1
  "$wasm_ld" --version | head -n 1
  cksum <"$wasi_libc" | sed 's/^/wasi-libc /'
  "$rustc" --version
} >"$out/TOOLCHAIN"

pinned=kv.wasm
for name in $shop; do pinned="$pinned shop-$name.wasm"; done
modules=$pinned
for name in $wordcount; do modules="$modules wc-$name.wasm"; done
for name in $tuples; do modules="$modules $name.wasm"; done
for name in notes args words sum; do modules="$modules wasi-$name.wasm"; done

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
for file in $pinned; do
  cmp -s "$out/$file" "$prebuilt/$file" || fail "$prebuilt/$file is not what its sources give; $update"
done
if cmp -s "$out/TOOLCHAIN" "$prebuilt/TOOLCHAIN"; then
  for file in $modules; do
    cmp -s "$out/$file" "$prebuilt/$file" || fail "$prebuilt/$file is not what its sources give; $update"
  done
  echo "build-guests: $out is built, and equal to $prebuilt byte for byte"
else
  echo "build-guests: $out is built; those in C and Rust in $prebuilt come from the same sources but" \
    "another toolchain ($(head -n 1 "$prebuilt/TOOLCHAIN")), so their bytes are not compared"
fi
