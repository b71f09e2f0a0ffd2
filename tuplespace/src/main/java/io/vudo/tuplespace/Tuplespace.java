package io.vudo.tuplespace;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Lease;
import io.vudo.protocol.SpaceName;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import io.vudo.tuplespace.internal.LeaseName;
import io.vudo.tuplespace.internal.ManyTuples;
import io.vudo.tuplespace.internal.Partitions;
import io.vudo.tuplespace.internal.SpaceActor;
import io.vudo.tuplespace.internal.SpaceClient;
import io.vudo.tuplespace.internal.SpaceClock;
import io.vudo.tuplespace.internal.SpaceCommand;
import io.vudo.tuplespace.internal.SpaceMeters;
import io.vudo.tuplespace.internal.SpaceReply;
import io.vudo.tuplespace.internal.SpaceSettings;
import io.vudo.tuplespace.internal.TransactionHolds;
import io.vudo.tuplespace.internal.WatchActor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;

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
 *   <li>{@code SPACE_UNAVAILABLE}: too much is waiting for the space, its journal is being
 *       recovered, or it changes faster than all of it can be seen at one moment; nothing was done,
 *       send it again;
 *   <li>{@code JOURNAL_UNAVAILABLE}: the commit failed; the operation may be done or not;
 *   <li>{@code ASK_TIMEOUT}: no answer came in time; the operation may be done or not.
 * </ul>
 *
 * <p>In the last two cases an operation with an {@link OperationId} or a hold id can be sent again
 * and counts once. An answer is given when what it says is durable.
 *
 * <p><b>One field first.</b> A space is spread over the cluster by the number of fields of its
 * tuples and their first field. A template that gives the first field is asked of one place; one
 * that leaves it open is asked of all, and costs so much more.
 *
 * <p>Safe to use from many threads.
 */
public final class Tuplespace {
  /** The most tuples that one {@link #writeAll} takes. */
  public static final int MAX_BATCH = 1_000;

  /** The most tuples that one {@link #readAll} or {@link #takeAll} answers. */
  public static final int MAX_LIMIT = 10_000;

  private final ActorSystem<?> system;
  private final SpaceClient client;
  private final Duration maxTransactionTime;

  private Tuplespace(ActorSystem<?> system, SpaceClient client, Duration maxTransactionTime) {
    this.system = system;
    this.client = client;
    this.maxTransactionTime = maxTransactionTime;
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
    return start(system, resolver, listener, new CompositeMeterRegistry());
  }

  /**
   * The same, counting in a registry what the partitions on this node do; docs/metrics.md has the
   * names.
   */
  public static Tuplespace start(
      ActorSystem<?> system, HoldResolver resolver, WaitListener listener, MeterRegistry registry) {
    Objects.requireNonNull(resolver);
    Objects.requireNonNull(listener);
    SpaceSettings settings = SpaceSettings.of(system.settings().config());
    SpaceMeters meters = new SpaceMeters(registry);
    ClusterSharding sharding = ClusterSharding.get(system);
    SpaceClient client =
        new SpaceClient(sharding, system.executionContext(), settings.askTimeout());
    var unused =
        sharding.init(
            Entity.of(
                    SpaceClient.SPACES,
                    entity -> {
                      SpaceActor.Place place = SpaceActor.Place.parse(entity.getEntityId());
                      return SpaceActor.create(
                          place,
                          settings,
                          new TransactionHolds(place.space(), client, resolver),
                          listener,
                          SpaceClock.SYSTEM,
                          (partition, command) -> client.tell(place.space(), partition, command),
                          meters);
                    })
                .withStopMessage(SpaceCommand.Stop.STOP));
    return new Tuplespace(system, client, settings.maxTransactionTime());
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
    return new Tuplespace(
        system, client.withTimeout(Objects.requireNonNull(timeout)), maxTransactionTime);
  }

  // Writing

  /**
   * Writes a tuple.
   *
   * @param ttlMillis the lease: so many milliseconds from now on the tuple is not there any more; 0
   *     for a tuple without end
   * @param operation what a repetition is recognised by
   * @return the lease, when the tuple is durable. Fails with {@code LEASE_INVALID}, {@code
   *     SPACE_FULL}, {@code REQUEST_INVALID} for a key that was used for a take, {@code
   *     SPACE_UNAVAILABLE} when the write that {@code operation} names as previous has not come yet
   */
  public CompletionStage<Lease> write(
      String space, Tuple tuple, long ttlMillis, OperationId operation) {
    return client.ask(
        space,
        Partitions.of(tuple),
        replyTo ->
            new SpaceCommand.Write(Objects.requireNonNull(operation), tuple, ttlMillis, replyTo),
        reply -> lease(tuple, operation, (SpaceReply.Written) reply, 0));
  }

