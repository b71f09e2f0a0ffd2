package io.vudo.tuplespace.internal;

import io.vudo.tuplespace.HoldOutcome;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The transactions whose home is one partition, and what that partition knows of the end of others.
 *
 * <p>Pure and single-threaded. A transaction is open until its home has written down how it ends.
 * From then on that is the truth, and the home tells it to every partition until each has followed;
 * only then it is forgotten. What comes too late is remembered as long as there is room.
 */
final class Transactions {
  private static final int REMEMBERED = 10_000;
  private static final long TELL_AGAIN_MILLIS = 1_000;

  /** One that has to be told to these partitions. */
  record ToTell(String transaction, boolean commit, List<Integer> partitions) {}

  private static final class Decided {
    final boolean commit;
    final Set<Integer> remaining = new HashSet<>(Partitions.all());
    final List<ActorRef<SpaceReply>> callers = new ArrayList<>();
    long tellAtTick = Long.MIN_VALUE;

    Decided(boolean commit) {
      this.commit = commit;
    }
  }

  private record Deadline(String transaction, long endsAtMillis) {}

  private final Map<String, Long> open = new LinkedHashMap<>();

  // What was decided meanwhile leaves its deadline behind; it is dropped when it is due.
  private final PriorityQueue<Deadline> deadlines =
      new PriorityQueue<>(Comparator.comparingLong(Deadline::endsAtMillis));
  private final Map<String, Decided> decided = new HashMap<>();
  private final Recent<Boolean> ended = new Recent<>(REMEMBERED, Long.MAX_VALUE, commit -> 0);
  private final Recent<Boolean> followed = new Recent<>(REMEMBERED, Long.MAX_VALUE, over -> 0);

  int open() {
    return open.size();
  }

  void begin(String transaction, long endsAtMillis) {
    open.put(transaction, endsAtMillis);
    deadlines.add(new Deadline(transaction, endsAtMillis));
  }

  boolean isOpen(String transaction) {
    return open.containsKey(transaction);
  }

  void decide(String transaction, boolean commit) {
    open.remove(transaction);
    decided.put(transaction, new Decided(commit));
  }

  /** How it ended; empty while it is open, or when nothing is known of it. */
  Optional<Boolean> decision(String transaction) {
    Decided known = decided.get(transaction);
    return known != null ? Optional.of(known.commit) : ended.get(transaction);
  }

  /** For a partition that has not heard. */
  HoldOutcome outcome(String transaction) {
    return isOpen(transaction)
        ? HoldOutcome.PENDING
        : SpaceCommand.outcome(decision(transaction).orElse(false));
  }

  /**
   * Somebody wants to hear when every partition has followed.
   *
   * @return false when they have
   */
  boolean await(String transaction, ActorRef<SpaceReply> caller) {
    Decided known = decided.get(transaction);
    if (known == null) {
      return false;
    }
    known.callers.add(caller);
    return true;
  }

  /** A partition followed; whether it was the last one. */
  boolean follow(String transaction, int partition) {
    Decided known = decided.get(transaction);
    return known != null && known.remaining.remove(partition) && known.remaining.isEmpty();
  }

  /** Every partition followed; those that wanted to hear of it. */
  List<ActorRef<SpaceReply>> end(String transaction) {
    Decided known = decided.remove(transaction);
    if (known == null) {
      return List.of();
    }
    ended.put(transaction, known.commit);
    return known.callers;
  }

  /** The open ones whose time is over. */
  List<String> over(long nowMillis) {
    List<String> over = new ArrayList<>();
    while (!deadlines.isEmpty() && deadlines.peek().endsAtMillis() <= nowMillis) {
      String transaction = deadlines.remove().transaction();
      if (isOpen(transaction)) {
        over.add(transaction);
      }
    }
    return over;
  }

  /** When the next one's time is over; {@link Long#MAX_VALUE} when none is open. */
  long nextEndMillis() {
    while (!deadlines.isEmpty() && !isOpen(deadlines.peek().transaction())) {
      deadlines.remove();
    }
    return deadlines.isEmpty() ? Long.MAX_VALUE : deadlines.peek().endsAtMillis();
  }

  /** What has to be told now, again where it was not confirmed for a while. */
  List<ToTell> toTell(long tickMillis) {
    List<ToTell> due = new ArrayList<>();
    decided.forEach(
        (transaction, known) -> {
          if (known.tellAtTick <= tickMillis) {
            known.tellAtTick = tickMillis + TELL_AGAIN_MILLIS;
            due.add(new ToTell(transaction, known.commit, List.copyOf(known.remaining)));
          }
        });
    return due;
  }

  /** In how many milliseconds something has to be told again; {@link Long#MAX_VALUE} for never. */
  long nextTellInMillis() {
    return decided.isEmpty() ? Long.MAX_VALUE : TELL_AGAIN_MILLIS;
  }

  /** This partition has done what the end of a transaction means for it. */
  void hasFollowed(String transaction) {
    followed.put(transaction, true);
  }

  /** Whether what comes under this transaction comes too late. */
  boolean isOver(String transaction) {
    return followed.contains(transaction) || decision(transaction).isPresent();
  }

  List<SpaceSnapshot.Open> openSnapshot() {
    return open.entrySet().stream()
        .map(entry -> new SpaceSnapshot.Open(entry.getKey(), entry.getValue()))
        .toList();
  }

  List<SpaceSnapshot.Decision> decidedSnapshot() {
    return decided.entrySet().stream()
        .map(entry -> new SpaceSnapshot.Decision(entry.getKey(), entry.getValue().commit))
        .toList();
  }

  List<SpaceSnapshot.Decision> endedSnapshot() {
    return ended.entries().entrySet().stream()
        .map(entry -> new SpaceSnapshot.Decision(entry.getKey(), entry.getValue()))
        .toList();
  }

  List<String> followedSnapshot() {
    return List.copyOf(followed.entries().keySet());
  }

  void restore(SpaceSnapshot snapshot) {
    snapshot.open().forEach(one -> begin(one.transaction(), one.endsAtMillis()));
    snapshot.decided().forEach(one -> decide(one.transaction(), one.commit()));
    snapshot.ended().forEach(one -> ended.put(one.transaction(), one.commit()));
    snapshot.followed().forEach(this::hasFollowed);
  }
}
