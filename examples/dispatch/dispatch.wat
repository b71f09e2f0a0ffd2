;; State in a table: what this Spirit does depends on the function reference in its table's
;; only slot, which messages replace.
;;
;;   mode:add   from now on "apply" adds; replies "add"
;;   mode:mul   from now on "apply" multiplies; replies "mul"
;;   apply N    applies N (up to nine digits) to the accumulator, replies the accumulator;
;;              it starts at 0, in mode add, and is an unsigned 64-bit number that wraps
;;
;; Anything else ends the turn with application error 400.
(module
  (import "spirit" "message_type" (func $message_type (param $buf i32) (param $cap i32) (result i32)))
  (import "spirit" "fail" (func $fail (param $code i32) (param $ptr i32) (param $len i32)))

  ;; 0x000 the message type   0x020..0x040 the reply's digits   0x080, 0x100 texts
  ;; 0x400 up: the payload
  (memory (export "memory") 1)
  (data (i32.const 0x80) "mode:addmode:mul")
  (data (i32.const 0x100) "unknown message type")
  (data (i32.const 0x120) "not a decimal number of at most 9 digits")

  (type $operation (func (param i64 i64) (result i64)))
  (table $mode 1 funcref)
  (elem (table $mode) (i32.const 0) func $add)
  (elem declare func $mul) ;; what ref.func names must be declared

  (global $accumulator (mut i64) (i64.const 0))

  (func $add (type $operation) (i64.add (local.get 0) (local.get 1)))
  (func $mul (type $operation) (i64.mul (local.get 0) (local.get 1)))

  (func (export "spirit_abi_1"))

  (func (export "spirit_alloc") (param $size i32) (result i32)
    (select (i32.const 0x400) (i32.const 0) (i32.le_u (local.get $size) (i32.const 0xfc00))))

  (func (export "spirit_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $type_len i32)
    (local.set $type_len (call $message_type (i32.const 0) (i32.const 0x20)))
    (if (i32.eq (local.get $type_len) (i32.const 8))
      (then
        (if (i64.eq (i64.load (i32.const 0)) (i64.load (i32.const 0x80))) ;; "mode:add"
          (then
            (table.set $mode (i32.const 0) (ref.func $add))
            (return (i64.const 0x0000008500000003)))) ;; "add": 3 bytes at 0x85
        (if (i64.eq (i64.load (i32.const 0)) (i64.load (i32.const 0x88))) ;; "mode:mul"
          (then
            (table.set $mode (i32.const 0) (ref.func $mul))
            (return (i64.const 0x0000008d00000003)))))) ;; "mul": 3 bytes at 0x8d
    (if (i32.eq (local.get $type_len) (i32.const 5))
      (then
        (if (i32.and
              (i32.eq (i32.load (i32.const 0)) (i32.const 0x6c707061)) ;; "appl"
              (i32.eq (i32.load8_u (i32.const 4)) (i32.const 0x79)))   ;; "y"
          (then
            (global.set $accumulator
              (call_indirect $mode (type $operation)
                (global.get $accumulator)
                (call $parse (local.get $ptr) (local.get $len))
                (i32.const 0)))
            (return (call $reply (global.get $accumulator)))))))
    (call $fail (i32.const 400) (i32.const 0x100) (i32.const 20))
    (unreachable))

  (func $parse (param $ptr i32) (param $len i32) (result i64)
    (local $end i32) (local $digit i32) (local $value i64)
    (local.set $end (i32.add (local.get $ptr) (local.get $len)))
    (if (i32.gt_u (i32.sub (local.get $len) (i32.const 1)) (i32.const 8))
      (then (call $malformed))) ;; no digit at all, or more than 9: one unsigned compare
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $ptr)) (i32.const 0x30)))
      (if (i32.gt_u (local.get $digit) (i32.const 9)) (then (call $malformed)))
      (local.set $value
        (i64.add (i64.mul (local.get $value) (i64.const 10)) (i64.extend_i32_u (local.get $digit))))
      (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $ptr) (local.get $end))))
    (local.get $value))

  (func $malformed
    (call $fail (i32.const 400) (i32.const 0x120) (i32.const 40))
    (unreachable))

  ;; A number to decimal text that ends before 0x040, as a reply: pointer in the high half,
  ;; length in the low half.
  (func $reply (param $rest i64) (result i64)
    (local $at i32)
    (local.set $at (i32.const 0x40))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 0x30) (i32.wrap_i64 (i64.rem_u (local.get $rest) (i64.const 10)))))
      (local.set $rest (i64.div_u (local.get $rest) (i64.const 10)))
      (br_if $digit (i64.ne (local.get $rest) (i64.const 0))))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
      (i64.extend_i32_u (i32.sub (i32.const 0x40) (local.get $at))))))
