package io.vudo.embedded;

import io.vudo.embedded.internal.EmbeddedGuest;
import io.vudo.embedded.internal.Genes;
import io.vudo.embedded.internal.Heap;
import io.vudo.embedded.internal.Utf8;
import io.vudo.embedded.internal.Values;
import io.vudo.protocol.VudoException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The memory of a Spirit, for the host: blocks, texts and genes.
 *
 * <p>Blocks come from the allocator that the module exports: {@code spirit_alloc}, {@code alloc} or
 * {@code malloc}, of a size or of size and alignment, with {@code dealloc} or {@code free} as the
 * counterpart. A module that exports none gets pages added at the end of its memory, in which a
 * bump allocator puts one block behind the other; the rest of memory is the guest's. Such a module
 * must not take pages for its own that it did not ask for by {@code memory.grow}.
 *
 * <p>Addresses are checked always: outside of memory is {@code POINTER_INVALID}. Inside, the host
 * may read and write everything.
 *
 * <p>Thread-safe in the same way as its {@link Spirit}: it waits for a call that runs. In a
 * function of a {@link Loa}, on the thread on which the guest called it, it works at once, as part
 * of that call. Every method throws {@code SPIRIT_CLOSED} and {@code SPIRIT_FAILED} as {@link
 * Spirit#call}.
 */
public final class MemoryManager {

  /**
   * Bytes in memory.
   *
   * @param pointer where they begin
   * @param length how many there are
   */
  public record Range(int pointer, int length) {
    /** The two in one i64, as functions answer them: pointer high, length low. */
    public long packed() {
      return Values.pack(pointer, length);
    }
  }

  private static final int PREFIX_BYTES = 4;

  private final EmbeddedGuest guest;
  private final Heap heap;

  MemoryManager(EmbeddedGuest guest, Heap heap) {
    this.guest = guest;
    this.heap = heap;
  }

  // Blocks

  /** As {@link #alloc(int, int)}, aligned to 8 bytes. */
  public int alloc(int size) {
    return alloc(size, Heap.ALIGNMENT);
  }

  /**
   * Allocates a block. What is in it is undefined.
   *
   * @param size bytes
   * @param alignment a power of two that the address is a multiple of
   * @return its address
   * @throws VudoException {@code ARGUMENT_INVALID}; {@code GUEST_OUT_OF_MEMORY} when there is no
   *     room; what the guest's allocator failed with
   */
  public int alloc(int size, int alignment) {
    return guest.access(() -> heap.allocate(size, alignment).address());
  }

  /** Allocates a block for a gene. */
  public int alloc(GeneLayout layout) {
    return alloc(layout.size(), layout.alignment());
  }

  /**
   * Frees a block, and the texts that {@link #writeGene} put beside it. A bump allocator uses its
   * bytes again when all blocks behind it are free, too; {@code spirit_alloc} has no counterpart,
   * so that the guest decides.
   *
   * @throws VudoException {@code POINTER_INVALID} when {@link #alloc} did not answer this address,
   *     or when it was freed
   */
  public void free(int pointer) {
    guest.access(
        () -> {
          heap.free(pointer);
          return null;
        });
  }

  /** Frees all blocks. */
  public void reset() {
    guest.access(
        () -> {
          heap.reset();
          return null;
        });
  }

  /** Bytes of memory now; 0 for a module without memory. */
  public long size() {
    return guest.access(guest::memoryBytes);
  }

  /** Bytes of a function's result; see {@link Loa}. */
  long give(byte[] bytes) {
    return guest.access(() -> Values.pack(heap.give(bytes), bytes.length));
  }

  // Bytes and texts

  /**
   * Copies bytes out of memory.
   *
   * @throws VudoException {@code POINTER_INVALID}
   */
  public byte[] read(int pointer, int length) {
    return guest.access(() -> guest.read(pointer, length));
  }

  /**
   * Copies bytes into memory.
   *
   * @throws VudoException {@code POINTER_INVALID}
   */
  public void write(int pointer, byte[] bytes) {
    guest.access(
        () -> {
          guest.write(pointer, bytes);
          return null;
        });
  }

  /**
   * Reads what a function answered as pointer (high) and length (low).
   *
   * @return the bytes; null for 0
   * @throws VudoException {@code POINTER_INVALID}
   */
  public byte[] readPacked(long packed) {
    return packed == 0 ? null : read(Values.pointer(packed), Values.length(packed));
  }

  /**
   * Reads UTF-8.
   *
   * @throws VudoException {@code POINTER_INVALID}; {@code ARGUMENT_INVALID} when it is none
   */
  public String readString(int pointer, int length) {
    return Utf8.decode(read(pointer, length));
  }

  /** As {@link #readPacked}, of UTF-8. */
  public String readPackedString(long packed) {
    byte[] bytes = readPacked(packed);
    return bytes == null ? null : Utf8.decode(bytes);
  }

  /**
   * Puts a text into a new block, as UTF-8.
   *
   * @return where it is; its pointer is to be freed
   * @throws VudoException as {@link #alloc(int)}; {@code ARGUMENT_INVALID} for half of a surrogate
   *     pair
   */
  public Range writeString(String text) {
    return writeBytes(Utf8.encode(text));
  }

  /** Puts bytes into a new block. */
  public Range writeBytes(byte[] bytes) {
    return new Range(guest.access(() -> heap.store(bytes).address()), bytes.length);
  }

  /**
   * Reads a text as DOL has it: its length in bytes (u32, little-endian), then its UTF-8.
   *
   * @throws VudoException {@code POINTER_INVALID}; {@code ARGUMENT_INVALID} when it is no UTF-8
   */
  public String readPrefixedString(int pointer) {
    return guest.access(() -> prefixed(pointer));
  }

  private String prefixed(int pointer) {
    int length =
        ByteBuffer.wrap(guest.read(pointer, PREFIX_BYTES)).order(ByteOrder.LITTLE_ENDIAN).getInt();
    return Utf8.decode(guest.read(pointer + PREFIX_BYTES, length));
  }

  /**
   * Puts a text into a new block as DOL has it.
   *
   * @return its address, to be freed
   */
  public int writePrefixedString(String text) {
    return guest.access(() -> storePrefixed(text).address());
  }

  private Heap.Block storePrefixed(String text) {
    byte[] bytes = Utf8.encode(text);
    return heap.store(
        ByteBuffer.allocate(PREFIX_BYTES + bytes.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(bytes.length)
            .put(bytes)
            .array());
  }

  // Genes

  /**
   * Reads a gene.
   *
   * @return the values by the names of the fields, in their order: Integer, Long, Float, Double,
   *     Boolean, String or null, and maps for genes inside
   * @throws VudoException {@code POINTER_INVALID}; {@code ARGUMENT_INVALID} for a text that is none
   */
  public Map<String, Object> readGene(int pointer, GeneLayout layout) {
    return guest.access(
        () -> Genes.read(guest.read(pointer, layout.size()), layout, strings(new ArrayList<>())));
  }

  /**
   * Reads a gene as a record, in the layout of its class.
   *
   * @throws VudoException {@code POINTER_INVALID}, {@code GENE_INVALID}
   */
  public <T extends Record> T readGene(int pointer, Class<T> type) {
    return readGene(pointer, GeneLayout.of(type), type);
  }

  /**
   * Reads a gene as a record, in this layout.
   *
   * @throws VudoException {@code POINTER_INVALID}; {@code GENE_INVALID} when the record's
   *     components are not the layout's fields
   */
  public <T extends Record> T readGene(int pointer, GeneLayout layout, Class<T> type) {
    return Genes.record(readGene(pointer, layout), layout, type);
  }

  /**
   * Writes a gene. Nothing is written when a value does not fit. Texts get blocks of their own,
   * which are freed with the block that the gene lies in, or by {@link #reset}. Bytes between
   * fields stay as they are.
   *
   * @param values one for each field; numbers may be narrower than theirs
   * @throws VudoException {@code POINTER_INVALID}, {@code GENE_INVALID}; as {@link #alloc(int)} for
   *     texts
   */
  public void writeGene(int pointer, Map<String, ?> values, GeneLayout layout) {
    put(pointer, values, layout);
  }

  /** Writes a record as a gene, in the layout of its class. */
  public void writeGene(int pointer, Record gene) {
    put(pointer, gene, GeneLayout.of(gene.getClass()));
  }

  /** Writes a record as a gene, in this layout. */
  public void writeGene(int pointer, Record gene, GeneLayout layout) {
    put(pointer, gene, layout);
  }

  private void put(int pointer, Object values, GeneLayout layout) {
    guest.access(
        () -> {
          byte[] bytes = guest.read(pointer, layout.size());
          List<Heap.Block> texts = new ArrayList<>();
          try {
            Genes.write(bytes, values, layout, strings(texts));
            guest.write(pointer, bytes);
          } catch (VudoException e) {
            if (!guest.isClosed()) {
              heap.free(texts);
            }
            throw e;
          }
          heap.own(pointer, texts);
          return null;
        });
  }

  private Genes.Strings strings(List<Heap.Block> written) {
    return new Genes.Strings() {
      @Override
      public String read(int address) {
        return prefixed(address);
      }

      @Override
      public int write(String text) {
        Heap.Block block = storePrefixed(text);
        written.add(block);
        return block.address();
      }
    };
  }

  /** How many blocks there are that nobody has freed. */
  int blocks() {
    return guest.access(heap::count);
  }
}
