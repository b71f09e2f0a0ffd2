package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpaceName;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.OperationId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/**
 * How a caller reaches the partitions of a space: one of them, or, where the first field is open,
 * all, in a way that what comes out is as if there were one. Safe to use from many threads.
 */
public final class SpaceClient {
  /** The partitions in the cluster. */
  public static final EntityTypeKey<SpaceCommand> SPACES =
      EntityTypeKey.create(SpaceCommand.class, "space");

  /** A tuple, and where it was found. */
  public record Place(int partition, SpaceReply.Found found) {}

  /** So often all partitions are asked, when they change too fast to be seen at one moment. */
  private static final int MAX_ROUNDS = 50;

  /**
   * A caller that does not ask again is forgotten by the partition soon, so that nothing is taken
   * for one that died.
   */
  private static final long SILENCE_MILLIS = 5_000;

  private final ClusterSharding sharding;

  /**
   * Where callers go on with their answers. A stage that Pekko makes of a future would otherwise
   * run each callback on the common pool, which on one or two cores is a new thread for each.
   */
  private final Executor executor;

  private final Duration timeout;

  public SpaceClient(ClusterSharding sharding, Executor executor, Duration timeout) {
    this.sharding = sharding;
    this.executor = executor;
    this.timeout = timeout;
  }

  /** The same, with another time to wait for an answer. */
  public SpaceClient withTimeout(Duration timeout) {
    return new SpaceClient(sharding, executor, timeout);
  }

  public Duration timeout() {
    return timeout;
  }

