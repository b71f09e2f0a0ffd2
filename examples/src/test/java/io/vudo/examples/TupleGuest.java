package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.TupleJson;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A Spirit that does with spaces what its messages say, and the messages to it. It counts the calls
 * that succeeded, and notes what its watches tell.
 */
public final class TupleGuest {
  /** Where a call can be made to point. */
  private static final long NOWHERE = 0xffff_fff0L;

  private TupleGuest() {}

  /** What it replies: the status, and what the call answered. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Reply(long status, byte[] bytes) {
    static Reply of(byte[] reply) {
      return new Reply(
          ByteBuffer.wrap(reply).order(ByteOrder.LITTLE_ENDIAN).getLong(),
          Arrays.copyOfRange(reply, 8, reply.length));
    }

    /** The tuple, as JSON. */
    public String tuple() {
      return bytes.length == 0 ? "" : TupleJson.write(TupleCodec.decodeTuple(bytes));
    }

    public String text() {
      return new String(bytes, UTF_8);
    }
  }

  /** What the Spirit was told by a watch. */
  public record Told(String type, String payload) {}

  /** The status and what was answered, of the bytes that it replied. */
  public static Reply reply(byte[] reply) {
    return Reply.of(reply);
  }

  /** A call. */
  public static byte[] call(char operation, String space, byte[] a, byte[] b, long n, long m) {
    byte[] name = space.getBytes(UTF_8);
    return ByteBuffer.allocate(40 + name.length + a.length + b.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(operation)
        .putLong(n)
        .putLong(m)
        .putInt(name.length)
        .putInt(a.length)
        .putInt(b.length)
        .putInt(0)
        .put(name)
        .put(a)
        .put(b)
        .array();
  }

  public static byte[] call(char operation, String space, byte[] a, long n) {
    return call(operation, space, a, new byte[0], n, 0);
  }

  /** A template, of JSON. */
  public static byte[] template(String json) {
    return TupleCodec.encode(TupleJson.readTemplate(json));
  }

  /** A tuple, of JSON. */
  public static byte[] tuple(String json) {
    return TupleCodec.encode(TupleJson.readTuple(json));
  }

  public static byte[] text(String text) {
    return text.getBytes(UTF_8);
  }

  /** What the Spirit noted, of the reply to {@code L}. */
  public static List<Told> told(Reply reply) {
    ByteBuffer log = ByteBuffer.wrap(reply.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    List<Told> told = new ArrayList<>();
    while (log.hasRemaining()) {
      byte[] type = new byte[log.getInt()];
      log.get(type);
      byte[] payload = new byte[log.getInt()];
      log.get(payload);
      told.add(new Told(new String(type, UTF_8), TupleJson.write(TupleCodec.decodeTuple(payload))));
    }
    return told;
  }

  private static String ifIs(char operation, String then) {
    return "(if (i32.eq (local.get $op) (i32.const %d)) (then %s))\n"
        .formatted((int) operation, then);
  }

  private static String status(char operation, String function, String arguments) {
    return ifIs(
        operation,
        "(local.set $status (i64.extend_i32_s (call $%s %s)))".formatted(function, arguments));
  }

  private static String answered(char operation, String function, String arguments) {
    return ifIs(
        operation,
        ("(local.set $status (i64.extend_i32_s"
                + " (call $%s %s (i32.const 0x100) (i32.const 0x104))))"
                + " (if (i64.eqz (local.get $status)) (then"
                + " (local.set $out (i32.load (i32.const 0x104)))"
                + " (memory.copy (i32.const 0xc008) (i32.load (i32.const 0x100))"
                + " (local.get $out))))")
            .formatted(function, arguments));
  }

  private static String imports(String... functions) {
    StringBuilder imports = new StringBuilder();
    for (String function : functions) {
      String[] parts = function.split(" ", 3);
      imports.append(
          "(import \"spirit\" \"%s\" (func $%s (param %s) (result %s)))\n"
              .formatted(parts[0], parts[0].replace("tuplespace_", ""), parts[2], parts[1]));
    }
    return imports.toString();
  }

  private static final String SPACE = "(local.get $s) (local.get $sl) ";
  private static final String SPACE_A = SPACE + "(local.get $a) (local.get $al) ";
  private static final String B = "(local.get $b) (local.get $bl) ";
  private static final String N = "(i64.load offset=8 (local.get $p)) ";
  private static final String N32 = "(i32.wrap_i64 " + N + ") ";
  private static final String M = "(i64.load offset=16 (local.get $p)) ";

  /**
   * The operations: {@code w}rite, {@code r}ead, {@code t}ake; {@code R}, {@code T} of all; {@code
   * c}ount, {@code s}wap, leased write {@code l}, the same into one byte {@code 1}, renew {@code
   * e}, cancel {@code x}, {@code b}arrier, watc{@code h}, {@code u}nwatch; bad pointers for what is
   * answered {@code z} and for the template {@code y}; {@code L} answers what was noted, {@code n}
   * how many calls succeeded. A message of type {@code fail} traps after its call.
   */
  public static byte[] module() {
    return Guests.spirit(
        imports(
            "message_type i32 i32 i32",
            "tuplespace_write i32 i32 i32 i32 i32 i64",
            "tuplespace_read i32 i32 i32 i32 i32 i64 i32 i32",
            "tuplespace_take i32 i32 i32 i32 i32 i64 i32 i32",
            "tuplespace_read_all i32 i32 i32 i32 i32 i32 i32 i32",
            "tuplespace_take_all i32 i32 i32 i32 i32 i32 i32 i32",
            "tuplespace_count i64 i32 i32 i32 i32",
            "tuplespace_swap i32 i32 i32 i32 i32 i32 i32 i64 i32 i32",
            "tuplespace_write_leased i32 i32 i32 i32 i32 i64 i32 i32",
            "tuplespace_renew i32 i32 i32 i32 i32 i64",
            "tuplespace_cancel_lease i32 i32 i32 i32 i32",
            "tuplespace_barrier i32 i32 i32 i32 i32 i32 i64",
            "tuplespace_watch i32 i32 i32 i32 i32 i32 i32",
            "tuplespace_unwatch i32 i32 i32 i32 i32"),
        """
        (global $n (mut i64) (i64.const 0))
        (global $end (mut i32) (i32.const 0x8000))
        (func $note (param $at i32) (param $length i32)
          (i32.store (global.get $end) (local.get $length))
          (memory.copy (i32.add (global.get $end) (i32.const 4)) (local.get $at) (local.get $length))
          (global.set $end
            (i32.add (global.get $end) (i32.add (local.get $length) (i32.const 4)))))
        """,
        """
        (local $type i32) (local $op i32) (local $s i32) (local $sl i32) (local $a i32)
        (local $al i32) (local $b i32) (local $bl i32) (local $status i64) (local $out i32)
        (local.set $type (call $message_type (i32.const 0x40) (i32.const 0x40)))
        (if (i32.eq (i32.load (i32.const 0x40)) (i32.const 0x6c707574))
          (then
            (call $note (i32.const 0x40) (local.get $type))
            (call $note (local.get $p) (local.get $l))
            (return (i64.const 0))))
        (local.set $op (i32.load (local.get $p)))
        (local.set $s (i32.add (local.get $p) (i32.const 40)))
        (local.set $sl (i32.load offset=24 (local.get $p)))
        (local.set $a (i32.add (local.get $s) (local.get $sl)))
        (local.set $al (i32.load offset=28 (local.get $p)))
        (local.set $b (i32.add (local.get $a) (local.get $al)))
        (local.set $bl (i32.load offset=32 (local.get $p)))
        """
            + status('w', "write", SPACE_A + N)
            + answered('r', "read", SPACE_A + N)
            + answered('t', "take", SPACE_A + N)
            + answered('R', "read_all", SPACE_A + N32)
            + answered('T', "take_all", SPACE_A + N32)
            + ifIs('c', "(local.set $status (call $count " + SPACE_A + "))")
            + answered('s', "swap", SPACE_A + B + N)
            + status('l', "write_leased", SPACE_A + N + "(i32.const 0xc008) (i32.const 512)")
            + status('1', "write_leased", SPACE_A + N + "(i32.const 0xc008) (i32.const 1)")
            + ifIs(
                'l',
                "(if (i64.gt_s (local.get $status) (i64.const 0))"
                    + " (then (local.set $out (i32.wrap_i64 (local.get $status)))))")
            + status('e', "renew", SPACE_A + N)
            + status('x', "cancel_lease", SPACE_A)
            + status('b', "barrier", SPACE_A + N32 + M)
            + status('h', "watch", SPACE_A + B)
            + status('u', "unwatch", SPACE_A)
            + status(
                'z',
                "take_all",
                SPACE_A
                    + "(i32.const 10) (i32.const %d) (i32.const 0x104)".formatted((int) NOWHERE))
            + status(
                'y',
                "swap",
                SPACE
                    + "(i32.const %d) (i32.const 64) ".formatted((int) NOWHERE)
                    + B
                    + N
                    + "(i32.const 0x100) (i32.const 0x104)")
            + ifIs(
                'L',
                "(i64.store (i32.const 0x7ff8) (i64.const 0))"
                    + "(return (i64.or (i64.const 0x7ff800000000) (i64.extend_i32_u"
                    + " (i32.sub (global.get $end) (i32.const 0x7ff8)))))")
            + ifIs('n', "(return (call $say (global.get $n)))")
            + """
              (if (i64.ge_s (local.get $status) (i64.const 0))
                (then (global.set $n (i64.add (global.get $n) (i64.const 1)))))
              (if (i32.eq (i32.load (i32.const 0x40)) (i32.const 0x6c696166)) (then (unreachable)))
              (i64.store (i32.const 0xc000) (local.get $status))
              (i64.or (i64.const 0xc00000000000)
                (i64.extend_i32_u (i32.add (local.get $out) (i32.const 8))))
              """);
  }
}
