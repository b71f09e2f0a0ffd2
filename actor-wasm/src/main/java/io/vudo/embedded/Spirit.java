package io.vudo.embedded;

import io.vudo.embedded.internal.Calls;
import io.vudo.embedded.internal.EmbeddedGuest;
import io.vudo.embedded.internal.EmbeddedModules;
import io.vudo.embedded.internal.Heap;
import io.vudo.embedded.internal.SpiritInterface;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ProgramHost;
import io.vudo.spirit.SpiritAbi;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A WebAssembly module that runs in this JVM, without a node: its functions are called as Java's
 * are. What it keeps is in its memory, and gone when it is closed; a Spirit that survives belongs
 * on a node.
 *
 * <pre>{@code
 * try (Spirit spirit = Spirit.load(Path.of("calculator.wasm"))) {
 *   int sum = (Integer) spirit.call("add", 1, 2);
 *   Calculator calculator = spirit.as(Calculator.class);
 *   int again = calculator.add(1, 2);
 * }
 * }</pre>
 *
 * <p>A module passes the same admission as on a node, and runs under the same limits. It may import
 * functions of {@link Loa}, WASI preview 1, and the host functions of Spirits, of which those that
 * need a node answer that they are denied.
 *
 * <p><b>Failure.</b> When the guest's code fails (a trap, a limit, a Loa function that threw), the
 * call throws, and the Spirit is over: its memory may be half-written. Its instance is freed at
 * once, and every further call throws {@code SPIRIT_FAILED} with the cause. A call that is refused
 * before it runs ({@code FUNCTION_NOT_FOUND}, {@code ARGUMENT_INVALID}) changes nothing.
 *
 * <p><b>Threads.</b> Thread-safe: it handles one call at a time, as a Spirit on a node does. Calls
 * from several threads wait for each other, in the order in which they came, and the wait counts
 * for their timeout. A function of a Loa must not call the Spirit that waits for it: {@code
 * SPIRIT_BUSY}, also when the way leads over other Spirits; it may use its {@link MemoryManager}.
 * Guests need a large stack: a call from a {@link io.vudo.spirit.GuestThread} runs there, any other
 * is handed over, for some tens of microseconds.
 */