  /**
   * Sends what is not answered.
   *
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public void tell(String space, int partition, SpaceCommand command) {
    SpaceName.check(space);
    sharding.entityRefFor(SPACES, Partitions.entityId(space, partition)).tell(command);
  }

  /** Asks one partition. Fails with {@link VudoException}. */
  public <T> CompletableFuture<T> ask(
      String space,
      int partition,
      Function<ActorRef<SpaceReply>, SpaceCommand> command,
      Function<SpaceReply, T> answer) {
    // A future of our own: a failure of thenApply would arrive wrapped.
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      SpaceName.check(space);
      var unused =
          sharding
              .entityRefFor(SPACES, Partitions.entityId(space, partition))
              .<SpaceReply>ask(command::apply, timeout)
              .whenCompleteAsync(
                  (reply, failure) -> {
                    if (failure != null) {
                      result.completeExceptionally(failureOf(space, failure));
                    } else if (reply instanceof SpaceReply.Refused refused) {
                      result.completeExceptionally(refused.error().toException());
                    } else {
                      completeWith(result, () -> answer.apply(reply));
                    }
                  },
                  executor);
    } catch (VudoException e) {
      result.completeExceptionally(e);
    }
    return result;
  }

  private static <T> void completeWith(CompletableFuture<T> result, Supplier<T> answer) {
    try {
      result.complete(answer.get());
    } catch (RuntimeException e) {
      result.completeExceptionally(e);
    }
  }

  /** Asks all partitions at the same time; the answers are in their order. */
  public <T> CompletableFuture<List<T>> askAll(
      String space,
      IntFunction<Function<ActorRef<SpaceReply>, SpaceCommand>> command,
      Function<SpaceReply, T> answer) {
    List<CompletableFuture<T>> asked = new ArrayList<>();
    for (int partition : Partitions.all()) {
      asked.add(ask(space, partition, command.apply(partition), answer));
    }
    return all(asked);
  }

  /** All, in their order; fails as the first one that fails. */
  public static <T> CompletableFuture<List<T>> all(List<CompletableFuture<T>> stages) {
    CompletableFuture<List<T>> result = new CompletableFuture<>();
    AtomicInteger missing = new AtomicInteger(stages.size());
    for (CompletableFuture<T> stage : stages) {
      var unused =
          stage.whenComplete(
              (value, failure) -> {
                if (failure != null) {
                  result.completeExceptionally(failure);
                } else if (missing.decrementAndGet() == 0) {
                  result.complete(stages.stream().map(CompletableFuture::join).toList());
                }
              });
    }
    return result;
  }

  /** Goes on with another stage; unlike {@code thenCompose}, a failure is not wrapped. */
  public static <T, U> CompletableFuture<U> then(
      CompletableFuture<T> stage, Function<T, CompletableFuture<U>> next) {
    CompletableFuture<U> result = new CompletableFuture<>();
    var unused =
        stage.whenComplete(
            (value, failure) -> {
              if (failure != null) {
                result.completeExceptionally(failure);
                return;
              }
              try {
                var unusedNext =
                    next.apply(value)
                        .whenComplete(
                            (last, failed) -> {
                              if (failed != null) {
                                result.completeExceptionally(failed);
                              } else {
                                result.complete(last);
                              }
                            });
              } catch (RuntimeException e) {
                result.completeExceptionally(e);
              }
            });
    return result;
  }

  /** Turns a result into another one; unlike {@code thenApply}, a failure is not wrapped. */
  public static <T, U> CompletableFuture<U> map(CompletableFuture<T> stage, Function<T, U> change) {
    return then(stage, value -> CompletableFuture.completedFuture(change.apply(value)));
  }

  /** A failed stage. */
  public static <T> CompletableFuture<T> failed(ErrorCode code, String detail) {
    return CompletableFuture.failedFuture(new VudoException(code, detail));
  }

  // Looking for one tuple

  /**
   * The oldest tuple that matches, of a partition or of all.
   *
   * @param transaction whose own writes are seen; else empty
   */
  public CompletableFuture<Optional<Place>> find(
      String space, Template template, String transaction) {
    var partition = Partitions.of(template);
    return partition.isPresent()
        ? findAt(space, partition.getAsInt(), template, transaction)
        : findAnywhere(space, template, transaction, Optional.empty(), MAX_ROUNDS);
  }

  private CompletableFuture<Optional<Place>> findAt(
      String space, int partition, Template template, String transaction) {
    return ask(
        space,
        partition,
        replyTo ->
            new SpaceCommand.Read(template, transaction, SpaceCommand.Patience.NONE, replyTo),
        reply ->
            reply instanceof SpaceReply.Found found
                ? Optional.of(new Place(partition, found))
                : Optional.empty());
  }

  /**
   * Asks all. That all have nothing, each at another moment, does not mean that there was a moment
   * at which nobody had something. So all are asked again, until between two rounds nothing came
   * into sight anywhere: then there was.
   */
  private CompletableFuture<Optional<Place>> findAnywhere(
      String space,
      Template template,
      String transaction,
      Optional<List<Long>> arrivalsBefore,
      int rounds) {
    CompletableFuture<List<SpaceReply>> replies =
        askAll(
            space,
            partition ->
                replyTo ->
                    new SpaceCommand.Read(
                        template, transaction, SpaceCommand.Patience.NONE, replyTo),
            Function.identity());
    return then(
        replies,
        all -> {
          Optional<Place> oldest = oldest(all);
          if (oldest.isPresent()) {
            return CompletableFuture.completedFuture(oldest);
          }
          List<Long> arrivals =
              all.stream().map(reply -> ((SpaceReply.NotFound) reply).arrivals()).toList();
          if (arrivalsBefore.equals(Optional.of(arrivals))) {
            return CompletableFuture.completedFuture(Optional.empty());
          }
          return rounds == 0
              ? failed(ErrorCode.SPACE_UNAVAILABLE, "Space " + space + " changes too fast.")
              : findAnywhere(space, template, transaction, Optional.of(arrivals), rounds - 1);
        });
  }

  private static Optional<Place> oldest(List<SpaceReply> replies) {
    List<Place> found = new ArrayList<>();
    for (int partition = 0; partition < replies.size(); partition++) {
      if (replies.get(partition) instanceof SpaceReply.Found one) {
        found.add(new Place(partition, one));
      }
    }
    return found.stream().min(Comparator.comparingLong(place -> place.found().entryId()));
  }

  /**
   * Removes the oldest that matches from where it is, by a command that one partition does.
   *
   * @param command of the partition
   */
  public CompletableFuture<Optional<Place>> remove(
      String space,
      Template template,
      String transaction,
      BiFunction<Integer, ActorRef<SpaceReply>, SpaceCommand> command) {
    var partition = Partitions.of(template);
    return partition.isPresent()
        ? removeAt(space, partition.getAsInt(), command)
        : removeAnywhere(space, template, transaction, command, MAX_ROUNDS);
  }

  private CompletableFuture<Optional<Place>> removeAt(
      String space,
      int partition,
      BiFunction<Integer, ActorRef<SpaceReply>, SpaceCommand> command) {
    return ask(
        space,
        partition,
        replyTo -> command.apply(partition, replyTo),
        reply ->
            reply instanceof SpaceReply.Found found
                ? Optional.of(new Place(partition, found))
                : Optional.empty());
  }

  private CompletableFuture<Optional<Place>> removeAnywhere(
      String space,
      Template template,
      String transaction,
      BiFunction<Integer, ActorRef<SpaceReply>, SpaceCommand> command,
      int rounds) {
    return then(
        find(space, template, transaction),
        seen -> {
          if (seen.isEmpty()) {
            return CompletableFuture.completedFuture(Optional.empty());
          }
          return then(
              removeAt(space, seen.get().partition(), command),
              removed -> {
                if (removed.isPresent()) {
                  return CompletableFuture.completedFuture(removed);
                }
                // Somebody was faster.
                return rounds == 0
                    ? failed(ErrorCode.SPACE_UNAVAILABLE, "Space " + space + " changes too fast.")
                    : removeAnywhere(space, template, transaction, command, rounds - 1);
              });
        });
  }

  // Waiting for one tuple

  /** Waits for a tuple that matches, which stays. */
  public CompletableFuture<Optional<Tuple>> awaitRead(
      String space, Template template, long waitMillis, String transaction) {
    String waitId = UUID.randomUUID().toString();
    var only = Partitions.of(template);
    List<Integer> partitions = only.isPresent() ? List.of(only.getAsInt()) : Partitions.all();
    List<CompletableFuture<Optional<Tuple>>> waits = new ArrayList<>();
    for (int partition : partitions) {
      String id = Partitions.idAt(waitId, partition);
      waits.add(
          WaitingCall.start(
              (millis, slice) ->
                  withTimeout(slice)
                      .ask(
                          space,
                          partition,
                          replyTo ->
                              new SpaceCommand.Read(
                                  template, transaction, patience(id, millis), replyTo),
                          SpaceClient::tuple),
              waitMillis,
              timeout,
              executor));
    }
    return first(waits, partition -> leave(space, partitions.get(partition), waitId));
  }

  /** Waits to take under an idempotency key, at the one partition that can have the tuple. */
  public CompletableFuture<Optional<Tuple>> awaitTake(
      String space, int partition, Template template, OperationId operation, long waitMillis) {
    String waitId = UUID.randomUUID().toString();
    return WaitingCall.start(
        (millis, slice) ->
            withTimeout(slice)
                .ask(
                    space,
                    partition,
                    replyTo ->
                        new SpaceCommand.Take(
                            operation, template, "", patience(waitId, millis), replyTo),
                    SpaceClient::tuple),
        waitMillis,
        timeout,
        executor);
  }

  /**
   * Waits to take, at one partition or all. What a partition finds is held for the caller until it
   * says that it has it: nothing is taken for one that died meanwhile, and of two that are found at
   * the same time one goes back.
   */
  public CompletableFuture<Optional<Tuple>> awaitOffer(
      String space, Template template, long waitMillis) {
    long endNanos =
        System.nanoTime()
            + TimeUnit.MILLISECONDS.toNanos(Math.min(waitMillis, Long.MAX_VALUE / 2_000_000));
    String waitId = "wait:" + UUID.randomUUID();
    var only = Partitions.of(template);
    List<Integer> partitions = only.isPresent() ? List.of(only.getAsInt()) : Partitions.all();
    List<CompletableFuture<Optional<Place>>> waits = new ArrayList<>();
    for (int partition : partitions) {
      waits.add(
          WaitingCall.start(
              (millis, slice) ->
                  withTimeout(slice)
                      .ask(
                          space,
                          partition,
                          replyTo ->
                              new SpaceCommand.Offer(
                                  Partitions.idAt(waitId, partition),
                                  template,
                                  patience(Partitions.idAt(waitId, partition), millis),
                                  replyTo),
                          reply ->
                              reply instanceof SpaceReply.Found found
                                  ? Optional.of(new Place(partition, found))
                                  : Optional.empty()),
              waitMillis,
              timeout,
              executor));
    }
    CompletableFuture<Optional<Place>> offered =
        first(waits, index -> leave(space, partitions.get(index), waitId));
    return then(
        offered,
        place -> {
          if (place.isEmpty()) {
            return CompletableFuture.completedFuture(Optional.empty());
          }
          return then(
              confirmOffer(space, Partitions.idAt(waitId, place.get().partition())),
              mine -> {
                if (mine) {
                  return CompletableFuture.completedFuture(
                      Optional.of(place.get().found().tuple()));
                }
                // This caller was too slow, and the tuple went back.
                long left = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
                return awaitOffer(space, template, Math.max(0, left));
              });
        });
  }

  /** Whether the tuple that was held is the caller's. */
  private CompletableFuture<Boolean> confirmOffer(String space, String holdId) {
    int partition = Partitions.partitionOf(holdId).orElseThrow();
    CompletableFuture<Optional<Boolean>> asked =
        WaitingCall.start(
            (millis, slice) ->
                withTimeout(slice)
                    .ask(
                        space,
                        partition,
                        replyTo -> new SpaceCommand.ConfirmTake(holdId, replyTo),
                        reply -> Optional.of(reply == SpaceReply.Done.DONE)),
            timeout.toMillis() * 3,
            timeout,
            executor);
    return map(asked, answer -> answer.orElse(false));
  }

  /**
   * The first that is not empty; the others are ended. Empty when all are.
   *
   * @param end told the index of each other one
   */
  private static <T> CompletableFuture<Optional<T>> first(
      List<CompletableFuture<Optional<T>>> waits, IntConsumer end) {
    if (waits.size() == 1) {
      return waits.get(0);
    }
    CompletableFuture<Optional<T>> result = new CompletableFuture<>();
    AtomicInteger missing = new AtomicInteger(waits.size());
    for (int i = 0; i < waits.size(); i++) {
      int self = i;
      var unused =
          waits
              .get(i)
              .whenComplete(
                  (found, failure) -> {
                    boolean won = false;
                    if (failure != null) {
                      won = result.completeExceptionally(failure);
                    } else if (found.isPresent()) {
                      won = result.complete(found);
                    } else if (missing.decrementAndGet() == 0) {
                      result.complete(Optional.empty());
                    }
                    if (won) {
                      for (int other = 0; other < waits.size(); other++) {
                        if (other != self) {
                          // It asks no more; and what it has, or would get, goes back.
                          waits.get(other).complete(Optional.empty());
                          end.accept(other);
                        }
                      }
                    }
                  });
    }
    return result;
  }

  private void leave(String space, int partition, String waitId) {
    var unused =
        ask(
            space,
            partition,
            replyTo -> new SpaceCommand.ReleaseTake(Partitions.idAt(waitId, partition), replyTo),
            Function.identity());
  }

  private SpaceCommand.Patience patience(String waitId, long millis) {
    return new SpaceCommand.Patience(waitId, Math.min(millis, timeout.toMillis() + SILENCE_MILLIS));
  }

  /** The tuple of an answer. */
  public static Optional<Tuple> tuple(SpaceReply reply) {
    return reply instanceof SpaceReply.Found found ? Optional.of(found.tuple()) : Optional.empty();
  }

  /** Waits at a barrier. */
  public CompletableFuture<Optional<Integer>> awaitBarrier(
      String space, String barrier, int parties, String partyId, long waitMillis) {
    int partition = Partitions.of(barrier);
    return WaitingCall.start(
        (millis, slice) ->
            withTimeout(slice)
                .ask(
                    space,
                    partition,
                    replyTo ->
                        new SpaceCommand.Arrive(
                            barrier, parties, new SpaceCommand.Patience(partyId, millis), replyTo),
                    reply ->
                        reply instanceof SpaceReply.Passed passed
                            ? Optional.of(passed.index())
                            : Optional.empty()),
        waitMillis,
        timeout,
        executor);
  }

  private VudoException failureOf(String space, Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof TimeoutException
        ? new VudoException(
            ErrorCode.ASK_TIMEOUT, "Space " + space + ", " + timeout.toMillis() + " ms.", cause)
        : new VudoException(ErrorCode.SPACE_UNAVAILABLE, "Space " + space + ".", cause);
  }
}
