package io.vudo.examples.crash;

import io.vudo.examples.Guests;

/** The Spirits of the workloads that are no examples. */
final class CrashGuests {
  /** How many bytes of a list one message reads. */
  static final int PAGE_BYTES = 0x10000;

  /**
   * A list of 8-byte words from 0x20000 on, for which memory grows. {@code $append} answers the
   * place of the word, counted from 1; {@code $page} is a reply: the words from a byte offset on.
   */
  private static final String LIST =
      """
      (global $end (mut i32) (i32.const 0x20000))
      (func $append (param $word i64) (result i64)
        (if (i32.gt_u (i32.add (global.get $end) (i32.const 8))
              (i32.mul (memory.size) (i32.const 0x10000)))
          (then (if (i32.lt_s (memory.grow (i32.const 3)) (i32.const 0)) (then (unreachable)))))
        (i64.store (global.get $end) (local.get $word))
        (global.set $end (i32.add (global.get $end) (i32.const 8)))
        (i64.extend_i32_u
          (i32.shr_u (i32.sub (global.get $end) (i32.const 0x20000)) (i32.const 3))))
      (func $page (param $from i64) (result i64) (local $at i32) (local $rest i32)
        (local.set $at (i32.add (i32.const 0x20000) (i32.wrap_i64 (local.get $from))))
        (if (i32.lt_u (local.get $at) (global.get $end))
          (then (local.set $rest (i32.sub (global.get $end) (local.get $at)))))
        (if (i32.eqz (local.get $rest)) (then (return (i64.const 0))))
        (if (i32.gt_u (local.get $rest) (i32.const 0x10000))
          (then (local.set $rest (i32.const 0x10000))))
        (i64.or
          (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
          (i64.extend_i32_u (local.get $rest))))
      """;

  private static final String TYPE =
      """
      (import "spirit" "message_type" (func $message_type (param i32 i32) (result i32)))
      """;

  private static final String SEND =
      """
      (import "spirit" "send_message"
        (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
      """;

  private CrashGuests() {}

  /** Whether the type of the message, which is read to 0x40, begins with this letter. */
  private static String ifType(char letter, String then) {
    return "(if (i32.eq (i32.load8_u (i32.const 0x40)) (i32.const %d)) (then %s))"
        .formatted((int) letter, then);
  }

  private static final String READ_TYPE =
      "(drop (call $message_type (i32.const 0x40) (i32.const 0x20)))";

  private static final String READ_PAGE = "(return (call $page (i64.load (local.get $p))))";

  /**
   * Writes down the word of each message and answers its place; {@code r} reads from an offset,
   * {@code b} spins as many times as its word says.
   */
  static byte[] log() {
    return Guests.spirit(
        TYPE,
        LIST,
        READ_TYPE
            + ifType('r', READ_PAGE)
            + ifType(
                'b',
                """
                (loop $spin
                  (i64.store (local.get $p) (i64.sub (i64.load (local.get $p)) (i64.const 1)))
                  (br_if $spin (i64.ne (i64.load (local.get $p)) (i64.const 0))))
                (return (i64.const 0))
                """)
            + "(call $say (call $append (i64.load (local.get $p))))");
  }

  /**
   * Sends numbered words to {@code crash-log/sink}: the first word of a message is the sender's
   * number, which goes to the high half, the second how many to send. Answers the last number.
   */
  static byte[] forwarder() {
    return Guests.spirit(
        SEND,
        """
        (global $last (mut i64) (i64.const 0))
        (data (i32.const 0x200) "crash-log/sink")
        (data (i32.const 0x220) "append")
        """,
        """
        (local $left i64)
        (local.set $left (i64.load offset=8 (local.get $p)))
        (block $done
          (loop $more
            (br_if $done (i64.eqz (local.get $left)))
            (local.set $left (i64.sub (local.get $left) (i64.const 1)))
            (global.set $last (i64.add (global.get $last) (i64.const 1)))
            (i64.store (i32.const 0x300)
              (i64.or (i64.shl (i64.load (local.get $p)) (i64.const 32)) (global.get $last)))
            (if (call $send (i32.const 0x200) (i32.const 14) (i32.const 0x220) (i32.const 6)
                  (i32.const 0x300) (i32.const 8))
              (then (unreachable)))
            (br $more)))
        (call $say (global.get $last))
        """);
  }

