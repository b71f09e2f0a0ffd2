package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Batch;
import io.vudo.protocol.journal.v1.SpiritEvent;
import java.util.ArrayList;
import java.util.List;

/**
 * Several events of one Spirit in one entry of the journal, and back.
 *
 * <p>An entry costs the journal as much as the turn in it, or more; the events of one commit need
 * only one.
 */
public final class EventBatches {
  private EventBatches() {}

  /**
   * Packs the events of one commit, keeping their order.
   *
   * @param events none of them a batch
   * @param maxBytes what one entry may take; an event that is larger has an entry to itself
   * @return as few entries as that allows
   */
  public static List<SpiritEvent> packed(List<SpiritEvent> events, long maxBytes) {
    List<SpiritEvent> entries = new ArrayList<>();
    List<SpiritEvent> some = new ArrayList<>();
    long bytes = 0;
    for (SpiritEvent event : events) {
      int size = event.getSerializedSize();
      if (!some.isEmpty() && bytes + size > maxBytes) {
        entries.add(entry(some));
        some.clear();
        bytes = 0;
      }
      some.add(event);
      bytes += size;
    }
    if (!some.isEmpty()) {
      entries.add(entry(some));
    }
    return entries;
  }

  private static SpiritEvent entry(List<SpiritEvent> events) {
    return events.size() == 1
        ? events.get(0)
        : SpiritEvent.newBuilder().setBatch(Batch.newBuilder().addAllEvents(events)).build();
  }

  /** The events of an entry of the journal, in their order; itself when it is no batch. */
  public static List<SpiritEvent> unpacked(SpiritEvent entry) {
    return entry.hasBatch() ? entry.getBatch().getEventsList() : List.of(entry);
  }
}
