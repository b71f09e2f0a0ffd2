package io.vudo.journal;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The state of a Spirit between two turns: a header that only the caller understands, and its
 * linear memory in pages of {@value #PAGE_BYTES} bytes.
 *
 * <p>It is either <b>full</b>, or a <b>delta</b> that holds only the pages that changed since the
 * snapshot stored under {@link #baseSequenceNumber()}. Deltas exist only on the way to the disk:
 * what an actor is offered at recovery is always full.
 *
 * <p>Immutable and safe to share between threads, provided that nobody writes to the page arrays
 * after handing them over; they are not copied, because a memory may be large.
 */
public final class StateSnapshot {
  /** Bytes of one page of a snapshot. A Wasm page is sixteen of them. */
  public static final int PAGE_BYTES = 4096;

  /** Stands in a delta for a page that became all zeros. */
  public static final byte[] ZERO_PAGE = new byte[0];

  private final ByteString header;
  private final long memoryBytes;
  private final long baseSequenceNumber;
  private final SortedMap<Integer, byte[]> pages;
  private final Lineage lineage;

  /**
   * Where a loaded snapshot came from, so that the next delta can build on it.
   *
   * @param sequenceNumber the sequence number it was stored under; 0 for one that was not loaded
   * @param deltas how many deltas it was put together from, on top of the full one
   * @param fullBytes bytes of the pages of the full one, before compression
   * @param deltaBytes bytes of the pages of all the deltas, before compression
   */
  public record Lineage(long sequenceNumber, int deltas, long fullBytes, long deltaBytes) {
    /** That of a snapshot that was made, not loaded. */
    public static final Lineage NONE = new Lineage(0, 0, 0, 0);
  }

  private StateSnapshot(
      ByteString header,
      long memoryBytes,
      long baseSequenceNumber,
      SortedMap<Integer, byte[]> pages,
      Lineage lineage) {
    this.header = Objects.requireNonNull(header);
    this.memoryBytes = memoryBytes;
    this.baseSequenceNumber = baseSequenceNumber;
    this.pages = Collections.unmodifiableSortedMap(pages);
    this.lineage = Objects.requireNonNull(lineage);
    check(memoryBytes >= 0 && memoryBytes % PAGE_BYTES == 0, "memory of " + memoryBytes + " bytes");
    check(baseSequenceNumber >= 0, "base " + baseSequenceNumber);
    for (Map.Entry<Integer, byte[]> page : pages.entrySet()) {
      int number = page.getKey();
      int length = page.getValue().length;
      check(
          number >= 0 && (number + 1L) * PAGE_BYTES <= memoryBytes,
          "page " + number + " outside of a memory of " + memoryBytes + " bytes");
      check(
          length == PAGE_BYTES || (length == 0 && baseSequenceNumber > 0),
          "page " + number + " of " + length + " bytes");
    }
  }

  /**
   * A whole image.
   *
   * @param header the caller's own bytes, usually Protobuf
   * @param memoryBytes the size of the memory; a multiple of {@link #PAGE_BYTES}
   * @param pages by number, each of {@link #PAGE_BYTES} bytes; a page that is absent is all zeros
   * @throws VudoException {@code ARGUMENT_INVALID} if sizes or numbers do not fit each other
   */
  public static StateSnapshot full(
      ByteString header, long memoryBytes, SortedMap<Integer, byte[]> pages) {
    return new StateSnapshot(header, memoryBytes, 0, new TreeMap<>(pages), Lineage.NONE);
  }

  /**
   * What changed since another snapshot of the same Spirit.
   *
   * @param header the caller's own bytes; always whole, never a delta
   * @param memoryBytes the size of the memory now
   * @param baseSequenceNumber the sequence number under which that other snapshot was stored
   * @param pages those that changed; {@link #ZERO_PAGE} for one that became all zeros
   * @throws VudoException {@code ARGUMENT_INVALID} if sizes or numbers do not fit each other
   */
  public static StateSnapshot delta(
      ByteString header,
      long memoryBytes,
      long baseSequenceNumber,
      SortedMap<Integer, byte[]> pages) {
    check(baseSequenceNumber > 0, "a delta without a base");
    return new StateSnapshot(
        header, memoryBytes, baseSequenceNumber, new TreeMap<>(pages), Lineage.NONE);
  }

  /** The same snapshot, knowing where it came from. */
  public StateSnapshot withLineage(Lineage newLineage) {
    return new StateSnapshot(header, memoryBytes, baseSequenceNumber, pages, newLineage);
  }

  /** The caller's own bytes. */
  public ByteString header() {
    return header;
  }

  /** The size of the memory in bytes. */
  public long memoryBytes() {
    return memoryBytes;
  }

  /** The sequence number of the snapshot that this delta builds on; 0 for a full one. */
  public long baseSequenceNumber() {
    return baseSequenceNumber;
  }

  /** Whether it needs no other snapshot. */
  public boolean isFull() {
    return baseSequenceNumber == 0;
  }

  /** The pages by ascending number; unmodifiable, and so are its arrays by agreement. */
  public SortedMap<Integer, byte[]> pages() {
    return pages;
  }

  /** Where it came from; {@link Lineage#NONE} for one that was not loaded. */
  public Lineage lineage() {
    return lineage;
  }

  /** The bytes of all its pages, before compression. */
  public long pageBytes() {
    return pages.values().stream().mapToLong(page -> page.length).sum();
  }

  @Override
  public String toString() {
    return "StateSnapshot["
        + (isFull() ? "full" : "delta on " + baseSequenceNumber)
        + ", header "
        + header.size()
        + " bytes, memory "
        + memoryBytes
        + " bytes, "
        + pages.size()
        + " pages]";
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new VudoException(ErrorCode.ARGUMENT_INVALID, "A snapshot cannot have " + what + ".");
    }
  }
}
