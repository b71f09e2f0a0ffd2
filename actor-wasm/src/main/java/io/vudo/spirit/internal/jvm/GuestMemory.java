package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.Memory;
import com.dylibso.chicory.runtime.WasmRuntimeException;
import com.dylibso.chicory.wasm.types.ActiveDataSegment;
import com.dylibso.chicory.wasm.types.DataSegment;
import com.dylibso.chicory.wasm.types.MemoryLimits;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * What compiled code of one instance has at hand: linear memory and globals.
 *
 * <p>Linear memory is one array: the host lends it out as a buffer without copying, and an access
 * is two comparisons and a load. Growing copies; room for more is set aside so that guests that
 * grow by a page at a time do not copy for each.
 */
public final class GuestMemory implements Memory {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle FLOAT =
      MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle DOUBLE =
      MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);

  /** Room is set aside for one page more in so many. */
  private static final int SPARE_SHIFT = 2;

  /** The numeric globals by their index, in the bits that the library uses. */
  private final long[] globals;

  private final HeapBudget.Share share;
  private final int initialPages;
  private final int maximumPages;
  private DataSegment[] segments = {};
  private byte[] bytes;

  /** How many of {@link #bytes} there are for the guest. */
  private int size;

  /** Takes its bytes from a share; throws when there are none. */
  GuestMemory(MemoryLimits limits, long[] globals, HeapBudget.Share share) {
    this.globals = globals;
    this.share = share;
    this.initialPages = limits.initialPages();
    this.maximumPages = Math.min(limits.maximumPages(), RUNTIME_MAX_PAGES);
    share.require((long) initialPages * PAGE_SIZE);
    this.size = initialPages * PAGE_SIZE;
    this.bytes = new byte[size];
  }

  /** For compiled code: a numeric global of the instance that this memory is of. */
  public static long readGlobal(int index, Memory memory) {
    return ((GuestMemory) memory).globals[index];
  }

  /** For compiled code: the counterpart of {@link #readGlobal}. */
  public static void writeGlobal(long value, int index, Memory memory) {
    ((GuestMemory) memory).globals[index] = value;
  }

  /** Little-endian, position 0, limit and capacity the size. Stale once memory grows. */
  ByteBuffer view() {
    return ByteBuffer.wrap(bytes, 0, size).slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public int pages() {
    return size / PAGE_SIZE;
  }

  @Override
  public int grow(int more) {
    int before = pages();
    if (more < 0 || more > maximumPages - before) {
      return -1;
    }
    int now = (before + more) * PAGE_SIZE;
    if (now > bytes.length) {
      int spare = Math.min(before >> SPARE_SHIFT, maximumPages - before - more) * PAGE_SIZE;
      if (!enlarge(now + spare) && !enlarge(now)) {
        return -1;
      }
    }
    size = now;
    return before;
  }

  private boolean enlarge(int capacity) {
    long more = (long) capacity - bytes.length;
    if (!share.take(more)) {
      return false;
    }
    try {
      bytes = Arrays.copyOf(bytes, capacity);
      return true;
    } catch (OutOfMemoryError e) {
      share.give(more);
      return false;
    }
  }

  @Override
  public int initialPages() {
    return initialPages;
  }

  @Override
  public int maximumPages() {
    return maximumPages;
  }

  @Override
  public boolean shared() {
    return false;
  }

  // Threads are not admitted, so nobody waits on memory.

  @Override
  @Deprecated
  @SuppressWarnings("removal")
  public Object lock(int address) {
    throw new UnsupportedOperationException();
  }

  @Override
  @Deprecated
  @SuppressWarnings("removal")
  public int waitOn(int address, int expected, long timeout) {
    throw new UnsupportedOperationException();
  }

  @Override
  @Deprecated
  @SuppressWarnings("removal")
  public int waitOn(int address, long expected, long timeout) {
    throw new UnsupportedOperationException();
  }

  @Override
  @Deprecated
  @SuppressWarnings("removal")
  public int notify(int address, int maxThreads) {
    throw new UnsupportedOperationException();
  }

  // Segments

  @Override
  public void initialize(Instance instance, DataSegment[] dataSegments) {
    for (DataSegment segment : dataSegments) {
      if (segment instanceof ActiveDataSegment) {
        throw new IllegalStateException("A rewritten module has no active segments");
      }
    }
    segments = dataSegments.clone();
  }

  @Override
  public void initPassiveSegment(int segment, int destination, int offset, int length) {
    byte[] data = segments[segment].data();
    if ((offset | length) < 0 || offset > data.length - length) {
      throw outOfBounds();
    }
    write(destination, data, offset, length);
  }

  @Override
  public void drop(int segment) {
    throw new IllegalStateException("A rewritten module drops no segments");
  }

  @Override
  public void zero() {
    // A new array holds zeros.
  }

  // Ranges

  private static WasmRuntimeException outOfBounds() {
    return new WasmRuntimeException("out of bounds memory access");
  }

  private void check(int address, int length) {
    if ((address | length) < 0 || address > size - length) {
      throw outOfBounds();
    }
  }

  @Override
  public void write(int address, byte[] data, int offset, int length) {
    check(address, length);
    System.arraycopy(data, offset, bytes, address, length);
  }

  @Override
  public byte[] readBytes(int address, int length) {
    check(address, length);
    return Arrays.copyOfRange(bytes, address, address + length);
  }

  @Override
  public void fill(byte value, int from, int to) {
    // The caller adds the length to the start, both unsigned: less means that it overflowed.
    if (from < 0 || to < from || to > size) {
      throw outOfBounds();
    }
    Arrays.fill(bytes, from, to, value);
  }

  @Override
  public void copy(int destination, int source, int length) {
    check(destination, length);
    check(source, length);
    System.arraycopy(bytes, source, bytes, destination, length);
  }

  // Numbers

  private int at(int address, int width) {
    if (address < 0 || address > size - width) {
      throw outOfBounds();
    }
    return address;
  }

  @Override
  public byte read(int address) {
    return bytes[at(address, 1)];
  }

  @Override
  public void writeByte(int address, byte data) {
    bytes[at(address, 1)] = data;
  }

  @Override
  public short readShort(int address) {
    return (short) SHORT.get(bytes, at(address, Short.BYTES));
  }

  @Override
  public long readU16(int address) {
    return Short.toUnsignedLong(readShort(address));
  }

  @Override
  public void writeShort(int address, short data) {
    SHORT.set(bytes, at(address, Short.BYTES), data);
  }

  @Override
  public int readInt(int address) {
    return (int) INT.get(bytes, at(address, Integer.BYTES));
  }

  @Override
  public void writeI32(int address, int data) {
    INT.set(bytes, at(address, Integer.BYTES), data);
  }

  @Override
  public long readLong(int address) {
    return (long) LONG.get(bytes, at(address, Long.BYTES));
  }

  @Override
  public void writeLong(int address, long data) {
    LONG.set(bytes, at(address, Long.BYTES), data);
  }

  @Override
  public long readF32(int address) {
    return readInt(address);
  }

  @Override
  public float readFloat(int address) {
    return (float) FLOAT.get(bytes, at(address, Float.BYTES));
  }

  @Override
  public void writeF32(int address, float data) {
    FLOAT.set(bytes, at(address, Float.BYTES), data);
  }

  @Override
  public long readF64(int address) {
    return readLong(address);
  }

  @Override
  public double readDouble(int address) {
    return (double) DOUBLE.get(bytes, at(address, Double.BYTES));
  }

  @Override
  public void writeF64(int address, double data) {
    DOUBLE.set(bytes, at(address, Double.BYTES), data);
  }
}
