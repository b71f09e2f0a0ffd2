package io.vudo.ghost;

import io.vudo.ghost.internal.GhostToml;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A composition of Spirits, which is called as if it was one: steps that each call a function of a
 * member, and pass their results on. This is the declaration alone; it knows no Spirits but the
 * names of its members, and who runs it says which Spirits these are.
 *
 * <pre>{@code
 * Ghost price =
 *     Ghost.named("price")
 *         .input("quantity", Ghost.Type.INT)
 *         .step(Step.call("net", "calc", "multiply", Step.from("quantity"), 25))
 *         .step(Step.call("tax", "tax", "of", Step.from("net")))
 *         .step(Step.call("total", "calc", "add", Step.from("net"), Step.from("tax")))
 *         .build();
 * }</pre>
 *
 * <p>A step begins when all that it takes is there, whatever the order in which steps are declared:
 * steps that take the same value fan out and run side by side, and one that takes several results
 * gathers them. A step that fails ends the Ghost; see {@link GhostResult}.
 *
 * <p>Immutable; thread-safe.
 */
public final class Ghost {
  /** How long a Ghost may take that says nothing else. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

  /** The most steps, and the most inputs. */
  public static final int MAX_STEPS = 100;

  private static final Duration MIN_TIMEOUT = Duration.ofMillis(1);
  private static final Duration MAX_TIMEOUT = Duration.ofHours(1);
  private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_-]{0,63}");
  private static final int MAX_NAME_CHARS = 300;

  /** What an input or a result can be. In TOML the names are in lower case. */
  public enum Type {
    /** An Integer. */
    INT,
    /** A Long. */
    LONG,
    /** A Float. */
    FLOAT,
    /** A Double. */
    DOUBLE,
    /** A Boolean. */
    BOOLEAN,
    /** A String. */
    TEXT,
    /** A byte[]. */
    BYTES;

    /** The name in TOML. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The value as one of this type, or null when it is none; nothing is ever rounded. */
    private Object accept(Object value) {
      boolean small = value instanceof Integer || value instanceof Short || value instanceof Byte;
      return switch (this) {
        case INT -> small ? ((Number) value).intValue() : null;
        case LONG -> small || value instanceof Long ? ((Number) value).longValue() : null;
        case FLOAT ->
            value instanceof Float || (small && !(value instanceof Integer))
                ? ((Number) value).floatValue()
                : null;
        case DOUBLE ->
            small || value instanceof Float || value instanceof Double
                ? ((Number) value).doubleValue()
                : null;
        case BOOLEAN -> value instanceof Boolean ? value : null;
        case TEXT -> value instanceof String ? value : null;
        case BYTES -> value instanceof byte[] ? value : null;
      };
    }
  }

  /**
   * What a caller passes.
   *
   * @param name by which steps take it
   * @param type of its value
   */
  public record Input(String name, Type type) {}

  private final String name;
  private final List<Input> inputs;
  private final List<Step> steps;
  private final List<String> outputs;
  private final Duration timeout;

  private Ghost(
      String name, List<Input> inputs, List<Step> steps, List<String> outputs, Duration timeout) {
    this.name = name;
    this.inputs = inputs;
    this.steps = steps;
    this.outputs = outputs;
    this.timeout = timeout;
  }

  // Declaring

  /** Begins a Ghost; {@link Builder#build} checks the name. */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /**
   * Reads a declaration in TOML; see {@link io.vudo.ghost}.
   *
   * @throws VudoException {@code GHOST_INVALID}, naming the line or the step
   */
  public static Ghost parse(String toml) {
    return GhostToml.parse(toml);
  }

  /**
   * Reads a file in TOML.
   *
   * @throws VudoException {@code REQUEST_INVALID} when the file cannot be read; as {@link #parse}
   */
  public static Ghost load(Path toml) {
    return GhostToml.load(toml);
  }

  // What it says

  /** Its name, for people. */
  public String name() {
    return name;
  }

  /** What callers pass, in this order. */
  public List<Input> inputs() {
    return inputs;
  }

  /** Its steps, in the order in which they were declared. */
  public List<Step> steps() {
    return steps;
  }

  /** The steps whose results it answers; one at least. */
  public List<String> outputs() {
    return outputs;
  }

  /** How long a call of it may take, from its beginning to its end. */
  public Duration timeout() {
    return timeout;
  }

  /** The steps that have to be done before this one, directly. */
  public Set<String> before(Step step) {
    Set<String> all = new LinkedHashSet<>(step.after());
    for (Step.Argument argument : step.arguments()) {
      if (argument instanceof Step.From from && inputs.stream().noneMatch(from::names)) {
        all.add(from.name());
      }
    }
    return Collections.unmodifiableSet(all);
  }

  /**
   * Checks what a caller passes.
   *
   * @return the values by the names of the inputs, each of exactly the input's type
   * @throws VudoException {@code ARGUMENT_INVALID}
   */
  public Map<String, Object> accept(Object... values) {
    if (values.length != inputs.size()) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          this + " takes " + inputs.size() + " values; got " + values.length + ".");
    }
    Map<String, Object> accepted = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i++) {
      Input input = inputs.get(i);
      Object value = input.type().accept(values[i]);
      if (value == null) {
        throw new VudoException(
            ErrorCode.ARGUMENT_INVALID,
            this
                + ": "
                + input.name()
                + " is "
                + (values[i] == null ? "null" : "a " + values[i].getClass().getSimpleName())
                + ".");
      }
      accepted.put(input.name(), value);
    }
    return accepted;
  }

  /** For example {@code Ghost price(quantity int)}. */
  @Override
  public String toString() {
    return "Ghost "
        + name
        + inputs.stream()
            .map(input -> input.name() + " " + input.type())
            .collect(Collectors.joining(", ", "(", ")"));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Ghost ghost
        && name.equals(ghost.name)
        && inputs.equals(ghost.inputs)
        && steps.equals(ghost.steps)
        && outputs.equals(ghost.outputs)
        && timeout.equals(ghost.timeout);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, inputs, steps, outputs, timeout);
  }

  /** Puts a {@link Ghost} together; all checks are {@link #build}'s. Not thread-safe. */
  public static final class Builder {
    private final String name;
    private final List<Input> inputs = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private List<String> outputs = List.of();
    private Duration timeout = DEFAULT_TIMEOUT;

    private Builder(String name) {
      this.name = Objects.requireNonNull(name);
    }

    /** Adds a value that callers pass, behind those there are. */
    public Builder input(String input, Type type) {
      inputs.add(new Input(Objects.requireNonNull(input), Objects.requireNonNull(type)));
      return this;
    }

    /** Adds a step. */
    public Builder step(Step step) {
      steps.add(Objects.requireNonNull(step));
      return this;
    }

    /**
     * Adds a step to a pipeline: it takes the result of the step that was added last, or, as the
     * first one, all inputs that were added so far.
     *
     * @param step its name
     * @param member whose function it calls
     * @param function its name
     */
    public Builder then(String step, String member, String function) {
      return step(Step.call(step, member, function, piped()));
    }

    private Object[] piped() {
      return steps.isEmpty()
          ? inputs.stream().map(input -> Step.from(input.name())).toArray()
          : new Object[] {Step.from(steps.get(steps.size() - 1).name())};
    }

    /**
     * Says which results it answers; without this, that of the step that was added last. One is
     * answered as it is, several as a map by the names of the steps.
     */
    public Builder output(String... ofSteps) {
      outputs = List.of(ofSteps);
      return this;
    }

    /** How long a call may take; without this, {@link #DEFAULT_TIMEOUT}. */
    public Builder timeout(Duration atMost) {
      timeout = Objects.requireNonNull(atMost);
      return this;
    }

    /**
     * The Ghost.
     *
     * @throws VudoException {@code GHOST_INVALID} for a name that cannot be or is used twice, a
     *     step that takes what there is not, steps that wait for each other, a time that cannot be
     */
    public Ghost build() {
      requireName("the Ghost", name);
      if (steps.isEmpty() || steps.size() > MAX_STEPS || inputs.size() > MAX_STEPS) {
        throw invalid(
            "it has "
                + steps.size()
                + " steps and "
                + inputs.size()
                + " inputs; 1 to "
                + MAX_STEPS
                + " steps and up to as many inputs are possible.");
      }
      requireTimeout("it", timeout);
      Set<String> names = new LinkedHashSet<>();
      inputs.forEach(input -> requireNew("an input", input.name(), names));
      steps.forEach(step -> requireNew("a step", step.name(), names));
      steps.forEach(step -> check(step, names));
      List<String> answered =
          outputs.isEmpty() ? List.of(steps.get(steps.size() - 1).name()) : outputs;
      if (new HashSet<>(answered).size() < answered.size()) {
        throw invalid("it answers the same twice: " + String.join(", ", answered) + ".");
      }
      answered.forEach(output -> requireStep("it answers", output));
      Ghost ghost =
          new Ghost(name, List.copyOf(inputs), List.copyOf(steps), List.copyOf(answered), timeout);
      refuseCycles(ghost);
      return ghost;
    }

    private void requireName(String what, String text) {
      if (!NAME.matcher(text).matches()) {
        throw invalid(
            "\""
                + text
                + "\" cannot be the name of "
                + what
                + ": a letter, and up to 63 of letters, digits, '_' and '-'.");
      }
    }

    private void requireNew(String what, String text, Set<String> names) {
      requireName(what, text);
      if (!names.add(text)) {
        throw invalid("two inputs or steps are named " + text + ".");
      }
    }

    private void requireTimeout(String who, Duration time) {
      if (time.compareTo(MIN_TIMEOUT) < 0 || time.compareTo(MAX_TIMEOUT) > 0) {
        throw invalid(
            who
                + " has "
                + time
                + "; it must lie between 1 ms and "
                + MAX_TIMEOUT.toMillis()
                + " ms.");
      }
    }

    private void check(Step step, Set<String> names) {
      String who = "step " + step.name();
      if (step.member().isBlank() || step.member().length() > MAX_NAME_CHARS) {
        throw invalid(who + " needs a member, of up to " + MAX_NAME_CHARS + " characters.");
      }
      if (step.function().isBlank() || step.function().length() > MAX_NAME_CHARS) {
        throw invalid(who + " needs a function, of up to " + MAX_NAME_CHARS + " characters.");
      }
      step.timeout().ifPresent(time -> requireTimeout(who, time));
      for (Step.Argument argument : step.arguments()) {
        if (argument instanceof Step.From from && !names.contains(from.name())) {
          throw invalid(
              who
                  + " takes "
                  + from.name()
                  + ", which is neither an input nor a step; there is "
                  + String.join(", ", names)
                  + ".");
        }
      }
      step.after().forEach(other -> requireStep(who + " comes after", other));
    }

    private void requireStep(String who, String step) {
      if (steps.stream().noneMatch(known -> known.name().equals(step))) {
        throw invalid(
            who
                + " "
                + step
                + ", which is no step; there is "
                + steps.stream().map(Step::name).collect(Collectors.joining(", "))
                + ".");
      }
    }

    private void refuseCycles(Ghost ghost) {
      Map<String, Step> byName = steps.stream().collect(Collectors.toMap(Step::name, step -> step));
      Set<String> done = new HashSet<>();
      for (Step step : steps) {
        follow(ghost, step, byName, done, new LinkedHashSet<>());
      }
    }

    private void follow(
        Ghost ghost, Step step, Map<String, Step> byName, Set<String> done, Set<String> way) {
      if (done.contains(step.name())) {
        return;
      }
      if (!way.add(step.name())) {
        List<String> cycle = new ArrayList<>(way);
        cycle = cycle.subList(cycle.indexOf(step.name()), cycle.size());
        throw invalid(
            "steps wait for each other: "
                + String.join(" for ", cycle)
                + " for "
                + step.name()
                + ".");
      }
      for (String before : ghost.before(step)) {
        follow(ghost, byName.get(before), byName, done, way);
      }
      way.remove(step.name());
      done.add(step.name());
    }

    private VudoException invalid(String reason) {
      return new VudoException(ErrorCode.GHOST_INVALID, name + ": " + reason);
    }
  }
}
