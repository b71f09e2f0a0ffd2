package io.vudo.tuplespace;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpaceName;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.internal.SpaceActor;
import io.vudo.tuplespace.internal.SpaceClock;
import io.vudo.tuplespace.internal.SpaceCommand;
import io.vudo.tuplespace.internal.SpaceReply;
import io.vudo.tuplespace.internal.SpaceSettings;
import io.vudo.tuplespace.internal.WaitingCall;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/**
 * The tuplespaces of a cluster, from one of its nodes. A space comes into being with its first
 * tuple.
 *
 * <p>Every method answers by a stage and blocks nobody. A stage that fails fails with {@link
 * VudoException}, also where an argument is wrong (within {@link
 * java.util.concurrent.CompletionException} when it is joined, as with any stage). Beside the codes
 * that a method names:
 *
 * <ul>
 *   <li>{@code SPACE_NAME_INVALID};
 *   <li>{@code SPACE_UNAVAILABLE}: too much is waiting for the space, or its journal is being
 *       recovered; nothing was done, send it again;
 *   <li>{@code JOURNAL_UNAVAILABLE}: the commit failed; the operation may be done or not;
 *   <li>{@code ASK_TIMEOUT}: no answer came in time; the operation may be done or not.
 * </ul>
 *
 * <p>In the last two cases an operation with an {@link OperationId} or a hold id can be sent again
 * and counts once. An answer is given when what it says is durable.
 *
 * <p>Safe to use from many threads.
 */
public final class Tuplespace {
  private static final EntityTypeKey<SpaceCommand> SPACES =
      EntityTypeKey.create(SpaceCommand.class, "space");

  private final ClusterSharding sharding;

  /**
   * Where callers go on with their answers. A stage that Pekko makes of a future would otherwise
   * run each callback on the common pool, which on one or two cores is a new thread for each.
   */
  private final Executor executor;

  private final Duration timeout;

  private Tuplespace(ClusterSharding sharding, Executor executor, Duration timeout) {
    this.sharding = sharding;
    this.executor = executor;
    this.timeout = timeout;
  }

  /**
   * Makes this node one of those that carry spaces, and answers the way to all of them. To be
   * called once on every node of the cluster. What it needs of the configuration is in the section
   * {@code vudo.tuplespace}.
   *
   * @param resolver asked about takes by Spirits whose end was not heard of
   * @param listener hears what became of the waits of Spirits, for the spaces on this node
   * @throws VudoException {@code CONFIG_INVALID}
   */
  public static Tuplespace start(
      ActorSystem<?> system, HoldResolver resolver, WaitListener listener) {
    Objects.requireNonNull(resolver);
    Objects.requireNonNull(listener);
    SpaceSettings settings = SpaceSettings.of(system.settings().config());
    ClusterSharding sharding = ClusterSharding.get(system);
    var unused =
        sharding.init(
            Entity.of(
                    SPACES,
                    entity ->
                        SpaceActor.create(
                            entity.getEntityId(), settings, resolver, listener, SpaceClock.SYSTEM))
                .withStopMessage(SpaceCommand.Stop.STOP));
    return new Tuplespace(sharding, system.executionContext(), settings.askTimeout());
  }

  /** As the other; for a node on which no Spirit waits. */
  public static Tuplespace start(ActorSystem<?> system, HoldResolver resolver) {
    return start(system, resolver, WaitListener.NONE);
  }

  /**
   * The same spaces, with another time to wait for an answer than {@code
   * vudo.tuplespace.ask-timeout}.
   */
  public Tuplespace withTimeout(Duration timeout) {
    return new Tuplespace(sharding, executor, Objects.requireNonNull(timeout));
  }

  /**
   * Writes a tuple.
   *
   * @param ttlMillis the lease: so many milliseconds from now on the tuple is not there any more; 0
   *     for a tuple without end
   * @param operation what a repetition is recognised by
   * @return done when the tuple is durable. Fails with {@code LEASE_INVALID}, {@code SPACE_FULL},
   *     {@code REQUEST_INVALID} for a key that was used for a take, {@code SPACE_UNAVAILABLE} when
   *     the write that {@code operation} names as previous has not come yet
   */
  public CompletionStage<Void> write(
      String space, Tuple tuple, long ttlMillis, OperationId operation) {
    Objects.requireNonNull(tuple);
    Objects.requireNonNull(operation);
    return ask(
        space,
        replyTo -> new SpaceCommand.Write(operation, tuple, ttlMillis, replyTo),
        Tuplespace::done);
  }