  /**
   * An account. {@code pay}: an amount (8 bytes) and whom; fails with 402 after everything has
   * changed when the balance is too small. {@code deposit}: an amount. {@code get}: balance, paid,
   * received. It begins with 1,000.
   */
  static byte[] account() {
    return Guests.spirit(
        TYPE + SEND + "(import \"spirit\" \"fail\" (func $fail (param i32 i32 i32)))",
        """
        (global $balance (mut i64) (i64.const 1000))
        (global $paid (mut i64) (i64.const 0))
        (global $received (mut i64) (i64.const 0))
        (data (i32.const 0x220) "deposit")
        """,
        READ_TYPE
            + ifType(
                'd',
                """
                (global.set $balance
                  (i64.add (global.get $balance) (i64.load (local.get $p))))
                (global.set $received
                  (i64.add (global.get $received) (i64.load (local.get $p))))
                (return (i64.const 0))
                """)
            + ifType(
                'p',
                """
                (global.set $balance
                  (i64.sub (global.get $balance) (i64.load (local.get $p))))
                (global.set $paid
                  (i64.add (global.get $paid) (i64.load (local.get $p))))
                (if (call $send
                      (i32.add (local.get $p) (i32.const 8))
                      (i32.sub (local.get $l) (i32.const 8))
                      (i32.const 0x220) (i32.const 7) (local.get $p) (i32.const 8))
                  (then (unreachable)))
                (if (i64.lt_s (global.get $balance) (i64.const 0))
                  (then (call $fail (i32.const 402) (i32.const 0x220) (i32.const 0))))
                (return (call $say (global.get $balance)))
                """)
            + """
              (i64.store (i32.const 0x80) (global.get $balance))
              (i64.store (i32.const 0x88) (global.get $paid))
              (i64.store (i32.const 0x90) (global.get $received))
              (i64.const 0x8000000018)
              """);
  }

  /**
   * Writes tuples to the space {@code crash} and takes from it. {@code write}: the tuple. {@code
   * take}: a template; answers the tuple, or nothing if there is none or the space is away, and
   * notes its last 8 bytes. {@code r} reads the notes.
   */
  static byte[] tupler() {
    return Guests.spirit(
        TYPE
            + """
                (import "spirit" "tuplespace_write"
                  (func $write (param i32 i32 i32 i32 i64) (result i32)))
                (import "spirit" "tuplespace_take"
                  (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
                """,
        LIST + "(data (i32.const 0x200) \"crash\")",
        READ_TYPE
            + ifType('r', READ_PAGE)
            + ifType(
                'w',
                """
                    (if (call $write (i32.const 0x200) (i32.const 5)
                          (local.get $p) (local.get $l) (i64.const 0))
                      (then (unreachable)))
                    (return (i64.const 0))
                    """)
            + """
                  (local.set $l
                    (call $take (i32.const 0x200) (i32.const 5)
                      (local.get $p) (local.get $l) (i64.const 0)
                      (i32.const 0x100) (i32.const 0x104)))
                  (if (local.get $l) (then (return (i64.const 0))))
                  (local.set $p (i32.load (i32.const 0x100)))
                  (local.set $l (i32.load (i32.const 0x104)))
                  (drop (call $append
                    (i64.load (i32.sub (i32.add (local.get $p) (local.get $l)) (i32.const 8)))))
                  (i64.or
                    (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32))
                    (i64.extend_i32_u (local.get $l)))
                  """);
  }

  /**
   * Asks {@code crash-log/asked} to append the message's word, sends the same word to {@code
   * crash-log/timed} a little later, and stores it; answers what was answered. {@code s} answers
   * the word in store.
   */
  static byte[] relay() {
    return Guests.spirit(
        TYPE
            + """
              (import "spirit" "ask"
                (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
              (import "spirit" "send_after"
                (func $after (param i64 i32 i32 i32 i32 i32 i32) (result i64)))
              (import "spirit" "storage_get" (func $get (param i32 i32 i32 i32) (result i32)))
              (import "spirit" "storage_put" (func $put (param i32 i32 i32 i32) (result i32)))
              """,
        """
        (data (i32.const 0x200) "crash-log/asked")
        (data (i32.const 0x220) "append")
        (data (i32.const 0x240) "crash-log/timed")
        """,
        READ_TYPE
            + ifType(
                's',
                """
                (if (call $get (i32.const 0x220) (i32.const 6) (i32.const 0x100) (i32.const 0x104))
                  (then (return (i64.const 0))))
                """)
            + """
              (if (i32.ne (i32.load8_u (i32.const 0x40)) (i32.const 0x73))
                (then
                  (i64.store (i32.const 0x300) (i64.load (local.get $p)))
                  (if (i64.le_s
                        (call $after (i64.load offset=8 (local.get $p))
                          (i32.const 0x240) (i32.const 15) (i32.const 0x220) (i32.const 6)
                          (i32.const 0x300) (i32.const 8))
                        (i64.const 0))
                    (then (unreachable)))
                  (if (call $put (i32.const 0x220) (i32.const 6) (i32.const 0x300) (i32.const 8))
                    (then (unreachable)))
                  (if (call $ask (i32.const 0x200) (i32.const 15) (i32.const 0x220) (i32.const 6)
                        (i32.const 0x300) (i32.const 8) (i64.const 600000)
                        (i32.const 0x100) (i32.const 0x104))
                    (then (unreachable)))))
              (i64.or
                (i64.shl (i64.extend_i32_u (i32.load (i32.const 0x100))) (i64.const 32))
                (i64.extend_i32_u (i32.load (i32.const 0x104))))
              """);
  }
}
