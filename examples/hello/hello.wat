;; The shortest Spirit: it counts its messages and replies the count as decimal text.
(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0)) ;; state; nothing has to save it
  (func (export "spirit_abi_1"))
  (func (export "spirit_alloc") (param $size i32) (result i32) ;; a place for the payload: 0x400 up
    (select (i32.const 0x400) (i32.const 0) (i32.le_u (local.get $size) (i32.const 0xfc00))))
  (func (export "spirit_handle") (param $ptr i32) (param $len i32) (result i64) (local $rest i32) (local $at i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (local.set $rest (global.get $count)) (local.set $at (i32.const 0x10)) ;; digits end before 0x10
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 0x30) (i32.rem_u (local.get $rest) (i32.const 10))))
      (br_if $digit (local.tee $rest (i32.div_u (local.get $rest) (i32.const 10)))))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) ;; the reply: pointer and length
      (i64.extend_i32_u (i32.sub (i32.const 0x10) (local.get $at))))))
