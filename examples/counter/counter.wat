;; A counter.
;;
;;   add [N]   adds N (decimal, may be negative; an empty payload is 1), replies the new count
;;   get       replies the count
;;
;; Anything else ends the turn with application error 400 and leaves the count as it is.
;;
;; The state is one global that is not even exported: a Spirit has no code for saving or
;; loading, the node keeps memory, globals and tables between turns.
(module
  (import "spirit" "message_type" (func $message_type (param $buf i32) (param $cap i32) (result i32)))
  (import "spirit" "fail" (func $fail (param $code i32) (param $ptr i32) (param $len i32)))

  ;; 0x000 the message type   0x020..0x040 the reply's digits   0x100 error messages
  ;; 0x400 up: the payload, where spirit_alloc lets the host write
  (memory (export "memory") 1)
  (data (i32.const 0x100) "unknown message type")
  (data (i32.const 0x120) "not a decimal number of at most 18 digits")

  (global $count (mut i64) (i64.const 0))

  (func (export "spirit_abi_1"))

  ;; The host asks for one buffer per message and never keeps two.
  (func (export "spirit_alloc") (param $size i32) (result i32)
    (select (i32.const 0x400) (i32.const 0) (i32.le_u (local.get $size) (i32.const 0xfc00))))

  (func (export "spirit_handle") (param $ptr i32) (param $len i32) (result i64)
    ;; Both types have three letters, so one 32-bit compare tells them apart: the first
    ;; three bytes, little-endian, with the fourth masked off.
    (if (i32.eq (call $message_type (i32.const 0) (i32.const 0x20)) (i32.const 3))
      (then
        (if (i32.eq (call $type) (i32.const 0x646461)) ;; "add"
          (then
            (global.set $count
              (i64.add (global.get $count) (call $parse (local.get $ptr) (local.get $len))))
            (return (call $reply (global.get $count)))))
        (if (i32.eq (call $type) (i32.const 0x746567)) ;; "get"
          (then (return (call $reply (global.get $count)))))))
    (call $fail (i32.const 400) (i32.const 0x100) (i32.const 20))
    (unreachable))

  (func $type (result i32)
    (i32.and (i32.load (i32.const 0)) (i32.const 0xffffff)))

  ;; Decimal text to a number; empty text is 1. Eighteen digits always fit an i64.
  (func $parse (param $ptr i32) (param $len i32) (result i64)
    (local $end i32) (local $digit i32) (local $value i64) (local $negative i32)
    (if (i32.eqz (local.get $len)) (then (return (i64.const 1))))
    (local.set $end (i32.add (local.get $ptr) (local.get $len)))
    (local.set $negative (i32.eq (i32.load8_u (local.get $ptr)) (i32.const 0x2d))) ;; "-"
    (local.set $ptr (i32.add (local.get $ptr) (local.get $negative)))
    (if (i32.gt_u (i32.sub (i32.sub (local.get $end) (local.get $ptr)) (i32.const 1)) (i32.const 17))
      (then (call $malformed))) ;; no digit at all, or more than 18: one unsigned compare
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $ptr)) (i32.const 0x30)))
      (if (i32.gt_u (local.get $digit) (i32.const 9)) (then (call $malformed)))
      (local.set $value
        (i64.add (i64.mul (local.get $value) (i64.const 10)) (i64.extend_i32_u (local.get $digit))))
      (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $ptr) (local.get $end))))
    (select (i64.sub (i64.const 0) (local.get $value)) (local.get $value) (local.get $negative)))

  (func $malformed
    (call $fail (i32.const 400) (i32.const 0x120) (i32.const 41))
    (unreachable))

  ;; A number to decimal text that ends before 0x040, as a reply: pointer in the high half,
  ;; length in the low half.
  (func $reply (param $value i64) (result i64)
    (local $at i32) (local $rest i64)
    (local.set $at (i32.const 0x40))
    ;; The magnitude, unsigned: right for the smallest i64 too.
    (local.set $rest
      (select (i64.sub (i64.const 0) (local.get $value)) (local.get $value)
        (i64.lt_s (local.get $value) (i64.const 0))))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 0x30) (i32.wrap_i64 (i64.rem_u (local.get $rest) (i64.const 10)))))
      (local.set $rest (i64.div_u (local.get $rest) (i64.const 10)))
      (br_if $digit (i64.ne (local.get $rest) (i64.const 0))))
    (if (i64.lt_s (local.get $value) (i64.const 0))
      (then
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.const 0x2d))))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
      (i64.extend_i32_u (i32.sub (i32.const 0x40) (local.get $at))))))
