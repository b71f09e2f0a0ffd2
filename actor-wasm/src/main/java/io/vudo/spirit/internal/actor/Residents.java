package io.vudo.spirit.internal.actor;

import io.vudo.protocol.SpiritId;
import io.vudo.spirit.SpiritStatus;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The Spirits in this node's memory. Thread-safe: Spirits write their own entry, the node reads
 * all.
 */
final class Residents {
  private record Resident(SpiritStatus status, ActorRef<SpiritCommand> gate, long usedNanos) {}

  private final Map<SpiritId, Resident> residents = new ConcurrentHashMap<>();

  void update(SpiritStatus status, ActorRef<SpiritCommand> gate) {
    residents.put(status.id(), new Resident(status, gate, System.nanoTime()));
  }

  void remove(SpiritId id) {
    residents.remove(id);
  }

  List<SpiritStatus> list() {
    return residents.values().stream()
        .map(Resident::status)
        .sorted(Comparator.comparing(SpiritStatus::id))
        .toList();
  }

  /** Asks the Spirits that nobody has used for longest to leave; those that are busy stay. */
  void makeRoom() {
    long now = System.nanoTime();
    residents.values().stream()
        .filter(resident -> resident.status().phase() == SpiritStatus.Phase.READY)
        .sorted(Comparator.comparingLong((Resident r) -> r.usedNanos() - now))
        .limit(Math.max(8, residents.size() / 20))
        .forEach(resident -> resident.gate().tell(SpiritCommand.Idle.INSTANCE));
  }
}
