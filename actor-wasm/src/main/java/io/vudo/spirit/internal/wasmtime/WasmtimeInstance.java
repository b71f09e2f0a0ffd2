package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Func;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.github.kawamuray.wasmtime.WasmtimeException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ValueType;
import io.vudo.spirit.internal.wasm.Layout;
import io.vudo.spirit.internal.wasm.Mailbox;
import io.vudo.spirit.internal.wasm.Names;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** An instance with every check that the binding lacks. */
final class WasmtimeInstance implements EngineInstance {
  /** Guest, host, guest again: each turn of it takes stack that no limit of the guest covers. */
  private static final int MAX_NESTED_CALLS = 16;

  private final WasmtimeEngine engine;
  private final WasmtimeModule module;
  private final Layout layout;
  private final HostFunction[] imports;
  private final NativeInstance instance;
  private final ByteBuffer mailbox;
  private final Func[] calls;
  private final Map<String, Func> helpers = new HashMap<>();

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

  WasmtimeInstance(
      WasmtimeEngine engine, WasmtimeModule module, Module compiled, HostFunction[] imports) {
    this.engine = engine;
    this.module = module;
    this.layout = module.layout();
    this.imports = imports;
    this.calls = new Func[module.functionCount()];
    this.instance = new NativeInstance(engine.engine(), engine.mailbox(), compiled, this::callHost);
    this.mailbox = instance.mailbox();
    try {
      instance.function(Names.INITIALIZE).ifPresent(instance::call);
    } catch (RuntimeException e) {
      instance.close();
      throw e;
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
      free();
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
      free();
    }
  }

  private void free() {
    memory = null;
    instance.close();
    engine.dismissInstance();
  }

  // The mailbox

  private long slot(int slot) {
    return mailbox.getLong(slot * Long.BYTES);
  }

  private void slot(int slot, long value) {
    mailbox.putLong(slot * Long.BYTES, value);
  }

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
    WasmtimeModule.ExportedFunction function = module.function(export);
    FunctionType type = function.type();
    if (arguments.length != type.parameters().size()) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          export + " " + type + " was called with " + arguments.length + " arguments.");
    }
    if (type.parameters().contains(ValueType.V128) || type.results().contains(ValueType.V128)) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, export + " " + type + ": v128 cannot cross to the host.");
    }
    return engine.onGuestThread(
        () ->
            inside(
                () -> {
                  int position = function.position();
                  if (calls[position] == null) {
                    calls[position] = instance.function(Names.CALL + position).orElseThrow();
                  }
                  return run(calls[position], deadlineNanos, arguments, type.results().size());
                }));
  }

  @Override
  public void callStart(long deadlineNanos) {
    if (module.module().hasStart()) {
      engine.onGuestThread(
          () -> inside(() -> run(helperFunction(Names.START), deadlineNanos, new long[0], 0)));
    }
  }

  private long[] run(Func function, long deadline, long[] arguments, int resultCount) {
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
      instance.call(function);
    } catch (TrapError e) {
      throw failure(e);
    } catch (WasmtimeException e) {
      failed = true;
      throw new VudoException(ErrorCode.INTERNAL_ERROR, String.valueOf(e.getMessage()), e);
    } finally {
      running--;
      memory = null;
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

  private RuntimeException failure(TrapError trap) {
    failed = true;
    if (hostFailure != null) {
      Throwable cause = hostFailure;
      hostFailure = null;
      status();
      return Thrown.again(cause);
    }
    status();
    return Traps.failure(trap, slot(Mailbox.FUEL), slot(Mailbox.DEPTH));
  }

  private void status() {
    help(Names.STATUS);
  }

  /** Runs on behalf of the guest; nothing may be thrown into native frames. */
  private void callHost() {
    memory = null;
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

  private Func helperFunction(String name) {
    Func known = helpers.get(name);
    if (known == null) {
      known = instance.function(name).orElseThrow();
      helpers.put(name, known);
    }
    return known;
  }

  /** Calls a function that the rewriter added. */
  private void help(String name) {
    instance.call(helperFunction(name));
  }

  // Memory

  private ByteBuffer memory() {
    if (memory == null) {
      memory = instance.hasMemory() ? instance.memory() : ByteBuffer.allocate(0);
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
          try {
            instance.growMemory((bytes - now) / SpiritLimits.PAGE_BYTES);
          } catch (WasmtimeException e) {
            throw new VudoException(ErrorCode.RESIDENCY_LIMIT, "No memory is left.", e);
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
