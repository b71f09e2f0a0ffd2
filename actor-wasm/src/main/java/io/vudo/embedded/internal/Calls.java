package io.vudo.embedded.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Calls of a guest's exports with Java's values. Thread-safe. */
public final class Calls {
  private final EmbeddedGuest guest;
  private final Heap heap;

  /** Of this guest, which gets texts and bytes as blocks of the heap. */
  public Calls(EmbeddedGuest guest, Heap heap) {
    this.guest = guest;
    this.heap = heap;
  }

  /**
   * Calls an export.
   *
   * @param atMostNanos how long it may take, if that is less than the limits say
   * @param packed whether the result packs pointer and length, and what they point at is wanted
   * @return null, a boxed number, or a list of them when the function has several results; the
   *     bytes or null when packed
   * @throws VudoException {@code FUNCTION_NOT_FOUND}, {@code ARGUMENT_INVALID}; what the call
   *     failed with
   */
  public Object call(long atMostNanos, boolean packed, String function, Object... arguments) {
    FunctionType type = typeOf(function);
    check(function, type, arguments);
    return guest.turn(atMostNanos, () -> run(packed, function, type, arguments));
  }

  /**
   * The signature of an export.
   *
   * @throws VudoException {@code FUNCTION_NOT_FOUND}, listing those there are
   */
  private FunctionType typeOf(String function) {
    Map<String, FunctionType> exports = guest.module().exportedFunctions();
    FunctionType type = exports.get(function);
    if (type == null) {
      throw new VudoException(
          ErrorCode.FUNCTION_NOT_FOUND,
          "There is no \""
              + function
              + "\"; it exports "
              + String.join(", ", exports.keySet())
              + ".");
    }
    return type;
  }

  /** Before anything runs, so that a wrong call leaves no trace. */
  private static void check(String function, FunctionType type, Object[] arguments) {
    String signature = function + " " + type;
    List<ValueType> parameters = type.parameters();
    for (ValueType result : type.results()) {
      requireNumeric(signature, result);
    }
    int next = 0;
    for (int i = 0; i < arguments.length; i++) {
      Object argument = arguments[i];
      int slots = isBuffer(argument) ? 2 : 1;
      if (next + slots > parameters.size()) {
        throw wrongCount(signature, parameters.size(), arguments);
      }
      requireNumeric(signature, parameters.get(next));
      boolean fits =
          slots == 2
              ? parameters.get(next) == ValueType.I32 && parameters.get(next + 1) == ValueType.I32
              : Values.bits(parameters.get(next), argument).isPresent();
      if (!fits) {
        throw new VudoException(
            ErrorCode.ARGUMENT_INVALID,
            signature
                + ": argument "
                + (i + 1)
                + " is "
                + describe(argument)
                + "; it must be "
                + (slots == 2 ? "a number" : "of " + parameters.get(next))
                + ".");
      }
      next += slots;
    }
    if (next != parameters.size()) {
      throw wrongCount(signature, parameters.size(), arguments);
    }
  }

  private static VudoException wrongCount(String signature, int parameters, Object[] arguments) {
    return new VudoException(
        ErrorCode.ARGUMENT_INVALID,
        signature
            + " takes "
            + parameters
            + " values; got "
            + arguments.length
            + (Arrays.stream(arguments).anyMatch(Calls::isBuffer)
                ? ", of which texts and bytes are two (pointer and length)."
                : "."));
  }

  private static void requireNumeric(String signature, ValueType type) {
    if (!Values.isNumeric(type)) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, signature + ": Java has no value of " + type + ".");
    }
  }

  private static String describe(Object argument) {
    return argument == null
        ? "null"
        : "a "
            + argument.getClass().getSimpleName()
            + (argument instanceof Number n ? " " + n : "");
  }

  private static boolean isBuffer(Object argument) {
    return argument instanceof String || argument instanceof byte[];
  }

  private Object run(boolean packed, String function, FunctionType type, Object[] arguments) {
    heap.begin();
    List<Heap.Block> borrowed = new ArrayList<>();
    try {
      long[] bits = bits(type, arguments, borrowed);
      heap.lend(borrowed);
      long[] results = guest.invoke(function, bits);
      return packed ? bytes(results[0]) : value(type.results(), results);
    } finally {
      if (!guest.isClosed()) {
        heap.free(borrowed);
      }
    }
  }

  private byte[] bytes(long packed) {
    return packed == 0 ? null : guest.read(Values.pointer(packed), Values.length(packed));
  }

  private long[] bits(FunctionType type, Object[] arguments, List<Heap.Block> borrowed) {
    long[] bits = new long[type.parameters().size()];
    int next = 0;
    for (Object argument : arguments) {
      if (isBuffer(argument)) {
        byte[] bytes = argument instanceof String text ? Utf8.encode(text) : (byte[]) argument;
        if (bytes.length > 0) {
          Heap.Block block = heap.store(bytes);
          borrowed.add(block);
          bits[next] = block.address();
        }
        bits[next + 1] = bytes.length;
        next += 2;
      } else {
        bits[next] = Values.bits(type.parameters().get(next), argument).orElseThrow();
        next++;
      }
    }
    return bits;
  }

  private static Object value(List<ValueType> types, long[] results) {
    if (types.isEmpty()) {
      return null;
    }
    if (types.size() == 1) {
      return Values.value(types.get(0), results[0]);
    }
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < results.length; i++) {
      values.add(Values.value(types.get(i), results[i]));
    }
    return List.copyOf(values);
  }
}
