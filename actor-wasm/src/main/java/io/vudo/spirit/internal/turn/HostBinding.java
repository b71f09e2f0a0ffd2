package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.ValueType.I32;
import static io.vudo.spirit.ValueType.I64;

import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ValueType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** The functions of one import module: names, types and bodies. Fixed once it is built. */
final class HostBinding {
  /** What a function does; a {@link GuestStatus} thrown by it is its answer. */
  @FunctionalInterface
  interface Body {
    long call(HostContext host, EngineInstance guest, long[] a);
  }

  private record Entry(FunctionType type, Body body) {}

  private final String module;
  private final Map<String, Entry> table = new LinkedHashMap<>();

  /** A binding without functions. */
  HostBinding(String module) {
    this.module = module;
  }

  /**
   * Adds a function.
   *
   * @param parameters one letter each: {@code i} is i32, {@code l} is i64
   * @param results the same
   */
  HostBinding define(String name, String parameters, String results, Body body) {
    table.put(name, new Entry(new FunctionType(types(parameters), types(results)), body));
    return this;
  }

  private static List<ValueType> types(String letters) {
    return letters.chars().mapToObj(letter -> letter == 'l' ? I64 : I32).toList();
  }

  /** The import module. */
  String module() {
    return module;
  }

  Optional<FunctionType> typeOf(String name) {
    return Optional.ofNullable(table.get(name)).map(Entry::type);
  }

  /** The names and types of all functions, in the order in which they were defined. */
  Map<String, FunctionType> functions() {
    Map<String, FunctionType> types = new LinkedHashMap<>();
    table.forEach((name, entry) -> types.put(name, entry.type()));
    return types;
  }

  /** The function for an import; {@code current} is asked at each call. */
  HostFunction bind(String name, Supplier<? extends HostContext> current) {
    Body body = table.get(name).body();
    return (guest, arguments) -> {
      try {
        return body.call(current.get(), guest, arguments);
      } catch (GuestStatus status) {
        return status.status();
      }
    };
  }
}
