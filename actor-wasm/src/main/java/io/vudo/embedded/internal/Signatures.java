package io.vudo.embedded.internal;

import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which types of Java fit the functions of a module. Nothing is ever rounded. */
public final class Signatures {
  /** What a value may be passed to besides its own type; Java widens. */
  private static final Map<ValueType, Set<Class<?>>> PASSED =
      Map.of(
          ValueType.I32, Set.of(int.class, short.class, byte.class, boolean.class),
          ValueType.I64, Set.of(long.class, int.class, short.class, byte.class, boolean.class),
          ValueType.F32, Set.of(float.class, short.class, byte.class),
          ValueType.F64, Set.of(double.class, float.class, int.class, short.class, byte.class));

  private static final Map<ValueType, Set<Class<?>>> ANSWERED =
      Map.of(
          ValueType.I32, Set.of(int.class, boolean.class, long.class),
          ValueType.I64, Set.of(long.class),
          ValueType.F32, Set.of(float.class, double.class),
          ValueType.F64, Set.of(double.class));

  private static final Map<ValueType, Class<?>> OWN =
      Map.of(
          ValueType.I32, int.class,
          ValueType.I64, long.class,
          ValueType.F32, float.class,
          ValueType.F64, double.class);

  private Signatures() {}

  /** How many parameters a value of this type takes. */
  public static int slots(Class<?> type) {
    return Values.isBuffer(type) ? 2 : 1;
  }

  /** Whether values of these types, none of them boxed, are what a function takes. */
  public static boolean takes(FunctionType type, List<Class<?>> arguments) {
    List<ValueType> parameters = type.parameters();
    int next = 0;
    for (Class<?> argument : arguments) {
      int slots = slots(argument);
      boolean fits =
          next + slots <= parameters.size()
              && (slots == 2
                  ? parameters.get(next) == ValueType.I32
                      && parameters.get(next + 1) == ValueType.I32
                  : PASSED.getOrDefault(parameters.get(next), Set.of()).contains(argument));
      if (!fits) {
        return false;
      }
      next += slots;
    }
    return next == parameters.size();
  }

  /** Whether a function's answer can be read as this; Object takes whatever it is. */
  public static boolean answers(FunctionType type, Class<?> result) {
    List<ValueType> results = type.results();
    if (result == void.class) {
      return results.isEmpty();
    }
    if (result == Object.class) {
      return results.stream().allMatch(Values::isNumeric);
    }
    if (results.size() != 1) {
      return false;
    }
    return Values.isBuffer(result)
        ? results.get(0) == ValueType.I64
        : ANSWERED.getOrDefault(results.get(0), Set.of()).contains(result);
  }

  /** What a function answers when nobody says more: void for nothing, List for several. */
  public static Class<?> own(FunctionType type) {
    return switch (type.results().size()) {
      case 0 -> void.class;
      case 1 -> OWN.getOrDefault(type.results().get(0), Object.class);
      default -> List.class;
    };
  }

  /** What {@link Calls#call} answered as this type; a text and bytes were read by it. */
  public static Object result(Class<?> type, Object value) {
    if (type == String.class) {
      return value == null ? null : Utf8.decode((byte[]) value);
    }
    if (type == boolean.class) {
      return (Integer) value != 0;
    }
    if (type == long.class) {
      return ((Number) value).longValue();
    }
    return type == double.class ? (Object) ((Number) value).doubleValue() : value;
  }
}
