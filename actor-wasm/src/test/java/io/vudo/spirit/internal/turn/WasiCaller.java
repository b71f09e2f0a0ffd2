package io.vudo.spirit.internal.turn;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.google.protobuf.ByteString;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A Spirit that calls the WASI functions which a message names, with the arguments it carries, and
 * replies all of its memory.
 *
 * <p>A message is the number of calls, each call in {@link #CALL_BYTES}, and from {@link #DATA} on
 * bytes for the calls to point to.
 */
final class WasiCaller {
  static final int MEMORY = 65_536;

  /** Where bytes of a message lie that calls may point to. */
  static final int DATA = 0x4000;

  /** A place that nothing else uses. */
  static final int FREE = 0xc000;

  static final List<String> NAMES = List.copyOf(SpiritAbi.wasiFunctions().keySet());

  private static final int PAYLOAD = 0x1000;
  private static final int RESULTS = 0x100;
  private static final int MAX_ARGUMENTS = 9;
  private static final int WORD = 8;

  /** Function, repetitions, arguments. */
  private static final int CALL_BYTES = (2 + MAX_ARGUMENTS) * WORD;

  private WasiCaller() {}

  /** One call, made {@code times} times. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Call(String function, int times, long... arguments) {}

  static Call call(String function, long... arguments) {
    return new Call(function, 1, arguments);
  }

  static byte[] module() {
    StringBuilder imports = new StringBuilder();
    StringBuilder calls = new StringBuilder();
    SpiritAbi.wasiFunctions()
        .forEach(
            (name, type) -> {
              imports.append(imported(name, type));
              calls.append(
                  "(if (i64.eq (i64.load (local.get $c)) (i64.const %d)) (then %s))\n"
                      .formatted(NAMES.indexOf(name), wat(name, type)));
            });
    return Wat2Wasm.parse(
        """
        (module
          %s
          (memory (export "memory") 1)
          (global $turns (export "turns") (mut i64) (i64.const 0))
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const %d))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (local $c i32) (local $left i64) (local $result i64) (local $to i32) (local $again i64)
            (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
            (i64.store (i32.const 0) (global.get $turns))
            (if (i32.eqz (local.get $l)) (then (return (i64.const %d))))
            (local.set $left (i64.load (local.get $p)))
            (local.set $c (i32.add (local.get $p) (i32.const 8)))
            (local.set $to (i32.const %d))
            (loop $next
              (local.set $again (i64.load offset=8 (local.get $c)))
              (loop $same
                (local.set $result (i64.const 0))
                %s
                (local.set $again (i64.sub (local.get $again) (i64.const 1)))
                (br_if $same (i64.gt_s (local.get $again) (i64.const 0))))
              (i64.store (local.get $to) (local.get $result))
              (local.set $to (i32.add (local.get $to) (i32.const 8)))
              (local.set $c (i32.add (local.get $c) (i32.const %d)))
              (local.set $left (i64.sub (local.get $left) (i64.const 1)))
              (br_if $next (i64.gt_s (local.get $left) (i64.const 0))))
            (i64.const %d)))
        """
            .formatted(imports, PAYLOAD, MEMORY, RESULTS, calls, CALL_BYTES, MEMORY));
  }

  /** The import of a function in the text format. */
  static String imported(String name, FunctionType type) {
    return "(import \"%s\" \"%s\" (func $%s %s %s))\n"
        .formatted(
            SpiritAbi.WASI,
            name,
            name,
            types("param", type.parameters()),
            types("result", type.results()));
  }

  private static String types(String kind, List<ValueType> types) {
    return types.isEmpty()
        ? ""
        : types.stream()
            .map(type -> type == ValueType.I64 ? "i64" : "i32")
            .collect(Collectors.joining(" ", "(" + kind + " ", ")"));
  }

  private static String wat(String name, FunctionType type) {
    StringBuilder call = new StringBuilder("(call $").append(name);
    for (int i = 0; i < type.parameters().size(); i++) {
      String load = "(i64.load offset=" + (i + 2) * WORD + " (local.get $c))";
      call.append(type.parameters().get(i) == ValueType.I64 ? load : "(i32.wrap_i64 " + load + ")");
    }
    call.append(')');
    return type.results().isEmpty()
        ? call.toString()
        : "(local.set $result (i64.extend_i32_s " + call + "))";
  }

  /** A message with these calls and these bytes at {@link #DATA}. */
  static Message message(String id, byte[] data, Call... calls) {
    ByteBuffer bytes =
        ByteBuffer.allocate(DATA - PAYLOAD + data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(calls.length);
    for (Call call : calls) {
      int start = bytes.position();
      bytes.putLong(NAMES.indexOf(call.function())).putLong(call.times());
      for (long argument : call.arguments()) {
        bytes.putLong(argument);
      }
      bytes.position(start + CALL_BYTES);
    }
    bytes.position(DATA - PAYLOAD);
    bytes.put(data);
    return Message.newBuilder()
        .setId(id)
        .setType("call")
        .setPayload(ByteString.copyFrom(bytes.array()))
        .build();
  }

  /** The memory of a reply. */
  record Memory(ByteBuffer bytes) {
    static Memory of(byte[] reply) {
      return new Memory(ByteBuffer.wrap(reply).order(ByteOrder.LITTLE_ENDIAN));
    }

    long turns() {
      return bytes.getLong(0);
    }

    /** What the calls of this turn answered. */
    List<Long> results(int calls) {
      List<Long> results = new ArrayList<>();
      for (int i = 0; i < calls; i++) {
        results.add(bytes.getLong(RESULTS + i * WORD));
      }
      return Collections.unmodifiableList(results);
    }

    int i32(int address) {
      return bytes.getInt(address);
    }

    long i64(int address) {
      return bytes.getLong(address);
    }

    byte[] slice(int address, int length) {
      byte[] slice = new byte[length];
      bytes.get(address, slice);
      return slice;
    }

    /** The text up to a NUL. */
    String text(int address) {
      int end = address;
      while (bytes.get(end) != 0) {
        end++;
      }
      return new String(slice(address, end - address), java.nio.charset.StandardCharsets.UTF_8);
    }
  }
}
