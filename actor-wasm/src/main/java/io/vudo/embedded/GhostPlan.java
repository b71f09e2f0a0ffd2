package io.vudo.embedded;

import io.vudo.embedded.internal.Signatures;
import io.vudo.embedded.internal.Values;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** A Ghost whose steps are known to fit the functions of these Spirits. Immutable. */
final class GhostPlan {
  private static final Map<Ghost.Type, Class<?>> CLASSES =
      Map.of(
          Ghost.Type.INT, int.class,
          Ghost.Type.LONG, long.class,
          Ghost.Type.FLOAT, float.class,
          Ghost.Type.DOUBLE, double.class,
          Ghost.Type.BOOLEAN, boolean.class,
          Ghost.Type.TEXT, String.class,
          Ghost.Type.BYTES, byte[].class);

  private static final Map<Class<?>, Class<?>> UNBOXED =
      Map.of(
          Integer.class, int.class,
          Long.class, long.class,
          Float.class, float.class,
          Double.class, double.class,
          Boolean.class, boolean.class);

  /**
   * A step that can be called.
   *
   * @param step as it was declared
   * @param spirit its member
   * @param before the steps that it waits for
   * @param arguments what it passes, constants as the function takes them
   * @param result what the answer is read as
   */
  record Planned(
      Step step,
      Spirit spirit,
      Set<String> before,
      List<Step.Argument> arguments,
      Class<?> result) {

    /** Calls the function. */
    Object call(long atMostNanos, Object[] values) {
      Object answer = spirit.call(atMostNanos, Values.isBuffer(result), step.function(), values);
      return Signatures.result(result, answer);
    }
  }

  private final Ghost ghost;
  private final Map<String, Spirit> members;
  private final Map<String, Planned> steps = new LinkedHashMap<>();

  private GhostPlan(Ghost ghost, Map<String, Spirit> members) {
    this.ghost = ghost;
    this.members = members;
  }

  /**
   * Checks a Ghost.
   *
   * @param members all that it has
   * @throws VudoException {@code FUNCTION_NOT_FOUND}, {@code GHOST_MISMATCH}
   */
  static GhostPlan of(Ghost ghost, Map<String, Spirit> members) {
    GhostPlan plan = new GhostPlan(ghost, members);
    Map<String, Class<?>> types = new HashMap<>();
    ghost.inputs().forEach(input -> types.put(input.name(), CLASSES.get(input.type())));
    // What they answer, before what others take of it: steps come in any order.
    for (Step step : ghost.steps()) {
      types.put(step.name(), plan.result(step));
    }
    for (Step step : ghost.steps()) {
      plan.steps.put(step.name(), plan.planned(step, types));
    }
    return plan;
  }

  private FunctionType type(Step step) {
    Map<String, FunctionType> functions = members.get(step.member()).functions();
    FunctionType type = functions.get(step.function());
    if (type == null) {
      throw new VudoException(
          ErrorCode.FUNCTION_NOT_FOUND,
          where(ghost, step)
              + "there is no \""
              + step.function()
              + "\"; "
              + step.member()
              + " exports "
              + String.join(", ", functions.keySet())
              + ".");
    }
    return type;
  }

  private Class<?> result(Step step) {
    FunctionType type = type(step);
    Class<?> result =
        step.result().<Class<?>>map(CLASSES::get).orElseGet(() -> Signatures.own(type));
    if (!Signatures.answers(type, step.result().isPresent() ? result : Object.class)) {
      throw mismatch(
          step,
          "its function is "
              + type
              + "; its answer cannot be read as "
              + result.getSimpleName()
              + ".");
    }
    return result;
  }

  private Planned planned(Step step, Map<String, Class<?>> types) {
    FunctionType type = type(step);
    List<Class<?>> passed = new ArrayList<>();
    List<Step.Argument> arguments = new ArrayList<>();
    int next = 0;
    for (Step.Argument argument : step.arguments()) {
      Step.Argument fitting = argument;
      Class<?> its;
      if (argument instanceof Step.Constant constant) {
        Object value = asTaken(constant.value(), type.parameters(), next);
        fitting = new Step.Constant(value);
        its = UNBOXED.getOrDefault(value.getClass(), value.getClass());
      } else {
        its = types.get(((Step.From) argument).name());
      }
      arguments.add(fitting);
      passed.add(its);
      next += Signatures.slots(its);
    }
    if (!Signatures.takes(type, passed)) {
      throw mismatch(
          step,
          "its function is "
              + type
              + "; it passes "
              + passed.stream()
                  .map(Class::getSimpleName)
                  .collect(Collectors.joining(", ", "(", ")"))
              + ".");
    }
    return new Planned(
        step,
        members.get(step.member()),
        ghost.before(step),
        List.copyOf(arguments),
        types.get(step.name()));
  }

  /** TOML has one kind of decimals: they are floats, too, where nothing is lost by it. */
  private static Object asTaken(Object value, List<ValueType> parameters, int at) {
    if (value instanceof Double number
        && at < parameters.size()
        && parameters.get(at) == ValueType.F32
        && Double.compare(number.floatValue(), number) == 0) {
      return number.floatValue();
    }
    return value;
  }

  private VudoException mismatch(Step step, String reason) {
    return new VudoException(ErrorCode.GHOST_MISMATCH, where(ghost, step) + reason);
  }

  private static String where(Ghost ghost, Step step) {
    return "Ghost " + ghost.name() + ", " + step + ": ";
  }

  /** A failure of a step, which says so. */
  static VudoException inStep(Ghost ghost, Step step, VudoException failure) {
    return new VudoException(failure.code(), where(ghost, step) + failure.detail(), failure);
  }

  /** Whether these are the very Spirits that were checked. */
  boolean isOf(Map<String, Spirit> others) {
    return members.equals(others);
  }

  Ghost ghost() {
    return ghost;
  }

  /** All steps, in the order in which they were declared. */
  Map<String, Planned> steps() {
    return steps;
  }
}
