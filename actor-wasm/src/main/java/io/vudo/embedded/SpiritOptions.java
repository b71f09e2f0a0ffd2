package io.vudo.embedded;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engines;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Objects;

/**
 * How a Spirit is loaded. Each method answers options that differ in one thing:
 *
 * <pre>{@code
 * SpiritOptions.defaults().engine("jvm").fuel(1_000_000).timeout(Duration.ofSeconds(1))
 * }</pre>
 *
 * <p>Immutable; thread-safe. A registry of Loa is shared by all options made from these.
 */
public final class SpiritOptions {
  private final String engine;
  private final SpiritLimits limits;
  private final int initialPages;
  private final LoaRegistry loas;
  private final boolean debug;
  private final PrintStream out;
  private final PrintStream err;

  private SpiritOptions(
      String engine,
      SpiritLimits limits,
      int initialPages,
      LoaRegistry loas,
      boolean debug,
      PrintStream out,
      PrintStream err) {
    this.engine = Objects.requireNonNull(engine);
    this.limits = Objects.requireNonNull(limits);
    this.initialPages = initialPages;
    this.loas = Objects.requireNonNull(loas);
    this.debug = debug;
    this.out = Objects.requireNonNull(out);
    this.err = Objects.requireNonNull(err);
  }

  /**
   * Engine {@code wasmtime}, {@link SpiritLimits#DEFAULTS}, memory as the module says, a registry
   * of its own with {@link Loa#core}, output to that of the process.
   */
  public static SpiritOptions defaults() {
    return new SpiritOptions(
        Engines.names().get(0),
        SpiritLimits.DEFAULTS,
        0,
        new LoaRegistry(),
        false,
        System.out,
        System.err);
  }

  /**
   * The engine: {@code wasmtime} or {@code jvm}; loading fails with {@code CONFIG_INVALID} for any
   * other. With {@code jvm} the process should be started with {@code -XX:-DontCompileHugeMethods}:
   * HotSpot otherwise interprets the large functions of guests.
   */
  public SpiritOptions engine(String name) {
    return new SpiritOptions(name, limits, initialPages, loas, debug, out, err);
  }

  /** All limits; the mailbox and the payload's mean nothing here. */
  public SpiritOptions limits(SpiritLimits values) {
    return new SpiritOptions(engine, values, initialPages, loas, debug, out, err);
  }

  /**
   * Units of fuel that a call may burn, about one an instruction; then it fails with {@code
   * OUT_OF_FUEL}.
   *
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public SpiritOptions fuel(long units) {
    return limits(limits.withFuelPerTurn(units));
  }

  /**
   * How long a call may take, waiting for other calls of the Spirit included, in milliseconds; then
   * it fails with {@code TURN_TIMEOUT}.
   *
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public SpiritOptions timeout(Duration time) {
    return limits(limits.withTurnTimeoutMillis(time.toMillis()));
  }

  /**
   * How deeply calls of the guest may nest, which bounds its stack; then a call fails with {@code
   * CALL_DEPTH_EXCEEDED}.
   *
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public SpiritOptions callDepth(int calls) {
    return limits(limits.withMaxCallDepth(calls));
  }

  /**
   * The linear memory, in pages of 64 KiB.
   *
   * @param initial what it has at least when the Spirit is loaded; 0 leaves it to the module
   * @param maximum to how many it may grow; {@code memory.grow} beyond it answers -1
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public SpiritOptions memory(int initial, int maximum) {
    if (initial < 0 || initial > maximum) {
      throw new VudoException(
          ErrorCode.LIMIT_INVALID,
          "memory begins with " + initial + " pages; it must lie between 0 and " + maximum + ".");
    }
    SpiritLimits values = limits.withMaxMemoryBytes((long) maximum * SpiritLimits.PAGE_BYTES);
    return new SpiritOptions(engine, values, initial, loas, debug, out, err);
  }

  /** The Loa that the module may import from. */
  public SpiritOptions loas(LoaRegistry registry) {
    return new SpiritOptions(engine, limits, initialPages, registry, debug, out, err);
  }

  /** Whether each call is logged, with arguments, result, fuel and time, at INFO. */
  public SpiritOptions debug(boolean on) {
    return new SpiritOptions(engine, limits, initialPages, loas, on, out, err);
  }

  /** Where standard output of WASI modules goes, and their standard error and {@code log}. */
  public SpiritOptions output(PrintStream standardOut, PrintStream standardError) {
    return new SpiritOptions(engine, limits, initialPages, loas, debug, standardOut, standardError);
  }

  /** The engine's name. */
  public String engine() {
    return engine;
  }

  /** The limits. */
  public SpiritLimits limits() {
    return limits;
  }

  /** The pages that memory has at least when the Spirit is loaded. */
  public int initialPages() {
    return initialPages;
  }

  /** The Loa. */
  public LoaRegistry loas() {
    return loas;
  }

  /** Whether calls are logged. */
  public boolean debug() {
    return debug;
  }

  PrintStream out() {
    return out;
  }

  PrintStream err() {
    return err;
  }
}
