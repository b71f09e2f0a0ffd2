package io.vudo.spirit;

import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * One instance of a compiled module, with all of its state within reach: fuel, memory, mutable
 * globals (exported or not) and tables.
 *
 * <p>Not thread-safe: one owner at a time; a second thread gets an {@link IllegalStateException}.
 * Guests run on {@link GuestThread}s: call from one, or pay for the hand-over. After {@link #call}
 * threw anything, the instance must be closed and never called again. After {@link #close} every
 * method throws {@link IllegalStateException}.
 */
public interface EngineInstance extends AutoCloseable {

  /** Sets how many units of fuel the next calls may burn together. */
  void setFuel(long units);

  /** The units of fuel that are left; 0 after a call ended with OUT_OF_FUEL. */
  long fuel();

  /**
   * Calls an exported function (by its original export name).
   *
   * @param export the name
   * @param deadlineNanos {@link System#nanoTime()} at which a running guest is stopped
   * @param arguments bits, one a parameter, as in {@link HostFunction}; a v128 takes two, low half
   *     first ({@link ValueType#slots()})
   * @return the results' bits, in the same form
   * @throws io.vudo.protocol.VudoException the typed failure of a trap, {@code OUT_OF_FUEL}, {@code
   *     CALL_DEPTH_EXCEEDED} or {@code TURN_TIMEOUT}; {@code FUNCTION_NOT_FOUND} or {@code
   *     ARGUMENT_INVALID} when nothing was called
   * @throws RuntimeException whatever a host function threw, the same object
   */
  long[] call(String export, long deadlineNanos, long... arguments);

  /**
   * Runs the module's start function, if it has one; instantiation itself never does.
   *
   * @throws io.vudo.protocol.VudoException as {@link #call}
   */
  void callStart(long deadlineNanos);

  /** Bytes of linear memory now; 0 for a module without memory. */
  long memoryBytes();

  /** Whether this range lies inside of memory; both values are taken as unsigned. */
  default boolean inMemory(int address, int length) {
    return Integer.toUnsignedLong(address) + Integer.toUnsignedLong(length) <= memoryBytes();
  }

  /**
   * Copies bytes out of memory.
   *
   * @throws IndexOutOfBoundsException when the range is not inside of memory
   */
  byte[] readMemory(int address, int length);

  /**
   * Copies bytes into memory.
   *
   * @throws IndexOutOfBoundsException when the range is not inside of memory
   */
  void writeMemory(int address, byte[] bytes);

  /**
   * Lends the whole memory to {@code use}, little-endian, position 0, limit {@link #memoryBytes()}.
   * The buffer must not be kept, and the guest must not be called inside.
   */
  void withMemory(Consumer<ByteBuffer> use);

  /**
   * Grows memory until it has this many bytes (a multiple of 64 KiB).
   *
   * @throws io.vudo.protocol.VudoException {@code LIMIT_INVALID} when the module's maximum forbids
   *     it
   */
  void growMemoryTo(long bytes);

  /**
   * The bits of every mutable numeric global, in the order of the module's index space, exported or
   * not; a v128 takes two entries, low half first. The flags of dropped segments follow. The count
   * is fixed for a module. Fuel and call depth are not among them.
   */
  long[] readGlobals();

  /** The counterpart of {@link #readGlobals()}. */
  void writeGlobals(long[] bits);

  /**
   * The entries of every table and, as further rows of length 1, of every mutable funcref global:
   * the index of the function in the original module's index space, or -1 for null. A module that
   * cannot change its tables answers no rows.
   */
  int[][] readTables();

  /** The counterpart of {@link #readTables()}; grows tables that are too short. */
  void writeTables(int[][] entries);

  /** Frees native memory. May be called more than once. */
  @Override
  void close();
}
