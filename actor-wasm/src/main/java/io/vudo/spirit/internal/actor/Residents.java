package io.vudo.spirit.internal.actor;

import io.vudo.protocol.SpiritId;
import io.vudo.spirit.Engine;
import io.vudo.spirit.SpiritStatus;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The Spirits in this node's memory, and who of them must go when an engine is full: of each engine
 * the least recently used ones. Thread-safe: Spirits write their own entry, the node reads all.
 */
final class Residents {
  /** How many are asked to leave at once when an engine refused an instance. */
  private static final int LEAST_AT_ONCE = 8;

  /** The part of an engine's instances that is kept free, so that callers need not wait: 1/20. */
  private static final int HEADROOM_PARTS = 20;

  /** One that was asked and is still there may be asked again after this; it was busy. */
  private static final long ASK_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  /**
   * How many there are, and what they take, as of the last second or so.
   *
   * @param byPhase how many are in each phase; none are in one that is not there
   * @param memoryBytes of all
   * @param takenNanos when it was taken
   */
  record Census(Map<SpiritStatus.Phase, Integer> byPhase, long memoryBytes, long takenNanos) {
    int inPhase(SpiritStatus.Phase phase) {
      return byPhase.getOrDefault(phase, 0);
    }
  }

  /** Several meters are read at once, and counting takes the lock. */
  private static final long CENSUS_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private static final class Resident {
    private final SpiritStatus status;
    private final ActorRef<SpiritCommand> gate;
    private final boolean hasInstance;
    private final long usedNanos = System.nanoTime();
    private boolean asked;
    private long askedNanos;

    Resident(SpiritStatus status, ActorRef<SpiritCommand> gate, boolean hasInstance) {
      this.status = status;
      this.gate = gate;
      this.hasInstance = hasInstance;
    }

    boolean canMakeRoom() {
      return hasInstance && status.phase() == SpiritStatus.Phase.READY;
    }

    boolean isAsked(long nowNanos) {
      return asked && nowNanos - askedNanos < ASK_AGAIN_NANOS;
    }
  }

  private final Function<String, Engine> engines;

  /** By engine; of each, who has not been used for longest comes first. */
  private final Map<String, LinkedHashMap<SpiritId, Resident>> byEngine = new HashMap<>();

  private Census census = new Census(Map.of(), 0, System.nanoTime() - 2 * CENSUS_NANOS);

  Residents(Function<String, Engine> engines) {
    this.engines = engines;
  }

  /**
   * Notes what a Spirit says of itself, and that it was used just now.
   *
   * @param hasInstance whether it has an instance, so that there is one more when it leaves
   */
  synchronized void update(SpiritStatus status, ActorRef<SpiritCommand> gate, boolean hasInstance) {
    byEngine.values().forEach(residents -> residents.remove(status.id()));
    byEngine
        .computeIfAbsent(status.engine(), name -> new LinkedHashMap<>())
        .put(status.id(), new Resident(status, gate, hasInstance));
  }

  /** Forgets a Spirit, unless it is back already with another gate. */
  synchronized void remove(SpiritId id, ActorRef<SpiritCommand> gate) {
    for (LinkedHashMap<SpiritId, Resident> residents : byEngine.values()) {
      Resident resident = residents.get(id);
      if (resident != null && resident.gate.equals(gate)) {
        residents.remove(id);
      }
    }
  }

  synchronized Census census() {
    long now = System.nanoTime();
    if (now - census.takenNanos() > CENSUS_NANOS) {
      Map<SpiritStatus.Phase, Integer> byPhase = new EnumMap<>(SpiritStatus.Phase.class);
      long memoryBytes = 0;
      for (LinkedHashMap<SpiritId, Resident> residents : byEngine.values()) {
        for (Resident resident : residents.values()) {
          byPhase.merge(resident.status.phase(), 1, Integer::sum);
          memoryBytes += resident.status.memoryBytes();
        }
      }
      census = new Census(Map.copyOf(byPhase), memoryBytes, now);
    }
    return census;
  }

  long memoryBytes() {
    return census().memoryBytes();
  }

  List<SpiritStatus> list() {
    List<SpiritStatus> all = new ArrayList<>();
    synchronized (this) {
      for (LinkedHashMap<SpiritId, Resident> residents : byEngine.values()) {
        residents.values().forEach(resident -> all.add(resident.status));
      }
    }
    all.sort(Comparator.comparing(SpiritStatus::id));
    return all;
  }

  /** The Spirits of a type, those that were used last first. */
  List<SpiritId> recent(String type) {
    List<Resident> found = new ArrayList<>();
    synchronized (this) {
      for (LinkedHashMap<SpiritId, Resident> residents : byEngine.values()) {
        for (Resident resident : residents.values()) {
          if (resident.status.id().type().equals(type)) {
            found.add(resident);
          }
        }
      }
    }
    long now = System.nanoTime();
    found.sort(Comparator.comparingLong(resident -> now - resident.usedNanos));
    return found.stream().map(resident -> resident.status.id()).toList();
  }

  /**
   * An engine refused an instance: asks the Spirits on it that nobody has used for longest to give
   * back theirs. Those that are busy stay. The caller tries again, and calls again when there still
   * is none: further ones are asked as those before have left.
   */
  void makeRoom(String engine) {
    ask(engine, Math.max(LEAST_AT_ONCE, count(engine) / HEADROOM_PARTS));
  }

  /** As {@link #makeRoom(String)}, for whichever engine is full. */
  void makeRoom() {
    List<String> names;
    synchronized (this) {
      names = List.copyOf(byEngine.keySet());
    }
    names.forEach(this::makeRoom);
  }

  /**
   * Keeps some instances of an engine free: once nine tenths and a half are taken, asks the least
   * recently used Spirits to leave until one tenth is free. An engine with few instances has no
   * room to spare for that.
   */
  void keepHeadroom(String engineName) {
    Engine engine = engines.apply(engineName);
    int headroom = engine.maxInstances() / HEADROOM_PARTS;
    int free = engine.maxInstances() - engine.liveInstances();
    if (free < headroom) {
      ask(engineName, 2 * headroom - free);
    }
  }

  private synchronized int count(String engine) {
    return residents(engine).size();
  }

  private Collection<Resident> residents(String engine) {
    LinkedHashMap<SpiritId, Resident> residents = byEngine.get(engine);
    return residents == null ? List.of() : residents.values();
  }

  /** Sees to it that so many are about to leave, those included that were asked lately. */
  private synchronized void ask(String engine, int wanted) {
    long now = System.nanoTime();
    int leaving = 0;
    for (Resident resident : residents(engine)) {
      if (leaving >= wanted) {
        return;
      }
      if (resident.canMakeRoom()) {
        leaving++;
        if (!resident.isAsked(now)) {
          resident.asked = true;
          resident.askedNanos = now;
          resident.gate.tell(SpiritCommand.MakeRoom.INSTANCE);
        }
      }
    }
  }
}
