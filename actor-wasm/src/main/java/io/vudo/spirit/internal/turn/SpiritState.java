package io.vudo.spirit.internal.turn;

import com.google.protobuf.UnsafeByteOperations;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Forked;
import io.vudo.protocol.journal.v1.ForkedPages;
import io.vudo.protocol.journal.v1.Page;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.SpiritImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * The whole state of a Spirit between two turns, apart from its machine. Immutable by agreement:
 * nobody writes to the pages.
 *
 * @param id whose it is
 * @param header all but memory, outbox and inbox; with the hash if the Spirit lives
 * @param memoryBytes the size of its memory
 * @param pages of 4 KiB, those that are not all zeros
 */
public record SpiritState(
    SpiritId id, SpiritHeader header, long memoryBytes, SortedMap<Integer, byte[]> pages) {

  /** Small, because recovery reads events by number, not by size. */
  private static final int PAGES_PER_EVENT = 32;

  /** As it is exported. */
  public SpiritImage toImage() {
    SpiritImage.Builder image =
        SpiritImage.newBuilder()
            .setSpirit(id.toString())
            .setHeader(header)
            .setMemoryBytes(memoryBytes);
    pages.entrySet().forEach(page -> image.addPages(page(page)));
    return image.build();
  }

  /**
   * The first events of a Spirit that is to go on from here, with a life of its own: nobody is its
   * parent. To be written together.
   */
  public List<SpiritEvent> forkEvents(long timeMillis) {
    return events(timeMillis, header.toBuilder().clearParent().build());
  }

  /** The same for a machine that is to do once more what this Spirit did. */
  public List<SpiritEvent> copyEvents() {
    return events(0, header);
  }

  private List<SpiritEvent> events(long timeMillis, SpiritHeader header) {
    List<SpiritEvent> events = new ArrayList<>();
    ForkedPages.Builder some = ForkedPages.newBuilder();
    for (Map.Entry<Integer, byte[]> page : pages.entrySet()) {
      some.addPages(page(page));
      if (some.getPagesCount() == PAGES_PER_EVENT) {
        events.add(SpiritEvent.newBuilder().setForkedPages(some).build());
        some.clear();
      }
    }
    if (some.getPagesCount() > 0) {
      events.add(SpiritEvent.newBuilder().setForkedPages(some).build());
    }
    events.add(
        SpiritEvent.newBuilder()
            .setForked(
                Forked.newBuilder()
                    .setOrigin(id.toString())
                    .setTurn(header.getLastTurn())
                    .setTimeMillis(timeMillis)
                    .setHeader(header)
                    .setMemoryBytes(memoryBytes)
                    .setPageCount(pages.size()))
            .build());
    return events;
  }

  private static Page page(Map.Entry<Integer, byte[]> page) {
    return Page.newBuilder()
        .setNumber(page.getKey())
        .setContent(UnsafeByteOperations.unsafeWrap(page.getValue()))
        .build();
  }
}