  /** The oldest tuple that matches, which stays; empty when there is none. */
  public CompletionStage<Optional<Tuple>> read(String space, Template template) {
    Objects.requireNonNull(template);
    return ask(space, replyTo -> new SpaceCommand.Read(template, replyTo), Tuplespace::tuple);
  }

  /**
   * Removes the oldest tuple that matches. For callers who are no Spirits; these take by {@link
   * #hold}.
   *
   * @param operation an idempotency key, or none
   * @return the tuple, or empty when there is none. Fails with {@code REQUEST_INVALID} for a key
   *     that was used for a write, and for an operation of a Spirit
   */
  public CompletionStage<Optional<Tuple>> take(
      String space, Template template, OperationId operation) {
    Objects.requireNonNull(template);
    Objects.requireNonNull(operation);
    return ask(
        space, replyTo -> new SpaceCommand.Take(operation, template, replyTo), Tuplespace::tuple);
  }

  /** How many tuples match; held ones do not count. */
  public CompletionStage<Long> count(String space, Template template) {
    Objects.requireNonNull(template);
    return ask(
        space,
        replyTo -> new SpaceCommand.Count(template, replyTo),
        reply -> ((SpaceReply.Counted) reply).count());
  }

  /**
   * Takes the oldest tuple that matches out of sight until the turn of a Spirit has ended: then
   * {@link #confirm} removes it for good, or {@link #release} puts it back at its old place. A
   * space that hears neither asks its {@link HoldResolver}.
   *
   * @param holder the Spirit
   * @param holdId 1 to 512 characters that name this take; used once, a repetition answers the same
   *     tuple
   * @return the tuple, or empty when there is none, and then there is no hold. Fails with {@code
   *     REQUEST_INVALID} for the id of another Spirit's hold or of one that is over
   */
  public CompletionStage<Optional<Tuple>> hold(
      String space, SpiritId holder, String holdId, Template template) {
    Objects.requireNonNull(holdId);
    Objects.requireNonNull(template);
    String holderText = holder.toString();
    return ask(
        space,
        replyTo -> new SpaceCommand.Hold(holdId, holderText, template, replyTo),
        Tuplespace::tuple);
  }

  /** The turn committed. Done when that is durable, also when there is no such hold any more. */
  public CompletionStage<Void> confirm(String space, String holdId) {
    Objects.requireNonNull(holdId);
    return ask(space, replyTo -> new SpaceCommand.ConfirmTake(holdId, replyTo), Tuplespace::done);
  }

  /** The turn failed. Done when that is durable, also when there is no such hold any more. */
  public CompletionStage<Void> release(String space, String holdId) {
    Objects.requireNonNull(holdId);
    return ask(space, replyTo -> new SpaceCommand.ReleaseTake(holdId, replyTo), Tuplespace::done);
  }

  /**
   * The oldest tuple that matches, which stays; waits for one when there is none, and then answers
   * the first that comes. No thread waits.
   *
   * <p>A space that restarts or moves meanwhile is asked again; its passing failures become this
   * one's only when they last until {@code wait} is over.
   *
   * @param wait how long to wait at most, to the millisecond; zero for not at all
   * @return the tuple, or empty when none was there until {@code wait} was over. Fails with {@code
   *     WAITERS_FULL}, {@code REQUEST_INVALID} for a negative {@code wait}
   */
  public CompletionStage<Optional<Tuple>> read(String space, Template template, Duration wait) {
    Objects.requireNonNull(template);
    return waiting(
        wait, (patience, replyTo) -> new SpaceCommand.Read(template, patience, replyTo), space);
  }

  /**
   * Removes the oldest tuple that matches; waits for one when there is none, and then takes the
   * first that comes. Those that wait to take are served in the order in which they came, one for
   * each tuple, and before those that come later. Otherwise as {@link #read(String, Template,
   * Duration)} and {@link #take(String, Template, OperationId)}.
   *
   * @param operation an idempotency key, or none; also without one the tuple is taken once, however
   *     often the space has to be asked
   * @param wait how long to wait at most, to the millisecond; zero for not at all
   * @return the tuple, or empty when none was there until {@code wait} was over. Fails with {@code
   *     WAITERS_FULL}, {@code REQUEST_INVALID} for a negative {@code wait}
   */
  public CompletionStage<Optional<Tuple>> take(
      String space, Template template, OperationId operation, Duration wait) {
    Objects.requireNonNull(template);
    OperationId once =
        operation.equals(OperationId.none()) && millis(wait) > 0
            ? OperationId.key("vudo-wait:" + UUID.randomUUID())
            : operation;
    return waiting(
        wait,
        (patience, replyTo) -> new SpaceCommand.Take(once, template, patience, replyTo),
        space);
  }

