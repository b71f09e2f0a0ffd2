;; What WarmUp moves: half a megabyte that changes with every message. warm-up.wasm is made of it.
(module
  (memory (export "memory") 9 9)
  (func (export "spirit_abi_1"))
  (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "spirit_handle") (param i32 i32) (result i64) (local $at i32)
    (loop $next
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 524288))))
    (i64.const 8)))
