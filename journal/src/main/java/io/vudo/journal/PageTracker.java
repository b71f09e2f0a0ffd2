package io.vudo.journal;

import static io.vudo.journal.StateSnapshot.PAGE_BYTES;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A shadow of a Spirit's linear memory: knows which pages changed since the last snapshot, and can
 * put a live memory back to the state it last saw.
 *
 * <pre>{@code
 * tracker.update(memory);              // after a turn that committed: what changed is noted
 * tracker.restoreInto(memory);         // after a turn that failed: the memory is as before it
 * var pages = tracker.takeDirty();     // for a delta snapshot
 * var image = tracker.shareAll();      // for a copy that no later snapshot depends on
 * }</pre>
 *
 * <p>Pages that were never other than zero take no space. {@code update} reads the whole live
 * memory once, a few microseconds for 64 KiB; it copies only what changed.
 *
 * <p>A memory may be up to 2 GiB less one page, the most that a {@link ByteBuffer} can show. Not
 * thread-safe: it belongs to one Spirit. The page arrays that it hands out are never written again,
 * so a snapshot made of them may be stored by another thread.
 */
public final class PageTracker {
  /** Pages in one block of the table: the granularity at which untouched memory costs nothing. */
  private static final int BLOCK_PAGES = 64;

  private static final int BLOCK_BYTES = BLOCK_PAGES * PAGE_BYTES;
  private static final byte[] ZEROS = new byte[BLOCK_BYTES];

  /** By block, then by page within it; null stands for zeros at both levels. */
  private byte[][][] blocks = new byte[0][][];

  /** What the next delta holds. */
  private final BitSet dirty = new BitSet();

  /** Pages whose arrays nobody else has: made since pages were last handed out or taken in. */
  private final BitSet owned = new BitSet();

  private int sizeBytes;
  private int presentPages;

  /**
   * Makes the shadow equal to this memory and notes the pages that differed.
   *
   * @param memory the live memory from index 0 to its limit, a multiple of 4 KiB; its position and
   *     limit stay as they are
   * @return how many pages differed
   * @throws VudoException {@code ARGUMENT_INVALID} if the size is no multiple of 4 KiB
   */
  public int update(ByteBuffer memory) {
    ByteBuffer live = memory.duplicate();
    int size = live.limit();
    resize(size);
    ByteBuffer zeros = ByteBuffer.wrap(ZEROS);
    int changed = 0;
    for (int start = 0; start < size; ) {
      int end = (int) Math.min(size, (long) start + BLOCK_BYTES);
      byte[][] block = blocks[start / BLOCK_BYTES];
      if (block != null || differs(live, start, zeros, end - start)) {
        for (int at = start; at < end; at += PAGE_BYTES) {
          if (updatePage(live, at, zeros)) {
            changed++;
          }
        }
      }
      start = end;
    }
    return changed;
  }

  private boolean updatePage(ByteBuffer live, int at, ByteBuffer zeros) {
    int number = at / PAGE_BYTES;
    byte[] shadow = page(number);
    if (!differs(live, at, shadow == null ? zeros : ByteBuffer.wrap(shadow), PAGE_BYTES)) {
      return false;
    }
    if (!differs(live, at, zeros, PAGE_BYTES)) {
      setPage(number, null);
    } else {
      byte[] copy = shadow != null && owned.get(number) ? shadow : new byte[PAGE_BYTES];
      live.get(at, copy);
      setPage(number, copy);
      owned.set(number);
    }
    dirty.set(number);
    return true;
  }

