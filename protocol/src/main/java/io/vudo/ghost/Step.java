package io.vudo.ghost;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One step of a {@link Ghost}: a call of a function of a member.
 *
 * @param name by which others take its result
 * @param member whose function it calls
 * @param function its name
 * @param arguments what it passes
 * @param after steps that must be done before, though nothing of theirs is taken
 * @param result what the function's answer is read as; empty leaves it to the function, whose texts
 *     and bytes are then numbers that point at them
 * @param timeout how long it may take, waiting for its member included; empty for as long as the
 *     member's own limits and the Ghost's time allow
 */
public record Step(
    String name,
    String member,
    String function,
    List<Argument> arguments,
    List<String> after,
    Optional<Ghost.Type> result,
    Optional<Duration> timeout) {

  /** What a step passes. */
  public sealed interface Argument permits From, Constant {}

  /**
   * The value of an input, or the result of a step.
   *
   * @param name of it
   */
  public record From(String name) implements Argument {
    boolean names(Ghost.Input input) {
      return input.name().equals(name);
    }
  }

  /**
   * The same value in every call.
   *
   * @param value an Integer, Long, Float, Double, Boolean or String
   */
  public record Constant(Object value) implements Argument {}

  /** Copies the lists. */
  public Step {
    Objects.requireNonNull(name);
    Objects.requireNonNull(member);
    Objects.requireNonNull(function);
    arguments = List.copyOf(arguments);
    after = List.copyOf(after);
    Objects.requireNonNull(result);
    Objects.requireNonNull(timeout);
  }

  /**
   * A step.
   *
   * @param name by which others take its result
   * @param member whose function it calls
   * @param function its name
   * @param arguments {@link #from} what there is, or constants: Integer, Long, Float, Double,
   *     Boolean, String
   * @throws VudoException {@code GHOST_INVALID} for another constant
   */
  public static Step call(String name, String member, String function, Object... arguments) {
    return new Step(
        name,
        member,
        function,
        Arrays.stream(arguments).map(argument -> argument(name, argument)).toList(),
        List.of(),
        Optional.empty(),
        Optional.empty());
  }

  private static Argument argument(String step, Object argument) {
    if (argument instanceof Argument known) {
      return known;
    }
    if (argument instanceof Integer
        || argument instanceof Long
        || argument instanceof Float
        || argument instanceof Double
        || argument instanceof Boolean
        || argument instanceof String) {
      return new Constant(argument);
    }
    throw new VudoException(
        ErrorCode.GHOST_INVALID,
        "Step "
            + step
            + " passes "
            + (argument == null ? "null" : "a " + argument.getClass().getName())
            + "; a constant is a number, a boolean or a text.");
  }

  /** The value of an input or the result of a step, as an argument. */
  public static From from(String inputOrStep) {
    return new From(Objects.requireNonNull(inputOrStep));
  }

  /** This step, begun only after these, though it takes nothing of them. */
  public Step runsAfter(String... steps) {
    return new Step(name, member, function, arguments, List.of(steps), result, timeout);
  }

  /** This step, with its answer read as this. */
  public Step answers(Ghost.Type type) {
    return new Step(name, member, function, arguments, after, Optional.of(type), timeout);
  }

  /** This step, with a time of its own. */
  public Step within(Duration atMost) {
    return new Step(name, member, function, arguments, after, result, Optional.of(atMost));
  }

  /** For example {@code step total (calc.add)}. */
  @Override
  public String toString() {
    return "step " + name + " (" + member + "." + function + ")";
  }
}