  /**
   * Writes several tuples. Those that share arity and first field are written all or none, and
   * nobody sees some of them; for all together use a {@linkplain #begin transaction}.
   *
   * @param tuples 1 to {@value #MAX_BATCH}, together at most 1 MiB encoded
   * @param ttlMillis the lease of each, as in {@link #write}
   * @param operation an idempotency key, or none
   * @return the leases, in the order of the tuples. Fails as {@link #write}, and with {@code
   *     BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Lease>> writeAll(
      String space, List<Tuple> tuples, long ttlMillis, OperationId operation) {
    Objects.requireNonNull(operation);
    return ManyTuples.write(client, space, tuples, ttlMillis, operation, "");
  }

  /**
   * Which part of its space a tuple belongs to. Writes to different parts do not know of each
   * other, so each has an order of its own; see {@link OperationId#turn}.
   */
  public static int partOf(Tuple tuple) {
    return Partitions.of(tuple);
  }

  /**
   * The name that the lease of a tuple will have which a Spirit writes in a turn: it is known
   * before the turn is committed.
   *
   * @param operation where in the Spirit's history the write is
   */
  public static String leaseName(Tuple tuple, OperationId.Turn operation) {
    return new LeaseName(Partitions.of(tuple), operation.toString()).toString();
  }

  private static Lease lease(
      Tuple tuple, OperationId operation, SpaceReply.Written written, int index) {
    return new Lease(
        operation instanceof OperationId.Turn turn
            ? leaseName(tuple, turn)
            : new LeaseName(Partitions.of(tuple), Long.toString(written.entryIds().get(index)))
                .toString(),
        written.leaseEndsAtMillis());
  }

  /**
   * Lets a tuple live longer, or shorter.
   *
   * @param lease the name of a {@link Lease}
   * @param ttlMillis from now on; 0 for ever
   * @return the new lease. Fails with {@code LEASE_UNKNOWN} when the tuple is not there any more,
   *     {@code LEASE_INVALID}
   */
  public CompletionStage<Lease> renew(String space, String lease, long ttlMillis) {
    return onLease(
        lease,
        name ->
            client.ask(
                space,
                name.partition(),
                replyTo -> new SpaceCommand.Renew(name, ttlMillis, replyTo),
                reply ->
                    new Lease(name.toString(), ((SpaceReply.Written) reply).leaseEndsAtMillis())));
  }

  /**
   * Ends a lease before its time: the tuple is gone.
   *
   * @param lease the name of a {@link Lease}
   * @return done when that is durable. Fails with {@code LEASE_UNKNOWN} when the tuple is not there
   *     any more, {@code SPACE_UNAVAILABLE} while a turn or transaction that takes it is not over
   */
  public CompletionStage<Void> cancelLease(String space, String lease) {
    return onLease(
        lease,
        name ->
            client.ask(
                space,
                name.partition(),
                replyTo -> new SpaceCommand.CancelLease(name, replyTo),
                Tuplespace::done));
  }