  /**
   * Writes the image to a live memory. Only pages that differ are written; what the memory has
   * beyond the image becomes zeros.
   *
   * @param memory at least {@link #sizeBytes()} large; its position and limit stay as they are
   * @return how many pages differed
   * @throws VudoException {@code ARGUMENT_INVALID} if the memory is too small or its size is no
   *     multiple of 4 KiB
   */
  public int restoreInto(ByteBuffer memory) {
    ByteBuffer live = memory.duplicate();
    int size = live.limit();
    checkSize(size);
    if (size < sizeBytes) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          "An image of " + sizeBytes + " bytes does not fit a memory of " + size + " bytes.");
    }
    ByteBuffer zeros = ByteBuffer.wrap(ZEROS);
    int written = 0;
    for (int start = 0; start < size; ) {
      int end = (int) Math.min(size, (long) start + BLOCK_BYTES);
      int index = start / BLOCK_BYTES;
      byte[][] block = index < blocks.length ? blocks[index] : null;
      if (block != null || differs(live, start, zeros, end - start)) {
        for (int at = start; at < end; at += PAGE_BYTES) {
          byte[] shadow = block == null ? null : block[at / PAGE_BYTES % BLOCK_PAGES];
          if (differs(live, at, shadow == null ? zeros : ByteBuffer.wrap(shadow), PAGE_BYTES)) {
            live.put(at, shadow == null ? ZEROS : shadow, 0, PAGE_BYTES);
            written++;
          }
        }
      }
      start = end;
    }
    return written;
  }

  /**
   * The pages that changed since the last {@code takeDirty}, {@code takeAll} or {@code loadFrom};
   * {@link StateSnapshot#ZERO_PAGE} for those that became zeros. Afterwards no page is dirty.
   */
  public SortedMap<Integer, byte[]> takeDirty() {
    TreeMap<Integer, byte[]> taken = new TreeMap<>();
    dirty.clear(sizeBytes / PAGE_BYTES, Math.max(sizeBytes / PAGE_BYTES, dirty.length()));
    for (int number = dirty.nextSetBit(0); number >= 0; number = dirty.nextSetBit(number + 1)) {
      byte[] page = page(number);
      taken.put(number, page == null ? StateSnapshot.ZERO_PAGE : page);
    }
    dirty.clear();
    owned.clear();
    return Collections.unmodifiableSortedMap(taken);
  }

  /** All pages that are not zeros, for a full snapshot. Afterwards no page is dirty. */
  public SortedMap<Integer, byte[]> takeAll() {
    SortedMap<Integer, byte[]> taken = shareAll();
    dirty.clear();
    return taken;
  }

  /**
   * All pages that are not zeros, for a copy of the state beside the snapshots: what is dirty stays
   * so. A page that did not change between two calls is the same array in both results, and one
   * that changed is another, so comparing references tells what changed in between.
   */
  public SortedMap<Integer, byte[]> shareAll() {
    TreeMap<Integer, byte[]> taken = new TreeMap<>();
    for (int index = 0; index < blocks.length; index++) {
      if (blocks[index] != null) {
        for (int i = 0; i < BLOCK_PAGES; i++) {
          if (blocks[index][i] != null) {
            taken.put(index * BLOCK_PAGES + i, blocks[index][i]);
          }
        }
      }
    }
    owned.clear();
    return Collections.unmodifiableSortedMap(taken);
  }

  /**
   * Becomes the image of this snapshot, with no page dirty.
   *
   * @throws VudoException {@code ARGUMENT_INVALID} if the snapshot is a delta or too large
   */
  public void loadFrom(StateSnapshot snapshot) {
    if (!snapshot.isFull() || snapshot.memoryBytes() > Integer.MAX_VALUE) {
      throw new VudoException(ErrorCode.ARGUMENT_INVALID, "Cannot load " + snapshot + ".");
    }
    resize(0);
    dirty.clear();
    owned.clear();
    resize((int) snapshot.memoryBytes());
    for (Map.Entry<Integer, byte[]> page : snapshot.pages().entrySet()) {
      setPage(page.getKey(), page.getValue());
    }
  }

  /**
   * Shows the whole image, zeros included, in ascending order; what is dirty stays so.
   *
   * @param use gets a page or more at a time, read-only; it must not keep the buffer
   */
  public void read(Consumer<ByteBuffer> use) {
    int pageCount = sizeBytes / PAGE_BYTES;
    for (int number = 0; number < pageCount; ) {
      if (number % BLOCK_PAGES == 0 && blocks[number / BLOCK_PAGES] == null) {
        int zeroPages = Math.min(BLOCK_PAGES, pageCount - number);
        use.accept(ByteBuffer.wrap(ZEROS, 0, zeroPages * PAGE_BYTES).asReadOnlyBuffer());
        number += zeroPages;
      } else {
        byte[] page = page(number);
        use.accept(ByteBuffer.wrap(page == null ? ZEROS : page, 0, PAGE_BYTES).asReadOnlyBuffer());
        number++;
      }
    }
  }

  /** The size of the memory last seen, in bytes. */
  public int sizeBytes() {
    return sizeBytes;
  }

  /** How many pages a delta would hold now. */
  public int dirtyPages() {
    return dirty.get(0, sizeBytes / PAGE_BYTES).cardinality();
  }

  /** How many pages a full snapshot would hold now; about what the shadow takes of the heap. */
  public int presentPages() {
    return presentPages;
  }

  private void resize(int newSizeBytes) {
    checkSize(newSizeBytes);
    int newPages = newSizeBytes / PAGE_BYTES;
    // A memory shrinks only when a fresh instance takes the place of one that had grown. Pages
    // beyond the end become zeros. They stay dirty for the case that it grows again before they
    // are taken; if it does not, the delta says by its smaller memoryBytes that they are gone.
    for (int number = newPages; number < sizeBytes / PAGE_BYTES; number++) {
      if (page(number) != null) {
        setPage(number, null);
        dirty.set(number);
      }
    }
    int newBlocks = (newPages + BLOCK_PAGES - 1) / BLOCK_PAGES;
    if (newBlocks != blocks.length) {
      blocks = Arrays.copyOf(blocks, newBlocks);
    }
    sizeBytes = newSizeBytes;
  }

  private byte[] page(int number) {
    byte[][] block = blocks[number / BLOCK_PAGES];
    return block == null ? null : block[number % BLOCK_PAGES];
  }

  private void setPage(int number, byte[] page) {
    byte[][] block = blocks[number / BLOCK_PAGES];
    if (block == null) {
      if (page == null) {
        return;
      }
      block = new byte[BLOCK_PAGES][];
      blocks[number / BLOCK_PAGES] = block;
    }
    if (block[number % BLOCK_PAGES] != null) {
      presentPages--;
    }
    if (page != null) {
      presentPages++;
    }
    block[number % BLOCK_PAGES] = page;
  }

  /** {@code mismatch} compares in vector registers, also between heap and native memory. */
  private static boolean differs(ByteBuffer live, int at, ByteBuffer expected, int length) {
    live.limit(at + length).position(at);
    expected.limit(length).position(0);
    boolean differs = live.mismatch(expected) >= 0;
    live.limit(live.capacity());
    return differs;
  }

  private static void checkSize(int bytes) {
    if (bytes % PAGE_BYTES != 0) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, "A memory of " + bytes + " bytes is no multiple of 4 KiB.");
    }
  }
}
