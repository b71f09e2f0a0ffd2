package io.vudo.node.internal;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.pattern.Patterns;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/** The answers that would go on for ever, until the node ends. Thread-safe. */
final class EndlessStreams {
  /**
   * How long the end of an answer may take to leave the node. Pekko cuts a connection whose answer
   * was handed to it, whether it was sent or not.
   */
  private static final Duration LAST_WORDS = Duration.ofMillis(300);

  private final SharedKillSwitch stop = KillSwitches.shared("vudo-gateway");
  private final AtomicInteger open = new AtomicInteger();

  /** The same, but it ends when all of them do. */
  Source<ByteString, NotUsed> ending(Source<ByteString, NotUsed> stream) {
    return counted(stream.via(stop.flow()));
  }

  /** The same, and {@link #lastWords} waits for its end. */
  Source<ByteString, NotUsed> counted(Source<ByteString, NotUsed> stream) {
    return stream.watchTermination(
        (unused, ended) -> {
          open.incrementAndGet();
          ended.whenComplete((done, failure) -> open.decrementAndGet());
          return unused;
        });
  }

  /** Ends them. */
  CompletionStage<Done> end(ActorSystem<?> system) {
    CompletionStage<Done> said = lastWords(system);
    stop.shutdown();
    return said;
  }

  /** Completes when those that are open now, and are ended now, have reached their clients. */
  CompletionStage<Done> lastWords(ActorSystem<?> system) {
    return open.get() == 0
        ? CompletableFuture.completedFuture(Done.getInstance())
        : Patterns.after(
            LAST_WORDS,
            Adapter.toClassic(system).scheduler(),
            system.executionContext(),
            () -> CompletableFuture.completedFuture(Done.getInstance()));
  }
}
