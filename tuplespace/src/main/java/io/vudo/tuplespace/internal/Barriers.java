package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.PriorityQueue;

/**
 * The barriers whose home is one partition: who has arrived, and who was let through.
 *
 * <p>Pure and single-threaded. Arrivals are on disk, so that a crash makes nobody arrive twice, and
 * so is that a barrier opened, so that either all of its parties get through or none.
 */
final class Barriers {
  static final int MAX_NAME_LENGTH = 256;
  static final int MAX_PARTIES = 100_000;
  private static final int PASSED_REMEMBERED = 100_000;

  /**
   * Those that wait at a barrier.
   *
   * @param arrived when each stops to wait, in the order of arrival
   */
  record Barrier(int parties, LinkedHashMap<String, Long> arrived) {}

  /** One that waits. */
  record Party(String barrier, String partyId) {}

  private record Deadline(Party party, long endsAtMillis) {}

  // Who left or passed meanwhile leaves a deadline behind; it is dropped when it is first.
  private final PriorityQueue<Deadline> deadlines =
      new PriorityQueue<>(Comparator.comparingLong(Deadline::endsAtMillis));
  private final Map<String, Barrier> barriers = new LinkedHashMap<>();
  private final Map<String, String> barrierOf = new HashMap<>();
  private final Recent<Integer> passed =
      new Recent<>(PASSED_REMEMBERED, Long.MAX_VALUE, index -> 0);

  /** In which place a party that was let through had arrived; empty for one that was not. */
  OptionalInt passed(String partyId) {
    return passed.get(partyId).map(OptionalInt::of).orElse(OptionalInt.empty());
  }

  /** Where a party waits. */
  Optional<String> barrierOf(String partyId) {
    return Optional.ofNullable(barrierOf.get(partyId));
  }

  /**
   * Checks that a party may arrive.
   *
   * @throws VudoException {@code BARRIER_INVALID}, {@code BARRIER_MISMATCH}
   */
  void check(String name, int parties, String partyId) {
    if (name.isEmpty() || name.length() > MAX_NAME_LENGTH || parties < 1 || parties > MAX_PARTIES) {
      throw new VudoException(
          ErrorCode.BARRIER_INVALID, name.length() + " characters, " + parties + " parties.");
    }
    Barrier barrier = barriers.get(name);
    if (barrier != null && barrier.parties() != parties) {
      throw new VudoException(
          ErrorCode.BARRIER_MISMATCH,
          "Barrier " + name + " has " + barrier.parties() + " parties, not " + parties + ".");
    }
    String before = barrierOf.get(partyId);
    if (before != null && !before.equals(name)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Party " + partyId + " waits at barrier " + before + ".");
    }
  }

  void arrive(String name, int parties, String partyId, long endsAtMillis) {
    barriers
        .computeIfAbsent(name, unused -> new Barrier(parties, new LinkedHashMap<>()))
        .arrived()
        .put(partyId, endsAtMillis);
    barrierOf.put(partyId, name);
    deadlines.add(new Deadline(new Party(name, partyId), endsAtMillis));
  }

  private boolean isWaiting(Deadline deadline) {
    Barrier barrier = barriers.get(deadline.party().barrier());
    return barrier != null
        && Objects.equals(
            barrier.arrived().get(deadline.party().partyId()), deadline.endsAtMillis());
  }

  /** Whether as many have arrived as the barrier waits for. */
  boolean isFull(String name) {
    Barrier barrier = barriers.get(name);
    return barrier != null && barrier.arrived().size() >= barrier.parties();
  }

  /** Those that wait, in the order of their arrival. */
  List<String> arrived(String name) {
    Barrier barrier = barriers.get(name);
    return barrier == null ? List.of() : List.copyOf(barrier.arrived().keySet());
  }

  void leave(String name, String partyId) {
    Barrier barrier = barriers.get(name);
    if (barrier != null) {
      barrier.arrived().remove(partyId);
      if (barrier.arrived().isEmpty()) {
        barriers.remove(name);
      }
    }
    barrierOf.remove(partyId);
  }

  /** Lets all through. */
  void open(String name) {
    List<String> through = arrived(name);
    barriers.remove(name);
    for (int i = 0; i < through.size(); i++) {
      barrierOf.remove(through.get(i));
      passed.put(through.get(i), i);
    }
  }

  /** Those whose time is over; each is answered once. */
  List<Party> over(long nowMillis) {
    List<Party> over = new ArrayList<>();
    while (nextEndMillis() <= nowMillis) {
      over.add(deadlines.remove().party());
    }
    return over;
  }

  /** When the next one stops to wait; {@link Long#MAX_VALUE} when nobody waits. */
  long nextEndMillis() {
    while (!deadlines.isEmpty() && !isWaiting(deadlines.peek())) {
      deadlines.remove();
    }
    return deadlines.isEmpty() ? Long.MAX_VALUE : deadlines.peek().endsAtMillis();
  }

  int waiting() {
    return barrierOf.size();
  }

  List<SpaceSnapshot.Barrier> snapshot() {
    return barriers.entrySet().stream()
        .map(
            entry ->
                new SpaceSnapshot.Barrier(
                    entry.getKey(),
                    entry.getValue().parties(),
                    entry.getValue().arrived().entrySet().stream()
                        .map(party -> new SpaceSnapshot.Arrival(party.getKey(), party.getValue()))
                        .toList()))
        .toList();
  }

  List<SpaceSnapshot.Passed> passedSnapshot() {
    return passed.entries().entrySet().stream()
        .map(entry -> new SpaceSnapshot.Passed(entry.getKey(), entry.getValue()))
        .toList();
  }

  void restore(SpaceSnapshot snapshot) {
    for (SpaceSnapshot.Barrier barrier : snapshot.barriers()) {
      for (SpaceSnapshot.Arrival arrival : barrier.arrivals()) {
        arrive(barrier.name(), barrier.parties(), arrival.partyId(), arrival.endsAtMillis());
      }
    }
    snapshot.passed().forEach(party -> passed.put(party.partyId(), party.index()));
  }
}