  private static <T> CompletionStage<T> onLease(
      String lease, Function<LeaseName, CompletionStage<T>> operation) {
    try {
      return operation.apply(LeaseName.parse(lease));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  // Reading and taking

  /** The oldest tuple that matches, which stays; empty when there is none. */
  public CompletionStage<Optional<Tuple>> read(String space, Template template) {
    return tuple(client.find(space, template, ""));
  }

  /**
   * Removes the oldest tuple that matches. For callers who are no Spirits; these take by {@link
   * #hold}.
   *
   * @param operation an idempotency key, or none
   * @return the tuple, or empty when there is none. Fails with {@code REQUEST_INVALID} for a key
   *     that was used for a write, for a key with a template that leaves the first field open, and
   *     for an operation of a Spirit
   */
  public CompletionStage<Optional<Tuple>> take(
      String space, Template template, OperationId operation) {
    Objects.requireNonNull(operation);
    return Partitions.of(template).isEmpty() && !operation.equals(OperationId.none())
        ? keyNeedsFirstField()
        : tuple(
            client.remove(
                space,
                template,
                "",
                (partition, replyTo) -> new SpaceCommand.Take(operation, template, replyTo)));
  }

  private static <T> CompletableFuture<T> keyNeedsFirstField() {
    return SpaceClient.failed(
        ErrorCode.REQUEST_INVALID,
        "An idempotency key needs a template that gives the first field; take in a transaction.");
  }

  private static CompletableFuture<Optional<Tuple>> tuple(
      CompletableFuture<Optional<SpaceClient.Place>> found) {
    return SpaceClient.map(found, place -> place.map(one -> one.found().tuple()));
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
    long millis = millis(wait);
    if (millis < 0) {
      return nobodyWaits(wait);
    }
    return millis == 0 ? read(space, template) : client.awaitRead(space, template, millis, "");
  }

  /**
   * Removes the oldest tuple that matches; waits for one when there is none, and then takes the
   * first that comes. Those that wait to take at one place are served in the order in which they
   * came, one for each tuple, and before those that come later. Otherwise as {@link #read(String,
   * Template, Duration)} and {@link #take(String, Template, OperationId)}.
   *
   * <p>A tuple that comes for a caller that waits without a key is out of sight until the caller
   * has said that it has it; when it died meanwhile, the tuple is back after {@code
   * vudo.tuplespace.offer-timeout}. Others that ask for it meanwhile are answered when that is
   * decided, so nobody misses a tuple that comes back.
   *
   * @param operation an idempotency key, or none; also without one the tuple is taken once, however
   *     often the space has to be asked
   * @param wait how long to wait at most, to the millisecond; zero for not at all
   * @return the tuple, or empty when none was there until {@code wait} was over. Fails with {@code
   *     WAITERS_FULL}, {@code REQUEST_INVALID} for a negative {@code wait}
   */
  public CompletionStage<Optional<Tuple>> take(
      String space, Template template, OperationId operation, Duration wait) {
    long millis = millis(wait);
    if (millis < 0) {
      return nobodyWaits(wait);
    } else if (millis == 0) {
      return take(space, template, operation);
    } else if (operation.equals(OperationId.none())) {
      return client.awaitOffer(space, template, millis);
    }
    OptionalInt partition = Partitions.of(template);
    return partition.isEmpty()
        ? keyNeedsFirstField()
        : client.awaitTake(space, partition.getAsInt(), template, operation, millis);
  }

  private static <T> CompletionStage<T> nobodyWaits(Duration wait) {
    return SpaceClient.failed(ErrorCode.REQUEST_INVALID, "Nobody waits " + wait + ".");
  }

  /**
   * Up to {@code limit} tuples that match, oldest first, which stay. They need not have been there
   * all at one moment. Fewer are answered when they would take more than some 16 MiB.
   *
   * @param limit 1 to {@value #MAX_LIMIT}
   * @return fails with {@code BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Tuple>> readAll(String space, Template template, int limit) {
    return ManyTuples.read(client, space, template, limit, "");
  }

  /**
   * Removes up to {@code limit} tuples that match, the oldest of each place first. Fewer are
   * answered when they would take more than some 16 MiB; so take again until nothing comes.
   *
   * <p>When the answer is lost, so are the tuples; where that matters, take in a {@linkplain #begin
   * transaction}.
   *
   * @param limit 1 to {@value #MAX_LIMIT}
   * @return fails with {@code BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Tuple>> takeAll(String space, Template template, int limit) {
    return ManyTuples.take(client, space, template, limit, "");
  }

  /** How many tuples match; held ones do not count. */
  public CompletionStage<Long> count(String space, Template template) {
    OptionalInt partition = Partitions.of(template);
    return partition.isPresent()
        ? client.ask(
            space,
            partition.getAsInt(),
            replyTo -> new SpaceCommand.Count(template, replyTo),
            Tuplespace::counted)
        : SpaceClient.map(
            client.askAll(
                space,
                unused -> replyTo -> new SpaceCommand.Count(template, replyTo),
                Tuplespace::counted),
            counts -> counts.stream().mapToLong(Long::longValue).sum());
  }

  private static Long counted(SpaceReply reply) {
    return ((SpaceReply.Counted) reply).count();
  }

  /**
   * Replaces the oldest tuple that matches by another one, in one step: nobody sees neither or
   * both.
   *
   * @param expected what has to be there; usually the whole tuple that was read before
   * @param replacement what is there afterwards, as the newest of its kind
   * @param ttlMillis the lease of {@code replacement}, as in {@link #write}
   * @param operation an idempotency key, or none. A key needs an {@code expected} with the first
   *     field and the arity of {@code replacement}; without one the two are free, and a {@linkplain
   *     #begin transaction} swaps them
   * @return the tuple that was replaced, or empty when none matched and nothing was done. Fails as
   *     {@link #write} and {@link #take(String, Template, OperationId)}
   */
  public CompletionStage<Optional<Tuple>> compareAndSwap(
      String space, Template expected, Tuple replacement, long ttlMillis, OperationId operation) {
    int to = Partitions.of(replacement);
    if (Partitions.of(expected).equals(OptionalInt.of(to))) {
      return client.ask(
          space,
          to,
          replyTo ->
              new SpaceCommand.CompareAndSwap(operation, expected, replacement, ttlMillis, replyTo),
          SpaceClient::tuple);
    }
    if (!operation.equals(OperationId.none())) {
      return keyNeedsFirstField();
    }
    return SpaceClient.then(
        begin(space, client.timeout()).toCompletableFuture(),
        transaction -> transaction.swap(expected, replacement, ttlMillis).toCompletableFuture());
  }

  // Coordination

  /**
   * Waits at a barrier until as many have arrived as it waits for; then all go on, and the barrier
   * is as new. It is there as long as somebody waits at it.
   *
   * <p>A party that has arrived counts until it goes on or its time is over, also when its caller
   * died. Either all of those that a barrier counted go on, or none.
   *
   * @param name 1 to 256 characters
   * @param parties how many have to arrive, 1 to 100,000; all name the same number
   * @param partyId who arrives: 1 to 500 characters that no other arrival uses. One that is
   *     repeated, while it waits or soon after, is the same arrival
   * @param wait how long to wait at most
   * @return in which place this party arrived, counting from 0; empty when the time was over first,
   *     and then it did not arrive. Fails with {@code BARRIER_INVALID}, {@code BARRIER_MISMATCH},
   *     {@code WAITERS_FULL}
   */
  public CompletionStage<Optional<Integer>> barrier(
      String space, String name, int parties, String partyId, Duration wait) {
    long millis = millis(wait);
    return millis < 0
        ? nobodyWaits(wait)
        : client.awaitBarrier(space, name, parties, partyId, millis);
  }

  /** As the other, for a caller that asks once. */
  public CompletionStage<Optional<Integer>> barrier(
      String space, String name, int parties, Duration wait) {
    return barrier(space, name, parties, UUID.randomUUID().toString(), wait);
  }

  /**
   * Begins a transaction over one space: what is written and taken in it happens with its commit,
   * or not at all.
   *
   * @param timeout after which it is aborted by itself; at most {@code
   *     vudo.tuplespace.max-transaction-time}
   * @return fails with {@code REQUEST_INVALID} for another timeout, {@code TRANSACTIONS_FULL}
   */
  public CompletionStage<Transaction> begin(String space, Duration timeout) {
    long millis = millis(timeout);
    if (millis <= 0 || timeout.compareTo(maxTransactionTime) > 0) {
      return SpaceClient.failed(
          ErrorCode.REQUEST_INVALID,
          "A transaction lasts 1 ms to " + maxTransactionTime.toMillis() + " ms.");
    }
    int home = ThreadLocalRandom.current().nextInt(Partitions.COUNT);
    String id = home + "." + UUID.randomUUID();
    return client.ask(
        space,
        home,
        replyTo -> new SpaceCommand.Begin(id, millis, replyTo),
        reply -> new Transaction(client, space, id, home, true));
  }

  /**
   * A transaction that was begun before, by its id; also on another node. Whether it is still open
   * comes out with its first operation.
   *
   * @throws VudoException {@code TRANSACTION_UNKNOWN} for a text that is no id of a transaction,
   *     {@code SPACE_NAME_INVALID}
   */
  public Transaction transaction(String space, String id) {
    SpaceName.check(space);
    return new Transaction(client, space, id, TransactionHolds.homeOf(id), false);
  }

  /**
   * Watches the tuples that match, from now on.
   *
   * <p>The handler is called by one thread at a time. One that is slower than the changes is told
   * so and dropped ({@code WATCH_TOO_SLOW}, see {@code vudo.tuplespace.max-watch-behind}); a writer
   * never waits for it. When a part of the space restarts or moves, the handler is told that it may
   * have {@linkplain TupleChange.Kind#MISSED missed} changes, and the watch goes on.
   *
   * @return the watch, when every part of the space knows it: later changes are told. Fails with
   *     {@code WATCHERS_FULL}
   */
  public CompletionStage<Watch> watch(String space, Template template, WatchHandler handler) {
    try {
      SpaceName.check(space);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
    return WatchActor.start(system, client, space, template, handler);
  }

  // For Spirits

  /**
   * Takes the oldest tuple that matches out of sight until the turn of a Spirit has ended: then
   * {@link #confirm} removes it for good, or {@link #release} puts it back at its old place. A
   * space that hears neither asks its {@link HoldResolver}.
   *
   * @param holder the Spirit
   * @param holdId 1 to 500 characters that name this take; used once, a repetition answers the same
   *     tuple (unless the template leaves the first field open)
   * @return the tuple and the full name of the hold, or empty when there is none, and then there is
   *     no hold. Fails with {@code REQUEST_INVALID} for the id of another Spirit's hold or of one
   *     that is over
   */
  public CompletionStage<Optional<Held>> hold(
      String space, SpiritId holder, String holdId, Template template) {
    return SpaceClient.map(
        client.remove(
            space,
            template,
            "",
            (partition, replyTo) ->
                new SpaceCommand.Hold(
                    Partitions.idAt(holdId, partition), holder.toString(), template, replyTo)),
        place ->
            place.map(
                one -> new Held(Partitions.idAt(holdId, one.partition()), one.found().tuple())));
  }

  /**
   * Holds up to {@code limit} tuples that match, as {@link #hold}; not to be repeated under the
   * same id.
   *
   * @param limit 1 to {@value #MAX_LIMIT}
   * @return fails with {@code BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Held>> holdAll(
      String space, SpiritId holder, String holdId, Template template, int limit) {
    return ManyTuples.hold(client, space, holder, holdId, template, limit);
  }

  /**
   * The turn committed. Done when that is durable, also when there is no such hold any more.
   *
   * @param hold the full name of the hold
   */
  public CompletionStage<Void> confirm(String space, String hold) {
    OptionalInt partition = Partitions.partitionOf(hold);
    return partition.isEmpty()
        ? SpaceClient.failed(ErrorCode.REQUEST_INVALID, "This is no name of a hold: " + hold)
        : client.ask(
            space,
            partition.getAsInt(),
            replyTo -> new SpaceCommand.ConfirmTake(hold, replyTo),
            Tuplespace::done);
  }

  /**
   * The turn failed. Done when that is durable, also when there is no such hold any more.
   *
   * @param hold the full name of the hold; or the id by which it was asked for, when the answer was
   *     not heard, and then every part of the space is asked
   */
  public CompletionStage<Void> release(String space, String hold) {
    OptionalInt only = Partitions.partitionOf(hold);
    List<Integer> partitions = only.isPresent() ? List.of(only.getAsInt()) : Partitions.all();
    List<CompletableFuture<Void>> released = new ArrayList<>();
    for (int partition : partitions) {
      String name = only.isPresent() ? hold : Partitions.idAt(hold, partition);
      released.add(
          client.ask(
              space,
              partition,
              replyTo -> new SpaceCommand.ReleaseTake(name, replyTo),
              Tuplespace::done));
    }
    return SpaceClient.map(SpaceClient.all(released), all -> null);
  }

  /** What was asked for by an id, whichever part of the space has it. */
  public static String holdIdOf(String hold) {
    return Partitions.baseOf(hold);
  }

  /**
   * Lets a Spirit wait for a tuple. Answers nothing itself: the {@link WaitListener} on the node of
   * the space does, as soon as a tuple matches, be it at once.
   *
   * <p>Repeated with the same {@code requestId} while it waits: only the time that remains counts
   * anew. Repeated when a tuple is held under this id: it is answered again. Repeated when that
   * hold is over, or the wait was cancelled: nothing happens. A space that crashes forgets who
   * waits, but no hold, and a full queue drops the request; so a Spirit repeats it, about twice a
   * minute, until it has its answer.
   *
   * @param requestId 1 to 500 characters that name this wait, and for a take its hold; used once
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
    for (int partition : partitions(template)) {
      client.tell(
          space,
          partition,
          new SpaceCommand.Await(
              Partitions.idAt(requestId, partition), waiter, template, take, millis(remaining)));
    }
  }

  /**
   * Ends a wait of a Spirit. What is held under this id is released; a hold that was confirmed
   * stays so. A repetition of the wait that arrives later does nothing.
   *
   * <p>Nothing is answered, and the request can get lost; then the wait ends by its time, and the
   * hold by the {@link HoldResolver}.
   *
   * @param requestId as in {@link #await}
   * @param template as in {@link #await}
   * @param kept the hold that the Spirit goes on with; empty for none
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public void cancel(String space, String requestId, Template template, String kept) {
    for (int partition : partitions(template)) {
      String id = Partitions.idAt(requestId, partition);
      if (!id.equals(kept)) {
        client.tell(space, partition, new SpaceCommand.CancelWait(id));
      }
    }
  }

  private static List<Integer> partitions(Template template) {
    OptionalInt only = Partitions.of(template);
    return only.isPresent() ? List.of(only.getAsInt()) : Partitions.all();
  }

  /**
   * Lets a Spirit wait at a {@linkplain #barrier barrier}. The {@link WaitListener} is told when it
   * may go on. To be repeated like {@link #await}.
   *
   * @param requestId names the arrival
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public void awaitBarrier(
      String space,
      SpiritId waiter,
      String requestId,
      String name,
      int parties,
      Duration remaining) {
    int partition = Partitions.of(name);
    client.tell(
        space,
        partition,
        new SpaceCommand.AwaitBarrier(
            Partitions.idAt(requestId, partition), waiter, name, parties, millis(remaining)));
  }

  /**
   * A Spirit whose time is over waits no longer at a barrier; it counts as not arrived, unless the
   * barrier has opened.
   *
   * @param requestId as in {@link #awaitBarrier}
   * @param parties as in {@link #awaitBarrier}
   * @return in which place it arrived, when it goes on after all; empty when nobody counts on it.
   *     Fails with {@code BARRIER_MISMATCH}
   */
  public CompletionStage<Optional<Integer>> leaveBarrier(
      String space, String requestId, String name, int parties) {
    int partition = Partitions.of(name);
    return client.ask(
        space,
        partition,
        replyTo ->
            new SpaceCommand.Arrive(
                name,
                parties,
                new SpaceCommand.Patience(Partitions.idAt(requestId, partition), 0),
                replyTo),
        reply ->
            reply instanceof SpaceReply.Passed passed
                ? Optional.of(passed.index())
                : Optional.empty());
  }

  /**
   * Lets a Spirit watch the tuples that match, until it watches no longer; the {@link WaitListener}
   * is told of each change. The watch is durable. A change can get lost when a node crashes; then
   * the Spirit is told that it may have {@linkplain TupleChange.Kind#MISSED missed} some.
   *
   * @param watchId 1 to 500 characters; a repetition under the same id is the same watch
   * @return done when every part of the space knows it. Fails with {@code WATCHERS_FULL}, {@code
   *     REQUEST_INVALID} for the id of another Spirit's watch
   */
  public CompletionStage<Void> watchFor(
      String space, SpiritId watcher, String watchId, Template template) {
    List<CompletableFuture<Void>> asked = new ArrayList<>();
    for (int partition : partitions(template)) {
      asked.add(
          client.ask(
              space,
              partition,
              replyTo ->
                  new SpaceCommand.WatchForSpirit(
                      Partitions.idAt(watchId, partition), watcher, template, replyTo),
              Tuplespace::done));
    }
    return SpaceClient.map(SpaceClient.all(asked), all -> null);
  }

  /** Ends a watch of a Spirit. Done when that is durable, also when there is no such watch. */
  public CompletionStage<Void> unwatchFor(String space, SpiritId watcher, String watchId) {
    return SpaceClient.map(
        client.askAll(
            space,
            partition ->
                replyTo ->
                    new SpaceCommand.UnwatchForSpirit(
                        Partitions.idAt(watchId, partition), watcher, replyTo),
            Tuplespace::done),
        all -> null);
  }

  /** What fits into no {@code long} is for ever. */
  private static long millis(Duration duration) {
    try {
      return duration.toMillis();
    } catch (ArithmeticException e) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  private static Void done(SpaceReply reply) {
    return null;
  }
}
