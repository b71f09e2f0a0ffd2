;; The functions of price.wat as a Spirit, for the same Ghost over a cluster: the message type is the
;; function, the payload its arguments as JSON, the reply its result.
;;
;;   multiply [A,B]   add [A,B]   tax A
;;   sleep N          replies N after so many milliseconds
;;   echo             replies the payload
;;   none             replies nothing
;;   count            replies how many of all these it has handled
;;
;; Anything else ends the turn with application error 400. It reads numbers without a sign.
(module
  (import "spirit" "message_type" (func $message_type (param $buf i32) (param $cap i32) (result i32)))
  (import "spirit" "fail" (func $fail (param $code i32) (param $ptr i32) (param $len i32)))
  (import "spirit" "sleep" (func $sleep (param $millis i64) (result i32)))

  ;; 0x000 the message type   0x020..0x040 the reply's digits   0x080 the arguments, 4 bytes each
  ;; 0x400 up: the payload, where spirit_alloc lets the host write
  (memory (export "memory") 1)
  (data (i32.const 0x60) "unknown function")

  (global $count (mut i32) (i32.const 0))

  (func (export "spirit_abi_1"))

  (func (export "spirit_alloc") (param $size i32) (result i32)
    (select (i32.const 0x400) (i32.const 0) (i32.le_u (local.get $size) (i32.const 0xfc00))))

  (func (export "spirit_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $function i32)
    (drop (call $message_type (i32.const 0) (i32.const 0x20)))
    (local.set $function (i32.load8_u (i32.const 0)))
    (if (i32.eq (local.get $function) (i32.const 0x63)) ;; c
      (then (return (call $reply (global.get $count)))))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $parse (local.get $ptr) (local.get $len))
    (if (i32.eq (local.get $function) (i32.const 0x6d)) ;; m
      (then (return (call $reply
        (i32.mul (i32.load (i32.const 0x80)) (i32.load (i32.const 0x84)))))))
    (if (i32.eq (local.get $function) (i32.const 0x61)) ;; a
      (then (return (call $reply
        (i32.add (i32.load (i32.const 0x80)) (i32.load (i32.const 0x84)))))))
    (if (i32.eq (local.get $function) (i32.const 0x74)) ;; t
      (then (return (call $reply
        (i32.div_s (i32.mul (i32.load (i32.const 0x80)) (i32.const 19)) (i32.const 100))))))
    (if (i32.eq (local.get $function) (i32.const 0x73)) ;; s
      (then
        (drop (call $sleep (i64.extend_i32_u (i32.load (i32.const 0x80)))))
        (return (call $reply (i32.load (i32.const 0x80))))))
    (if (i32.eq (local.get $function) (i32.const 0x65)) ;; e
      (then (return
        (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
                (i64.extend_i32_u (local.get $len))))))
    (if (i32.eq (local.get $function) (i32.const 0x6e)) ;; n
      (then (return (i64.const 0))))
    (call $fail (i32.const 400) (i32.const 0x60) (i32.const 16))
    (unreachable))

  ;; All runs of digits, one after the other.
  (func $parse (param $ptr i32) (param $len i32)
    (local $end i32) (local $digit i32) (local $value i32) (local $inside i32) (local $at i32)
    (local.set $end (i32.add (local.get $ptr) (local.get $len)))
    (local.set $at (i32.const 0x80))
    (i64.store (i32.const 0x80) (i64.const 0))
    (block $done
      (loop $next
        (if (i32.or (i32.ge_u (local.get $ptr) (local.get $end))
                    (i32.ge_u (local.get $at) (i32.const 0x400)))
          (then (br $done)))
        (local.set $digit (i32.sub (i32.load8_u (local.get $ptr)) (i32.const 0x30)))
        (if (i32.le_u (local.get $digit) (i32.const 9))
          (then
            (local.set $inside (i32.const 1))
            (local.set $value
              (i32.add (i32.mul (local.get $value) (i32.const 10)) (local.get $digit))))
          (else
            (if (local.get $inside)
              (then
                (i32.store (local.get $at) (local.get $value))
                (local.set $at (i32.add (local.get $at) (i32.const 4)))
                (local.set $value (i32.const 0))
                (local.set $inside (i32.const 0))))))
        (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
        (br $next)))
    (if (local.get $inside) (then (i32.store (local.get $at) (local.get $value)))))

  ;; Decimal text that ends before 0x040, as a reply: pointer in the high half, length in the low half.
  (func $reply (param $value i32) (result i64)
    (local $at i32)
    (local.set $at (i32.const 0x40))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 0x30) (i32.rem_u (local.get $value) (i32.const 10))))
      (local.set $value (i32.div_u (local.get $value) (i32.const 10)))
      (br_if $digit (local.get $value)))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
      (i64.extend_i32_u (i32.sub (i32.const 0x40) (local.get $at))))))
