package io.vudo.tuplespace.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.StreamSupport;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.journal.japi.AsyncWriteJournal;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.FutureConverters;

/** A journal that counts its writes and finishes none before its gate is open. Made by Pekko. */
public final class GatedJournal extends AsyncWriteJournal {
  static final String CONFIG =
      """
      gated-journal.class = "io.vudo.tuplespace.internal.GatedJournal"
      pekko.persistence.journal.plugin = "gated-journal"
      """;

  static final AtomicInteger WRITES = new AtomicInteger();
  static volatile CompletableFuture<Void> gate = CompletableFuture.completedFuture(null);

  private static final Map<String, List<PersistentRepr>> EVENTS = new ConcurrentHashMap<>();

  @Override
  public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(
      Iterable<AtomicWrite> messages) {
    WRITES.incrementAndGet();
    return FutureConverters.asScala(
        gate.thenApply(
            open -> {
              for (AtomicWrite write : messages) {
                EVENTS
                    .computeIfAbsent(write.persistenceId(), id -> new ArrayList<>())
                    .addAll(CollectionConverters.asJava(write.payload()));
              }
              return StreamSupport.stream(messages.spliterator(), false)
                  .map(write -> Optional.<Exception>empty())
                  .toList();
            }));
  }

  @Override
  public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
    return FutureConverters.asScala(CompletableFuture.<Void>completedFuture(null));
  }

  @Override
  public Future<Void> doAsyncReplayMessages(
      String persistenceId,
      long fromSequenceNr,
      long toSequenceNr,
      long max,
      Consumer<PersistentRepr> replay) {
    EVENTS.getOrDefault(persistenceId, List.of()).stream()
        .filter(e -> e.sequenceNr() >= fromSequenceNr && e.sequenceNr() <= toSequenceNr)
        .limit(max)
        .forEach(replay);
    return FutureConverters.asScala(CompletableFuture.<Void>completedFuture(null));
  }

  @Override
  public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long fromSequenceNr) {
    return FutureConverters.asScala(
        CompletableFuture.completedFuture(
            (long) EVENTS.getOrDefault(persistenceId, List.of()).size()));
  }
}