public final class Spirit implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Spirit.class);

  private final EmbeddedGuest guest;
  private final MemoryManager memory;
  private final Calls calls;
  private final boolean debug;

  private Spirit(EmbeddedGuest guest, Heap heap, boolean debug) {
    this.guest = guest;
    this.memory = new MemoryManager(guest, heap);
    this.calls = new Calls(guest, heap);
    this.debug = debug;
  }

  // Loading

  /** As {@link #load(Path, SpiritOptions)}, with {@link SpiritOptions#defaults()}. */
  public static Spirit load(Path module) {
    return load(module, SpiritOptions.defaults());
  }

  /**
   * Loads a module from a file.
   *
   * @throws VudoException {@code REQUEST_INVALID} when the file cannot be read; as {@link
   *     #load(byte[], SpiritOptions)}
   */
  public static Spirit load(Path module, SpiritOptions options) {
    return load(read(module), options);
  }

  private static byte[] read(Path module) {
    try {
      long size = Files.size(module);
      if (size > Admission.DEFAULT_MAX_MODULE_BYTES) {
        throw new VudoException(
            ErrorCode.MODULE_TOO_LARGE,
            module
                + " has "
                + size
                + " bytes; the limit is "
                + Admission.DEFAULT_MAX_MODULE_BYTES
                + ".");
      }
      return Files.readAllBytes(module);
    } catch (NoSuchFileException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "There is no file " + module + ".", e);
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Cannot read " + module + ": " + e.getMessage() + ".", e);
    }
  }

  /** As {@link #load(byte[], SpiritOptions)}, with {@link SpiritOptions#defaults()}. */
  public static Spirit load(byte[] module) {
    return load(module, SpiritOptions.defaults());
  }

  /**
   * Loads a module: checks it, compiles it (unless one of the last few that were loaded is the
   * same), makes an instance, and runs its start function and {@code _initialize}.
   *
   * @param module the binary, as the compiler wrote it
   * @throws VudoException {@code MODULE_…} when it is refused; {@code CAPABILITY_DENIED} when it
   *     imports a function that its Loa does not declare; {@code CONFIG_INVALID} for an unknown
   *     engine; {@code RESIDENCY_LIMIT} when the engine has too many instances; {@code
   *     LIMIT_INVALID} for memory that the module cannot have; what its start function failed with
   */
  public static Spirit load(byte[] module, SpiritOptions options) {
    LoaLinker linker = new LoaLinker(options.loas());
    AdmittedModule admitted =
        new Admission()
            .admit(
                module,
                options.limits(),
                (from, name) -> linker.find(from, name).or(() -> SpiritAbi.find(from, name)));
    EmbeddedGuest guest = new EmbeddedGuest(admitted, options.limits());
    Spirit spirit = new Spirit(guest, new Heap(guest), options.debug());
    ProgramHost host =
        new ProgramHost(
            options.limits(),
            // Each call has a deadline of its own, which ends what the host calls inside of it,
            // too.
            System.nanoTime() + Long.MAX_VALUE / 2,
            List.of("spirit"),
            Map.of(),
            options.out(),
            options.err());
    guest.start(
        EmbeddedModules.ofProcess()
            .instantiate(
                admitted,
                options.limits(),
                options.engine(),
                wanted -> spirit.function(wanted, linker, host)),
        (long) options.initialPages() * SpiritLimits.PAGE_BYTES);
    return spirit;
  }

  private HostFunction function(AdmittedModule.Import wanted, LoaLinker linker, ProgramHost host) {
    return linker
        .bind(wanted, guest, () -> memory)
        .orElseGet(() -> guest.marked(host.function(wanted)));
  }

  // Calling

  /**
   * Calls a function that the module exports.
   *
   * <p>A parameter of type i32 takes an Integer (or Short, Byte, Boolean), i64 a Long or any of
   * these, f32 a Float (Short, Byte), f64 a Double or any but Long: whatever fits without being
   * rounded. A String or a byte[] takes two i32 parameters, pointer and length: it is put into the
   * Spirit's memory for the call, and freed after it, so that the guest copies what it wants to
   * keep. Where the block came from {@code spirit_alloc} it is the guest's, as the ABI says.
   *
   * @return Integer, Long, Float or Double; null when the function has no result, and a list when
   *     it has several. A packed pointer and length is read by {@link
   *     MemoryManager#readPackedString}.
   * @throws VudoException {@code FUNCTION_NOT_FOUND} or {@code ARGUMENT_INVALID}, and nothing was
   *     called; {@code TRAP_…}, {@code OUT_OF_FUEL}, {@code CALL_DEPTH_EXCEEDED}, {@code
   *     TURN_TIMEOUT}, {@code GUEST_EXITED} or {@code LOA_FAILED}, and the Spirit is over; {@code
   *     SPIRIT_FAILED}, {@code SPIRIT_CLOSED} or {@code SPIRIT_BUSY}
   */
  public Object call(String function, Object... arguments) {
    return call(Long.MAX_VALUE, false, function, arguments);
  }

  /** As {@link Calls#call}. */
  Object call(long atMostNanos, boolean packed, String function, Object... arguments) {
    if (!debug) {
      return calls.call(atMostNanos, packed, function, arguments);
    }
    long start = System.nanoTime();
    String list = Arrays.deepToString(arguments);
    String text = function + "(" + list.substring(1, list.length() - 1) + ")";
    try {
      Object result = calls.call(atMostNanos, packed, function, arguments);
      LOG.info(
          "{} = {}; {} units of fuel, {} µs",
          text,
          result,
          guest.fuelUsed(),
          TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - start));
      return result;
    } catch (VudoException e) {
      LOG.info("{} failed: {}", text, e.getMessage());
      throw e;
    }
  }

  /**
   * The module's functions as methods of an interface. A method calls the export of its name, or of
   * its {@link Export}; {@code addAll} also finds {@code add_all} when there is no {@code addAll}.
   *
   * <p>Parameters: int, boolean, short and byte for i32, long (or these) for i64, float for f32,
   * double (or float, int, short, byte) for f64, String or byte[] for two i32. Results: int or
   * boolean for i32, long for i64 (or i32), float for f32, double for f64 (or f32), String or
   * byte[] for an i64 that packs pointer and length, void for none, Object for whatever {@link
   * #call} answers. Default methods run as they are written, and may call the others.
   *
   * @param contract the interface
   * @return an implementation, as thread-safe as this; its methods throw what {@link #call} throws
   * @throws VudoException {@code INTERFACE_MISMATCH}, naming the method and the export
   */
  public <T> T as(Class<T> contract) {
    return SpiritInterface.of(
        contract,
        guest.module().exportedFunctions(),
        (packed, function, arguments) -> call(Long.MAX_VALUE, packed, function, arguments),
        "Spirit " + guest.module().digest().abbreviated());
  }

  /** Its memory. */
  public MemoryManager memory() {
    return memory;
  }

  /** The functions that can be called, with their signatures, in the module's order. */
  public Map<String, FunctionType> functions() {
    return guest.module().exportedFunctions();
  }

  /** The units of fuel that the last call burnt, what its arguments took in memory included. */
  public long fuelUsed() {
    return guest.fuelUsed();
  }

  /** What the guest's code failed with, so that this Spirit is over; empty while it is not. */
  public Optional<VudoException> failure() {
    return guest.failure();
  }

  /**
   * Frees the instance. A call that runs goes on to its end; further calls throw {@code
   * SPIRIT_CLOSED}. May be called more than once.
   */
  @Override
  public void close() {
    guest.close();
  }
}
