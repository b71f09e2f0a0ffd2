package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A Spirit that calls the host function which a message names, with the arguments that it carries.
 * It imports every function there is.
 *
 * <p>A message is the function's number in the contract (8 bytes, little-endian), its arguments (8
 * bytes each) and any bytes these point to. A reply is the result, the number of turns so far and
 * the first 8 bytes of the argument of its spawn. An empty message calls nothing.
 */
final class Caller {
  /** Where a message lies in its memory. */
  private static final int PAYLOAD = 0x1000;

  private static final int WORD = 8;

  private static final List<String> NAMES = List.copyOf(SpiritAbi.functions().keySet());

  private Caller() {}

  /**
   * What it answers.
   *
   * @param result what the host function answered; 0 of one without a result
   * @param turns how many messages it has handled in its life
   * @param argument what it was spawned with
   */
  record Reply(long result, long turns, long argument) {}

  static byte[] module() {
    StringBuilder imports = new StringBuilder();
    StringBuilder calls = new StringBuilder();
    SpiritAbi.functions()
        .forEach(
            (name, type) -> {
              imports.append(
                  "(import \"spirit\" \"%s\" (func $%s %s %s))\n"
                      .formatted(
                          name,
                          name,
                          types("param", type.parameters()),
                          types("result", type.results())));
              calls.append(
                  "(if (i64.eq (i64.load (local.get $p)) (i64.const %d)) (then %s))\n"
                      .formatted(NAMES.indexOf(name), call(name, type)));
            });
    return Wat2Wasm.parse(
        """
        (module
          %s
          (memory (export "memory") 1)
          (global $busy (mut i32) (i32.const 0))
          (global $turns (mut i64) (i64.const 0))
          (global $argument (mut i64) (i64.const 0))
          (func (export "spirit_abi_1"))
          ;; The message, or else a tuple that the host hands over in the same turn.
          (func (export "spirit_alloc") (param i32) (result i32)
            (select (i32.const 0x8000) (i32.const 0x1000) (global.get $busy)))
          (func (export "spirit_init") (param $p i32) (param $l i32) (result i32)
            (if (i32.ge_u (local.get $l) (i32.const 8))
              (then (global.set $argument (i64.load (local.get $p)))))
            (i32.const 0))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (local $result i64)
            (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
            (global.set $busy (i32.const 1))
            (if (local.get $l) (then %s))
            (global.set $busy (i32.const 0))
            (i64.store (i32.const 0x10) (local.get $result))
            (i64.store (i32.const 0x18) (global.get $turns))
            (i64.store (i32.const 0x20) (global.get $argument))
            (i64.const 0x1000000018)))
        """
            .formatted(imports, calls));
  }

  private static String types(String kind, List<ValueType> types) {
    return types.isEmpty()
        ? ""
        : types.stream().map(Caller::text).collect(Collectors.joining(" ", "(" + kind + " ", ")"));
  }

  private static String text(ValueType type) {
    return type == ValueType.I64 ? "i64" : "i32";
  }

  private static String call(String name, FunctionType type) {
    StringBuilder call = new StringBuilder("(call $").append(name);
    for (int i = 0; i < type.parameters().size(); i++) {
      String load = "(i64.load offset=" + (i + 1) * WORD + " (local.get $p))";
      call.append(type.parameters().get(i) == ValueType.I64 ? load : "(i32.wrap_i64 " + load + ")");
    }
    call.append(')');
    if (type.results().isEmpty()) {
      return call.toString();
    }
    return "(local.set $result "
        + (type.results().get(0) == ValueType.I64 ? call : "(i64.extend_i32_s " + call + ")")
        + ")";
  }

  /** A message with the arguments as they are. */
  static byte[] raw(String function, long... arguments) {
    ByteBuffer message =
        ByteBuffer.allocate(WORD * (1 + arguments.length)).order(ByteOrder.LITTLE_ENDIAN);
    message.putLong(NAMES.indexOf(function));
    for (long argument : arguments) {
      message.putLong(argument);
    }
    return message.array();
  }

  /** A message whose arguments are numbers, or texts and bytes that become pointer and length. */
  static byte[] message(String function, Object... arguments) {
    int words = SpiritAbi.functions().get(function).parameters().size();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    List<Long> values = new ArrayList<>();
    for (Object argument : arguments) {
      if (argument instanceof Number number) {
        values.add(number.longValue());
      } else {
        byte[] bytes = argument instanceof byte[] b ? b : argument.toString().getBytes(UTF_8);
        values.add((long) PAYLOAD + WORD * (1L + words) + data.size());
        values.add((long) bytes.length);
        data.writeBytes(bytes);
      }
    }
    byte[] head = raw(function, values.stream().mapToLong(Long::longValue).toArray());
    return ByteBuffer.allocate(head.length + data.size()).put(head).put(data.toByteArray()).array();
  }

  /** Has a Spirit of this kind call a function. */
  static Reply call(TestNode node, String spirit, String function, Object... arguments) {
    return reply(node.askBytes(spirit, "call", message(function, arguments)));
  }

  /** Asks it for its turns and argument alone. */
  static Reply look(TestNode node, String spirit) {
    return reply(node.askBytes(spirit, "call", new byte[0]));
  }

  static Reply reply(byte[] bytes) {
    ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    return new Reply(words.getLong(), words.getLong(), words.getLong());
  }
}
