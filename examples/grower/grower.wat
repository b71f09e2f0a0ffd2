;; State in memory that did not exist when the module started: a snapshot that holds only
;; the initial pages loses it.
;;
;;   grow   adds one 64 KiB page, writes its number to the page's first and last word,
;;          replies the number of pages
;;   pages  replies the number of pages
;;   sum    replies the sum of the first and last words of all pages that were added; with
;;          n pages added that is n * (n + 1) as long as nothing was lost
;;
;; When memory cannot grow any more, "grow" ends the turn with application error 507; an
;; unknown message type ends it with 400.
(module
  (import "spirit" "message_type" (func $message_type (param $buf i32) (param $cap i32) (result i32)))
  (import "spirit" "fail" (func $fail (param $code i32) (param $ptr i32) (param $len i32)))

  ;; 0x000 the message type   0x020..0x040 the reply's digits   0x100 error messages
  ;; 0x400 up: the payload
  (memory (export "memory") 1)
  (data (i32.const 0x100) "unknown message type")
  (data (i32.const 0x120) "memory cannot grow")

  (func (export "spirit_abi_1"))

  (func (export "spirit_alloc") (param $size i32) (result i32)
    (select (i32.const 0x400) (i32.const 0) (i32.le_u (local.get $size) (i32.const 0xfc00))))

  (func (export "spirit_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $type_len i32)
    (local.set $type_len (call $message_type (i32.const 0) (i32.const 0x20)))
    ;; The first four bytes, little-endian; "sum" has only three, so its fourth is masked off.
    (if (i32.eq (local.get $type_len) (i32.const 4))
      (then
        (if (i32.eq (i32.load (i32.const 0)) (i32.const 0x776f7267)) ;; "grow"
          (then (return (call $reply (i64.extend_i32_u (call $grow))))))))
    (if (i32.eq (local.get $type_len) (i32.const 5))
      (then
        (if (i32.and
              (i32.eq (i32.load (i32.const 0)) (i32.const 0x65676170)) ;; "page"
              (i32.eq (i32.load8_u (i32.const 4)) (i32.const 0x73)))   ;; "s"
          (then (return (call $reply (i64.extend_i32_u (memory.size))))))))
    (if (i32.eq (local.get $type_len) (i32.const 3))
      (then
        (if (i32.eq (i32.and (i32.load (i32.const 0)) (i32.const 0xffffff)) (i32.const 0x6d7573)) ;; "sum"
          (then (return (call $reply (call $sum)))))))
    (call $fail (i32.const 400) (i32.const 0x100) (i32.const 20))
    (unreachable))

  (func $grow (result i32)
    (local $page i32)
    (local.set $page (memory.grow (i32.const 1))) ;; the new page's number; page 0 is the initial one
    (if (i32.eq (local.get $page) (i32.const -1))
      (then
        (call $fail (i32.const 507) (i32.const 0x120) (i32.const 18))
        (unreachable)))
    (i32.store (i32.mul (local.get $page) (i32.const 0x10000)) (local.get $page))
    (i32.store offset=0xfffc (i32.mul (local.get $page) (i32.const 0x10000)) (local.get $page))
    (memory.size))

  (func $sum (result i64)
    (local $page i32) (local $at i32) (local $sum i64)
    (local.set $page (i32.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $page) (memory.size)))
        (local.set $at (i32.mul (local.get $page) (i32.const 0x10000)))
        (local.set $sum
          (i64.add (local.get $sum)
            (i64.add (i64.load32_u (local.get $at)) (i64.load32_u offset=0xfffc (local.get $at)))))
        (local.set $page (i32.add (local.get $page) (i32.const 1)))
        (br $next)))
    (local.get $sum))

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
