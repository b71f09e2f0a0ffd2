package io.vudo.embedded.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ProgramExit;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * An instance that one caller has at a time, under its limits. Callers on other threads wait for
 * each other, no longer than their own call may take. When the guest's code fails, the instance is
 * gone: nobody knows what it left behind.
 *
 * <p>Thread-safe. What a body passed to {@link #turn} or {@link #access} calls, it calls alone.
 */
public final class EmbeddedGuest implements AutoCloseable {
  private static final String INITIALIZE = "_initialize";

  private final AdmittedModule module;
  private final SpiritLimits limits;
  private final ReentrantLock turns = new ReentrantLock(true);
  private EngineInstance instance;

  /** The thread that is in a host function which this guest called. */
  private volatile Thread inHost;

  private volatile boolean closed;
  private volatile VudoException failure;
  private volatile long fuelUsed;

  // Belong to who has the turn.
  private long deadlineNanos;
  private long turn;

  /** Has no instance until {@link #start}. */
  public EmbeddedGuest(AdmittedModule module, SpiritLimits limits) {
    this.module = module;
    this.limits = limits;
  }

  /**
   * Takes the instance, grows its memory and runs the module's start function and {@code
   * _initialize}. When this throws, the instance is closed.
   *
   * @throws VudoException what the guest's code failed with; {@code LIMIT_INVALID} when its memory
   *     cannot be as large
   */
  public void start(EngineInstance fresh, long leastMemoryBytes) {
    instance = fresh;
    boolean started = false;
    try {
      exclusively(
          Long.MAX_VALUE,
          () -> {
            if (leastMemoryBytes > 0 && module.memory().isPresent()) {
              instance.growMemoryTo(leastMemoryBytes);
            }
            guestCode(
                () -> {
                  instance.callStart(deadlineNanos);
                  return null;
                });
            if (module.exportedFunctions().containsKey(INITIALIZE)) {
              invoke(INITIALIZE);
            }
            return null;
          });
      started = true;
    } finally {
      if (!started) {
        close();
      }
    }
  }

  /** What runs. */
  public AdmittedModule module() {
    return module;
  }

  // Who has the turn

  /**
   * Runs a call of the host's.
   *
   * @param atMostNanos how long it may take, if that is less than the limits say
   * @throws VudoException {@code SPIRIT_BUSY} when a host function that this guest called waits for
   *     it, here or in a thread for which this one works; {@code TURN_TIMEOUT} when others had it
   *     all the time; {@code SPIRIT_CLOSED}, {@code SPIRIT_FAILED}; what the body throws
   */
  public <T> T turn(long atMostNanos, Supplier<T> body) {
    Thread waiting = inHost;
    if (waiting != null && Waiters.include(waiting)) {
      throw new VudoException(ErrorCode.SPIRIT_BUSY, "");
    }
    return exclusively(
        atMostNanos,
        () -> {
          turn++;
          T result = body.get();
          noteFuel();
          return result;
        });
  }

  /**
   * As {@link #turn} within the limits, but part of the call that runs when a host function of it
   * does this.
   */
  public <T> T access(Supplier<T> body) {
    if (inHost == Thread.currentThread()) {
      checkUsable();
      return body.get();
    }
    return exclusively(Long.MAX_VALUE, body);
  }

  private <T> T exclusively(long atMostNanos, Supplier<T> body) {
    long limit = TimeUnit.MILLISECONDS.toNanos(limits.turnTimeoutMillis());
    long deadline = System.nanoTime() + Math.min(limit, atMostNanos);
    lock(deadline);
    try {
      checkUsable();
      if (deadline - System.nanoTime() <= 0) {
        // Before anything has run: the Spirit need not end for it.
        throw waitedTooLong();
      }
      deadlineNanos = deadline;
      instance.setFuel(limits.fuelPerTurn());
      return body.get();
    } catch (IllegalStateException e) {
      // Closed by another thread in the middle of it.
      checkUsable();
      throw e;
    } finally {
      turns.unlock();
    }
  }

  private void lock(long deadline) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          if (turns.tryLock(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
            return;
          }
          throw waitedTooLong();
        } catch (InterruptedException e) {
          // As the call itself: it ends by its deadline.
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static VudoException waitedTooLong() {
    return new VudoException(
        ErrorCode.TURN_TIMEOUT, "Other calls of the Spirit were before this one.");
  }

  /** The number of the call that runs, or that was the last: what is borrowed for one ends. */
  long turn() {
    return turn;
  }

  private void checkUsable() {
    if (failure != null) {
      throw new VudoException(ErrorCode.SPIRIT_FAILED, failure.getMessage(), failure);
    }
    if (closed) {
      throw new VudoException(ErrorCode.SPIRIT_CLOSED, "");
    }
  }

  // What who has the turn may do

  /**
   * Calls an export that was checked to be there.
   *
   * @throws VudoException what it failed with; the instance is gone
   */
  public long[] invoke(String export, long... arguments) {
    return guestCode(() -> instance.call(export, deadlineNanos, arguments));
  }

  private <T> T guestCode(Supplier<T> code) {
    try {
      return code.get();
    } catch (RuntimeException e) {
      throw broken(typed(e));
    } catch (Error e) {
      broken(new VudoException(ErrorCode.INTERNAL_ERROR, e.toString(), e));
      throw e;
    }
  }

  private VudoException typed(RuntimeException thrown) {
    if (thrown instanceof VudoException known) {
      return known;
    }
    if (thrown instanceof ProgramExit exit) {
      return new VudoException(
          ErrorCode.GUEST_EXITED,
          "Exit code " + Integer.toUnsignedString(exit.code()) + ".",
          thrown);
    }
    return closed
        ? new VudoException(ErrorCode.SPIRIT_CLOSED, "", thrown)
        : new VudoException(ErrorCode.INTERNAL_ERROR, thrown.toString(), thrown);
  }

  private VudoException broken(VudoException cause) {
    if (!closed) {
      failure = cause;
    }
    noteFuel();
    close();
    return cause;
  }

  private void noteFuel() {
    try {
      fuelUsed = limits.fuelPerTurn() - instance.fuel();
    } catch (IllegalStateException e) {
      // Closed by another thread. The call is over all the same, and what it answered stands.
      fuelUsed = 0;
    }
  }

  /** Whether this range lies inside of memory. */
  public boolean inMemory(int address, int length) {
    return length >= 0 && instance.inMemory(address, length);
  }

  /** Bytes of memory now. */
  public long memoryBytes() {
    return instance.memoryBytes();
  }

  /** Makes memory this large. */
  void growMemoryTo(long bytes) {
    instance.growMemoryTo(bytes);
  }

  /**
   * Copies bytes out of memory.
   *
   * @throws VudoException {@code POINTER_INVALID}
   */
  public byte[] read(int address, int length) {
    check(address, length);
    return instance.readMemory(address, length);
  }

  /**
   * Copies bytes into memory.
   *
   * @throws VudoException {@code POINTER_INVALID}
   */
  public void write(int address, byte[] bytes) {
    check(address, bytes.length);
    instance.writeMemory(address, bytes);
  }

  /**
   * Checks a range.
   *
   * @throws VudoException {@code POINTER_INVALID} when it is not inside of memory
   */
  public void check(int address, int length) {
    if (!inMemory(address, length)) {
      throw new VudoException(
          ErrorCode.POINTER_INVALID,
          Integer.toUnsignedString(length)
              + " bytes at "
              + Integer.toUnsignedString(address)
              + "; memory has "
              + memoryBytes()
              + " bytes.");
    }
  }

  // What the guest calls

  /** A host function that knows, while it runs, that this guest waits for it. */
  public HostFunction marked(HostFunction function) {
    return (guest, arguments) -> {
      Thread outer = inHost;
      inHost = Thread.currentThread();
      try {
        return function.call(guest, arguments);
      } finally {
        inHost = outer;
      }
    };
  }

  // How it ends

  /** The units of fuel that the last call burnt. */
  public long fuelUsed() {
    return fuelUsed;
  }

  /** What the guest's code failed with, if it did. */
  public Optional<VudoException> failure() {
    return Optional.ofNullable(failure);
  }

  /** Whether nothing can be called any more. */
  public boolean isClosed() {
    return closed;
  }

  /** A call that runs goes on to its end; then the instance is freed. */
  @Override
  public void close() {
    closed = true;
    if (instance != null) {
      instance.close();
    }
  }
}