  /**
   * Lets a Spirit wait for a tuple. Answers nothing itself: the {@link WaitListener} on the node of
   * the space does, as soon as a tuple matches, be it at once.
   *
   * <p>Repeated with the same {@code requestId} while it waits: only the time that remains counts
   * anew. Repeated when a tuple is held under this id: it is answered again. Repeated when that
   * hold is over, or the wait was cancelled: nothing happens. A space that restarts or moves
   * forgets who waits, but no hold, and a full queue drops the request; so a Spirit repeats it,
   * about twice a minute, until it has its answer.
   *
   * @param requestId 1 to 512 characters that name this wait, and for a take its hold; used once
   * @param take whether the tuple is held, as by {@link #hold}, before it is answered
   * @param remaining how long to wait from now on, to the millisecond; when it is over, the space
   *     forgets the wait and says nothing. Zero or less: for a tuple that is there, or not at all
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public void await(
      String space,
      SpiritId waiter,
      String requestId,
      Template template,
      boolean take,
      Duration remaining) {
    Objects.requireNonNull(waiter);
    Objects.requireNonNull(requestId);
    Objects.requireNonNull(template);
    tell(space, new SpaceCommand.Await(requestId, waiter, template, take, millis(remaining)));
  }

  /**
   * Ends a wait of a Spirit. If a tuple is held under this id, it is released; a hold that was
   * confirmed stays so. A repetition of the wait that arrives later does nothing.
   *
   * <p>Nothing is answered, and the request can get lost; then the wait ends by its time, and the
   * hold by the {@link HoldResolver}.
   *
   * @param requestId as in {@link #await}
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public void cancel(String space, String requestId) {
    Objects.requireNonNull(requestId);
    tell(space, new SpaceCommand.CancelWait(requestId));
  }

  private void tell(String space, SpaceCommand command) {
    SpaceName.check(space);
    sharding.entityRefFor(SPACES, space).tell(command);
  }

  /** What fits into no {@code long} is for ever. */
  private static long millis(Duration duration) {
    try {
      return duration.toMillis();
    } catch (ArithmeticException e) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  private CompletionStage<Optional<Tuple>> waiting(
      Duration wait,
      BiFunction<SpaceCommand.Patience, ActorRef<SpaceReply>, SpaceCommand> command,
      String space) {
    if (wait.isNegative()) {
      return CompletableFuture.failedFuture(
          new VudoException(ErrorCode.REQUEST_INVALID, "Nobody waits " + wait + "."));
    }
    return WaitingCall.start(
        (patience, slice) ->
            withTimeout(slice)
                .ask(space, replyTo -> command.apply(patience, replyTo), Tuplespace::tuple),
        millis(wait),
        timeout,
        executor);
  }

  private <T> CompletionStage<T> ask(
      String space,
      Function<ActorRef<SpaceReply>, SpaceCommand> command,
      Function<SpaceReply, T> answer) {
    // A future of our own: a failure of thenApply would arrive wrapped.
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      SpaceName.check(space);
      var unused =
          sharding
              .entityRefFor(SPACES, space)
              .<SpaceReply>ask(command::apply, timeout)
              .whenCompleteAsync(
                  (reply, failure) -> {
                    if (failure != null) {
                      result.completeExceptionally(failureOf(space, failure));
                    } else if (reply instanceof SpaceReply.Refused refused) {
                      result.completeExceptionally(refused.error().toException());
                    } else {
                      result.complete(answer.apply(reply));
                    }
                  },
                  executor);
    } catch (VudoException e) {
      result.completeExceptionally(e);
    }
    return result;
  }

  private VudoException failureOf(String space, Throwable failure) {
    return failure instanceof TimeoutException
        ? new VudoException(
            ErrorCode.ASK_TIMEOUT, "Space " + space + ", " + timeout.toMillis() + " ms.", failure)
        : new VudoException(ErrorCode.SPACE_UNAVAILABLE, "Space " + space + ".", failure);
  }

  private static Void done(SpaceReply reply) {
    return null;
  }

  private static Optional<Tuple> tuple(SpaceReply reply) {
    return reply instanceof SpaceReply.Found found ? Optional.of(found.tuple()) : Optional.empty();
  }
}
