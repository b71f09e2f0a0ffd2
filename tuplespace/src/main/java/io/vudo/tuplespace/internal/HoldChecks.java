package io.vudo.tuplespace.internal;

import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.HoldResolver;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When which Spirit is asked about its hold. Used by one thread; answers arrive by {@code answers}
 * from any.
 */
final class HoldChecks {
  private record Check(String holdId, long atMillis, int asked) {}

  private static final Logger LOG = LoggerFactory.getLogger(HoldChecks.class);

  private final SpaceSettings settings;
  private final HoldResolver resolver;
  private final Consumer<SpaceWork.Resolved> answers;

  // A hold that ended leaves its check behind; it is dropped when it is due.
  private final PriorityQueue<Check> due =
      new PriorityQueue<>(Comparator.comparingLong(Check::atMillis));
  private final Map<String, Check> asking = new HashMap<>();

  HoldChecks(SpaceSettings settings, HoldResolver resolver, Consumer<SpaceWork.Resolved> answers) {
    this.settings = settings;
    this.resolver = resolver;
    this.answers = answers;
  }

  /** Asks about the hold from {@code atMillis} on. */
  void watch(String holdId, long atMillis) {
    due.add(new Check(holdId, atMillis, 0));
  }

  /** Takes note of an answer; one that decided nothing is asked for again. */
  void answered(SpaceWork.Resolved resolved, long nowMillis) {
    Check check = asking.remove(resolved.holdId());
    if (check != null && resolved.outcome() == HoldOutcome.PENDING) {
      long pause =
          Backoff.pause(
                  settings.holdCheckBackoffMin(), settings.holdCheckBackoffMax(), check.asked())
              .toMillis();
      due.add(new Check(check.holdId(), nowMillis + pause, check.asked() + 1));
    }
  }

  /** Asks about the holds that are due and still there. */
  void ask(TupleStore store, long nowMillis) {
    while (!due.isEmpty()
        && due.peek().atMillis() <= nowMillis
        && asking.size() < settings.holdChecksAtOnce()) {
      Check check = due.remove();
      store
          .held(check.holdId())
          .ifPresent(
              held -> {
                asking.put(check.holdId(), check);
                ask(held);
              });
    }
  }

  /** When the next hold is due; {@link Long#MAX_VALUE} when none is, or no more can be asked. */
  long nextMillis() {
    return due.isEmpty() || asking.size() >= settings.holdChecksAtOnce()
        ? Long.MAX_VALUE
        : due.peek().atMillis();
  }

  private void ask(HeldTuple held) {
    CompletionStage<HoldOutcome> answer;
    try {
      answer = resolver.resolve(held.holder(), held.holdId());
    } catch (RuntimeException e) {
      LOG.warn("Asking {} about hold {} failed.", held.holder(), held.holdId(), e);
      answers.accept(new SpaceWork.Resolved(held.holdId(), HoldOutcome.PENDING));
      return;
    }
    // A stage of our own gets the timeout, the caller's future is not ours to complete.
    var unused =
        answer
            .thenApply(outcome -> outcome)
            .toCompletableFuture()
            .orTimeout(settings.holdCheckTimeout().toMillis(), TimeUnit.MILLISECONDS)
            .whenComplete(
                (outcome, failure) -> {
                  if (failure != null) {
                    LOG.info(
                        "{} did not answer about hold {}: {}",
                        held.holder(),
                        held.holdId(),
                        failure.toString());
                  }
                  answers.accept(
                      new SpaceWork.Resolved(
                          held.holdId(), outcome == null ? HoldOutcome.PENDING : outcome));
                });
  }
}
