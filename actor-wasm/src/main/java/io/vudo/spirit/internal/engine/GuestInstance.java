package io.vudo.spirit.internal.engine;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.wasm.Layout;
import io.vudo.spirit.internal.wasm.Mailbox;
import io.vudo.spirit.internal.wasm.Names;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * An instance of a rewritten module, whatever engine runs it: its owner, its calls, its memory,
 * globals and tables, with every check. An engine adds how functions are found and called, where
 * the mailbox and the memory are, and what its exceptions mean.
 *
 * @param <F> an exported function, as the engine has it
 */
public abstract class GuestInstance<F> implements EngineInstance {
  /** Guest, host, guest again: each turn of it takes stack that no limit of the guest covers. */
  private static final int MAX_NESTED_CALLS = 16;

  private static final ByteBuffer NO_MEMORY = ByteBuffer.allocate(0);

  private final GuestModule module;
  private final Layout layout;
  private final HostFunction[] imports;
  private final List<F> calls;
  private final Map<String, F> helpers = new HashMap<>();

  // Who is inside; guarded by this.
  private Thread owner;
  private int entered;
  private boolean closed;

  // Belong to the owner.
  private int running;
  private long deadlineNanos;
  private boolean failed;
  private boolean lent;
  private Throwable hostFailure;
  private ByteBuffer memory;

  /** The instance is usable once the subclass called {@link #initialize}. */
  protected GuestInstance(GuestModule module, HostFunction[] imports) {
    this.module = module;
    this.layout = module.layout();
    this.imports = imports;
    this.calls = new ArrayList<>(Collections.nCopies(module.functionCount(), null));
  }

  // What an engine adds; all of it is called by the owner only

  /** The exported function of this name, or null. */
  protected abstract F find(String export);

  /** Calls a function without parameters and results; throws what the engine throws. */
  protected abstract void invoke(F function);

  /** What an exception of {@link #invoke} means. */
  protected abstract Trap trap(Throwable thrown);

  /** Reads a slot of the mailbox. */
  protected abstract long slot(int slot);

  /** Writes a slot of the mailbox. */
  protected abstract void slot(int slot, long value);

  /** Memory as it is now, little-endian, its limit and capacity the size; null without one. */
  protected abstract ByteBuffer memoryNow();

  /** Grows memory; false when the machine has no more. The module's maximum was checked. */
  protected abstract boolean growMemory(int pages);

  /** Frees the instance, once. */
  protected abstract void free();

  /** Applies the active segments. */
  protected final void initialize() {
    F function = find(Names.INITIALIZE);
    if (function != null) {
      invoke(function);
    }
  }

  // One owner at a time, and nothing is freed under its feet

  private void enter() {
    synchronized (this) {
      if (closed) {
        throw new IllegalStateException("This instance is closed");
      }
      Thread current = Thread.currentThread();
      if (owner != null && owner != current) {
        throw new IllegalStateException("Another thread uses this instance");
      }
      owner = current;
      entered++;
    }
  }

  private void leave() {
    boolean free;
    synchronized (this) {
      entered--;
      if (entered == 0) {
        owner = null;
      }
      free = closed && entered == 0;
    }
    if (free) {
      freeAll();
    }
  }

  private <T> T inside(Supplier<T> task) {
    enter();
    try {
      return task.get();
    } finally {
      leave();
    }
  }

  @Override
  public void close() {
    boolean free;
    synchronized (this) {
      free = !closed && entered == 0;
      closed = true;
    }
    if (free) {
      freeAll();
    }
  }

  private void freeAll() {
    memory = null;
    free();
    module.engine().dismissInstance();
  }

  private <T> T onGuestThread(Supplier<T> task) {
    return module.engine().guests().run(task);
  }

  // Fuel

  @Override
  public void setFuel(long units) {
    if (units < 0) {
      throw new IllegalArgumentException("Fuel must not be negative: " + units);
    }
    inside(
        () -> {
          slot(Mailbox.FUEL, units);
          return null;
        });
  }

  @Override
  public long fuel() {
    return inside(() -> Math.max(0, slot(Mailbox.FUEL)));
  }

  // Calls

  @Override
  public long[] call(String export, long deadlineNanos, long... arguments) {
    GuestModule.ExportedFunction function = module.function(export);
    if (arguments.length != function.parameterSlots()) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          export + " " + function.type() + " was called with " + arguments.length + " arguments.");
    }
    return onGuestThread(
        () ->
            inside(
                () -> {
                  int position = function.position();
                  F known = calls.get(position);
                  if (known == null) {
                    known = find(Names.CALL + position);
                    if (known == null) {
                      throw new VudoException(
                          ErrorCode.ARGUMENT_INVALID,
                          export + " " + function.type() + " cannot be called by the host.");
                    }
                    calls.set(position, known);
                  }
                  return run(known, deadlineNanos, arguments, function.resultSlots());
                }));
  }

  @Override
  public void callStart(long deadlineNanos) {
    if (module.module().hasStart()) {
      onGuestThread(
          () -> inside(() -> run(helperFunction(Names.START), deadlineNanos, new long[0], 0)));
    }
  }

  private long[] run(F function, long deadline, long[] arguments, int resultCount) {
    if (failed) {
      throw new IllegalStateException("A call of this instance failed; close it");
    }
    if (lent) {
      throw new IllegalStateException("The guest must not run while its memory is lent");
    }
    if (running >= MAX_NESTED_CALLS) {
      throw new VudoException(
          ErrorCode.CALL_DEPTH_EXCEEDED, "The host called the guest inside of its own calls.");
    }
    long outerDeadline = deadlineNanos;
    boolean earlier = running == 0 || deadline - outerDeadline < 0;
    deadlineNanos = earlier ? deadline : outerDeadline;
    if (timeIsUp()) {
      deadlineNanos = outerDeadline;
      throw new VudoException(ErrorCode.TURN_TIMEOUT, "The time was up before the call.");
    }
    for (int i = 0; i < arguments.length; i++) {
      slot(Mailbox.VALUES + i, arguments[i]);
    }
    slot(Mailbox.FAILED, 0);
    running++;
    try {
      invoke(function);
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError | LinkageError e) {
      throw failure(e);
    } finally {
      running--;
      deadlineNanos = outerDeadline;
    }
    long[] results = new long[resultCount];
    for (int i = 0; i < resultCount; i++) {
      results[i] = slot(Mailbox.VALUES + i);
    }
    return results;
  }

  private boolean timeIsUp() {
    return System.nanoTime() - deadlineNanos >= 0;
  }

  private RuntimeException failure(Throwable thrown) {
    failed = true;
    Trap trap = trap(thrown);
    if (hostFailure != null) {
      Throwable cause = hostFailure;
      hostFailure = null;
      status();
      return Thrown.again(cause);
    }
    if (trap == null) {
      return new VudoException(ErrorCode.INTERNAL_ERROR, String.valueOf(thrown), thrown);
    }
    status();
    return trap.failure(slot(Mailbox.FUEL), slot(Mailbox.DEPTH), thrown);
  }

  private void status() {
    help(Names.STATUS);
  }

  /** What import {@link Names#HOST} does. Nothing is thrown: frames below may be native. */
  protected final void callHost() {
    try {
      int index = (int) slot(Mailbox.IMPORT);
      if (timeIsUp()) {
        throw new VudoException(ErrorCode.TURN_TIMEOUT, "");
      }
      if (index == Mailbox.CLOCK) {
        return;
      }
      long[] arguments = new long[module.module().imports().get(index).type().parameters().size()];
      for (int i = 0; i < arguments.length; i++) {
        arguments[i] = slot(Mailbox.VALUES + i);
      }
      long result = imports[index].call(this, arguments);
      if (failed) {
        throw new IllegalStateException("A host function went on after a guest's call had failed");
      }
      slot(Mailbox.VALUES, result);
      slot(Mailbox.FAILED, 0);
    } catch (StackOverflowError e) {
      fail(
          new VudoException(
              ErrorCode.CALL_DEPTH_EXCEEDED, "A host function used up the stack.", e));
    } catch (Throwable e) {
      fail(e);
    }
  }

  private void fail(Throwable cause) {
    hostFailure = cause;
    slot(Mailbox.FAILED, 1);
  }

  private F helperFunction(String name) {
    F known = helpers.get(name);
    if (known == null) {
      known = Objects.requireNonNull(find(name), name);
      helpers.put(name, known);
    }
    return known;
  }

  /** Calls a function that the rewriter added. */
  private void help(String name) {
    invoke(helperFunction(name));
  }

  // Memory

  private ByteBuffer memory() {
    if (memory == null || slot(Mailbox.GROWN) != 0) {
      slot(Mailbox.GROWN, 0);
      ByteBuffer now = memoryNow();
      memory = now == null ? NO_MEMORY : now;
    }
    return memory;
  }

  private int checked(int address, int length) {
    int size = memory().capacity();
    long from = Integer.toUnsignedLong(address);
    if (length < 0 || from + length > size) {
      throw new IndexOutOfBoundsException(
          "Bytes " + from + " to " + (from + length) + " of a memory of " + size);
    }
    return (int) from;
  }

  @Override
  public long memoryBytes() {
    return inside(() -> (long) memory().capacity());
  }

  @Override
  public byte[] readMemory(int address, int length) {
    return inside(
        () -> {
          int from = checked(address, length);
          byte[] bytes = new byte[length];
          memory().get(from, bytes);
          return bytes;
        });
  }

  @Override
  public void writeMemory(int address, byte[] bytes) {
    Objects.requireNonNull(bytes);
    inside(() -> memory().put(checked(address, bytes.length), bytes));
  }

  @Override
  public void withMemory(Consumer<ByteBuffer> use) {
    inside(
        () -> {
          boolean outer = lent;
          lent = true;
          try {
            use.accept(memory().duplicate().order(ByteOrder.LITTLE_ENDIAN));
          } finally {
            lent = outer;
          }
          return null;
        });
  }

  @Override
  public void growMemoryTo(long bytes) {
    inside(
        () -> {
          long now = memory().capacity();
          if (bytes <= now) {
            return null;
          }
          long most =
              module.module().memory().map(m -> (long) m.maxPages()).orElse(0L)
                  * SpiritLimits.PAGE_BYTES;
          if (bytes > most || bytes % SpiritLimits.PAGE_BYTES != 0) {
            throw new VudoException(
                ErrorCode.LIMIT_INVALID,
                "Memory cannot have " + bytes + " bytes; the limit is " + most + ".");
          }
          if (lent) {
            throw new IllegalStateException("Memory must not grow while it is lent");
          }
          memory = null;
          if (!growMemory((int) ((bytes - now) / SpiritLimits.PAGE_BYTES))) {
            throw new VudoException(ErrorCode.RESIDENCY_LIMIT, "No memory is left.");
          }
          return null;
        });
  }

  // Globals and tables

  @Override
  public long[] readGlobals() {
    return inside(
        () -> {
          long[] bits = new long[layout.globalSlots()];
          int next = 0;
          int[] chunks = layout.globalChunks();
          for (int chunk = 0; chunk < chunks.length; chunk++) {
            help(Names.READ_GLOBALS + chunk);
            for (int i = 0; i < chunks[chunk]; i++) {
              bits[next++] = slot(Mailbox.VALUES + i);
            }
          }
          return bits;
        });
  }

  @Override
  public void writeGlobals(long[] bits) {
    inside(
        () -> {
          if (bits.length != layout.globalSlots()) {
            throw new IllegalArgumentException(
                "The module has " + layout.globalSlots() + " values, got " + bits.length);
          }
          int next = 0;
          int[] chunks = layout.globalChunks();
          for (int chunk = 0; chunk < chunks.length; chunk++) {
            for (int i = 0; i < chunks[chunk]; i++) {
              slot(Mailbox.VALUES + i, bits[next++]);
            }
            help(Names.WRITE_GLOBALS + chunk);
          }
          return null;
        });
  }

  @Override
  public int[][] readTables() {
    return inside(
        () -> {
          int tables = layout.tables();
          int[][] rows = new int[tables + layout.references()][];
          for (int table = 0; table < tables; table++) {
            rows[table] = readTable(table);
          }
          if (layout.references() > 0) {
            help(Names.READ_REFERENCES);
            for (int i = 0; i < layout.references(); i++) {
              rows[tables + i] = new int[] {functionIn(Mailbox.VALUES + i)};
            }
          }
          return rows;
        });
  }

  private int functionIn(int slot) {
    return layout.functions()[(int) slot(slot)];
  }

  private int[] readTable(int table) {
    int[] row = new int[tableSize(table)];
    String read = Names.TABLE_READ + table;
    for (int from = 0; from < row.length; from += Mailbox.CHUNK) {
      int count = Math.min(Mailbox.CHUNK, row.length - from);
      slot(Mailbox.FROM, from);
      slot(Mailbox.COUNT, count);
      help(read);
      for (int i = 0; i < count; i++) {
        row[from + i] = functionIn(Mailbox.VALUES + i);
      }
    }
    return row;
  }

  private int tableSize(int table) {
    help(Names.TABLE_SIZE + table);
    return (int) slot(Mailbox.FROM);
  }

  @Override
  public void writeTables(int[][] entries) {
    inside(
        () -> {
          int tables = layout.tables();
          if (entries.length != tables + layout.references()) {
            throw new IllegalArgumentException(
                "The module has "
                    + (tables + layout.references())
                    + " rows, got "
                    + entries.length);
          }
          for (int table = 0; table < tables; table++) {
            writeTable(table, entries[table]);
          }
          if (layout.references() > 0) {
            for (int i = 0; i < layout.references(); i++) {
              slot(Mailbox.VALUES + i, identity(entries[tables + i][0]));
            }
            help(Names.WRITE_REFERENCES);
          }
          return null;
        });
  }

  private int identity(int function) {
    Integer identity = module.identity(function);
    if (identity == null) {
      throw new IllegalArgumentException("No reference to function " + function + " is possible");
    }
    return identity;
  }

  private void writeTable(int table, int[] row) {
    int size = tableSize(table);
    if (row.length < size) {
      throw new IllegalArgumentException(
          "Table " + table + " has " + size + " entries, got " + row.length);
    }
    if (row.length > size) {
      slot(Mailbox.FROM, row.length - size);
      help(Names.TABLE_GROW + table);
      if (slot(Mailbox.FROM) < 0) {
        throw new VudoException(
            ErrorCode.LIMIT_INVALID, "Table " + table + " cannot have " + row.length + " entries.");
      }
    }
    String write = Names.TABLE_WRITE + table;
    for (int from = 0; from < row.length; from += Mailbox.CHUNK) {
      int count = Math.min(Mailbox.CHUNK, row.length - from);
      for (int i = 0; i < count; i++) {
        slot(Mailbox.VALUES + i, identity(row[from + i]));
      }
      slot(Mailbox.FROM, from);
      slot(Mailbox.COUNT, count);
      help(write);
    }
  }
}
