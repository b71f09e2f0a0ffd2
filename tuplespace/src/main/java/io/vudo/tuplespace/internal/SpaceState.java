package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What a partition of a space is and how it decides. Pure and single-threaded, and mutable: {@link
 * #handle} changes the state at once, and its event, applied to a copy, makes the same change.
 *
 * <p>The change is made before its event is durable, so that the next operation of the same batch
 * sees it. That is sound because nothing is answered before the batch is durable, and because a
 * state whose batch failed is thrown away.
 */
final class SpaceState {
  /**
   * What an operation came to: what to write down, and, after that, what to answer to it and what
   * to tell others.
   */
  record Decision(List<SpaceEvent> events, Optional<SpaceReply> reply, List<Notice> notices) {}

  /** The most tuples of one write. */
  static final int MAX_BATCH = 1_000;

  /** The most tuples that one read or take answers. */
  static final int MAX_LIMIT = 10_000;

  private static final int MAX_ID_LENGTH = 512;

  /** Of {@link HeldTuple#holder}: a transaction. */
  static final String TRANSACTION_HOLDER = "tx:";

  /** Of {@link HeldTuple#holder}: a caller that waits at several partitions. */
  static final String CALLER_HOLDER = "caller:";

  private final SpaceLimits limits;

  /** The store counts anew after a restart; a number of before must not come again. */
  private final long arrivalsBefore = ThreadLocalRandom.current().nextLong(1, 1L << 62);

  private final TupleStore store = new TupleStore();
  private final Recent<OperationId.Turn> senders;
  private final Recent<KeyUse> keys;
  private final Recent<Boolean> finishedHolds;
  private final Transactions transactions = new Transactions();
  private final Barriers barriers = new Barriers();

  // Those that arrived at a barrier and are there to be told; one that is not asks again.
  private final Map<String, Waiter.Party> parties = new HashMap<>();
  private final Map<String, SpaceSnapshot.SpiritWatch> spiritWatches = new LinkedHashMap<>();

  // Nobody in it matches a visible tuple: who comes looks for one first, and a tuple that comes
  // into sight is offered first.
  private final Waiters waiters;

  // Those that the newest event kept, if it kept any.
  private Optional<SpaceEvent.WaitersKept> kept = Optional.empty();

  // Those that do not wait, and found nothing but what is offered to somebody. Until that one has
  // said whether it takes it, nobody can tell them what is there.
  private List<SpaceCommand.Operation> deferred = new ArrayList<>();
  private boolean offerEnded;

  // Of the decision on its way.
  private List<SpaceEvent> events = new ArrayList<>();
  private List<Notice> notices = new ArrayList<>();

  // Since they were drained.
  private List<WatchSignal.Change> changes = new ArrayList<>();

  SpaceState(SpaceLimits limits) {
    this.limits = limits;
    this.senders = new Recent<>(limits.sendersRemembered(), Long.MAX_VALUE, turn -> 0);
    this.keys = new Recent<>(limits.keysRemembered(), limits.keysRememberedBytes(), KeyUse::bytes);
    this.finishedHolds = new Recent<>(limits.holdsRemembered(), Long.MAX_VALUE, confirmed -> 0);
    this.waiters = new Waiters(limits.maxWaiters(), limits.maxWaitersBytes());
  }

  SpaceState(SpaceLimits limits, SpaceSnapshot snapshot) {
    this(limits);
    snapshot.stored().forEach(store::add);
    snapshot.holds().forEach(store::restore);
    store.skipTo(snapshot.nextEntryId());
    snapshot.senders().forEach(turn -> senders.put(turn.sender().toString(), turn));
    snapshot.keys().forEach(key -> keys.put(key.key(), key.use()));
    snapshot.finishedHolds().forEach(hold -> finishedHolds.put(hold.holdId(), hold.confirmed()));
    transactions.restore(snapshot);
    barriers.restore(snapshot);
    snapshot.watches().forEach(watch -> spiritWatches.put(watch.watchId(), watch));
    store.advanceTo(snapshot.timeMillis());
  }

  SpaceSnapshot snapshot() {
    return new SpaceSnapshot(
        store.nowMillis(),
        store.nextEntryId(),
        List.copyOf(store.visible()),
        List.copyOf(store.holds()),
        List.copyOf(senders.entries().values()),
        keys.entries().entrySet().stream()
            .map(entry -> new SpaceSnapshot.Key(entry.getKey(), entry.getValue()))
            .toList(),
        finishedHolds.entries().entrySet().stream()
            .map(entry -> new SpaceSnapshot.FinishedHold(entry.getKey(), entry.getValue()))
            .toList(),
        transactions.openSnapshot(),
        transactions.decidedSnapshot(),
        transactions.endedSnapshot(),
        transactions.followedSnapshot(),
        barriers.snapshot(),
        barriers.passedSnapshot(),
        List.copyOf(spiritWatches.values()));
  }

  TupleStore store() {
    return store;
  }

  Waiters waiters() {
    return waiters;
  }

  Transactions transactions() {
    return transactions;
  }

  /** When something of this state is due by itself; {@link Long#MAX_VALUE} for never. */
  long nextDueMillis() {
    return Math.min(
        store.nextLeaseEndMillis(),
        Math.min(barriers.nextEndMillis(), transactions.nextEndMillis()));
  }

  /** Makes it {@code timeMillis}, unless it is later already. */
  void advanceTo(long timeMillis) {
    store
        .advanceTo(timeMillis)
        .forEach(stored -> changed(TupleChange.Kind.EXPIRED, stored.tuple()));
  }

  /** What happened to tuples since the last call, in order. */
  List<WatchSignal.Change> drainChanges() {
    List<WatchSignal.Change> drained = changes;
    changes = new ArrayList<>();
    return drained;
  }

  /** What Spirits that watch are told about {@code changes}. */
  List<Notice> toSpirits(List<WatchSignal.Change> changes) {
    if (spiritWatches.isEmpty() || changes.isEmpty()) {
      return List.of();
    }
    List<Notice> told = new ArrayList<>();
    for (WatchSignal.Change change : changes) {
      for (SpaceSnapshot.SpiritWatch watch : spiritWatches.values()) {
        if (watch.template().matches(change.tuple())) {
          told.add(
              new Notice.Changed(
                  watch.watcher(), watch.watchId(), TupleChange.of(change.kind(), change.tuple())));
        }
      }
    }
    return told;
  }

  /** After a recovery: every Spirit that watches may have missed changes. */
  List<Notice> missed() {
    return spiritWatches.values().stream()
        .<Notice>map(
            watch -> new Notice.Changed(watch.watcher(), watch.watchId(), TupleChange.missed()))
        .toList();
  }

  /**
   * Ends the waits that are over.
   *
   * @param tickMillis a clock that nobody sets; it has nothing to do with that of {@link
   *     #advanceTo}
   * @return what callers are told; a Spirit knows by itself
   */
  List<Notice> endWaits(long tickMillis) {
    return waiters.advanceTo(tickMillis).stream()
        .flatMap(waiter -> answerTo(waiter.party(), SpaceReply.NotFound.NOT_FOUND).stream())
        .toList();
  }

  /** Those that wait, so that they can go on to wait elsewhere; empty when nobody does. */
  Optional<SpaceEvent.WaitersKept> keepWaiters(long tickMillis) {
    List<Waiter> inOrder = waiters.inOrder();
    return inOrder.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new SpaceEvent.WaitersKept(
                store.nowMillis(),
                inOrder.stream()
                    .map(waiter -> waiter.until(waiter.deadlineMillis() - tickMillis))
                    .toList()));
  }

  /**
   * Lets those wait again that waited when the partition left another node, if nothing happened
   * since.
   *
   * @return the callers among them, by the id of their wait
   */
  Map<String, ActorRef<SpaceReply>> restoreWaiters(long tickMillis) {
    Map<String, ActorRef<SpaceReply>> callers = new HashMap<>();
    waiters.advanceTo(tickMillis);
    kept.ifPresent(
        event -> {
          long away = Math.max(0, store.nowMillis() - event.timeMillis());
          for (Waiter waiter : event.waiters()) {
            if (waiter.deadlineMillis() > away) {
              waiters.restore(waiter.until(tickMillis + waiter.deadlineMillis() - away));
              callerOf(waiter.party())
                  .ifPresent(caller -> callers.put(waiter.party().id().text(), caller));
            }
          }
        });
    kept = Optional.empty();
    return callers;
  }

  private static Optional<ActorRef<SpaceReply>> callerOf(Waiter.Party party) {
    if (party instanceof Waiter.Caller caller) {
      return Optional.of(caller.replyTo());
    }
    return party instanceof Waiter.Offered offered
        ? Optional.of(offered.replyTo())
        : Optional.empty();
  }

  /**
   * Decides and does one thing. What is refused changes nothing.
   *
   * @throws VudoException {@code INTERNAL_ERROR} for a fault of this class; the state is then lost
   */
  Decision handle(SpaceWork work) {
    events = new ArrayList<>();
    notices = new ArrayList<>();
    Optional<SpaceReply> reply;
    try {
      reply = decide(work);
    } catch (VudoException e) {
      reply = refused(work, e);
    } catch (RuntimeException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "A space failed to decide.", e);
    }
    if (offerEnded) {
      decideDeferred();
    }
    return new Decision(events, reply, notices);
  }

  private void decideDeferred() {
    offerEnded = false;
    List<SpaceCommand.Operation> again = drainDeferred();
    for (SpaceCommand.Operation operation : again) {
      Optional<SpaceReply> reply;
      try {
        reply = decide(operation);
      } catch (VudoException e) {
        reply = Optional.of(new SpaceReply.Refused(e.toError()));
      }
      reply.ifPresent(answer -> notices.add(new Notice.Answer("", operation.replyTo(), answer)));
    }
  }

  /** Those that were not answered yet, though they do not wait. */
  List<SpaceCommand.Operation> drainDeferred() {
    List<SpaceCommand.Operation> drained = deferred;
    deferred = new ArrayList<>();
    return drained;
  }

  private boolean isOffered(Template template) {
    long now = store.nowMillis();
    return store.holdsOf(CALLER_HOLDER).stream()
        .anyMatch(held -> !held.stored().endsBy(now) && template.matches(held.stored().tuple()));
  }

  /** The answer of one that found nothing, unless something may come back at once. */
  private Optional<SpaceReply> nothingFor(SpaceCommand.Operation operation, Template template) {
    if (isOffered(template)) {
      deferred.add(operation);
      return Optional.empty();
    }
    return Optional.of(nothing());
  }

  private Optional<SpaceReply> unlessOffered(
      SpaceCommand.Operation operation, Template template, Supplier<SpaceReply> answer) {
    if (isOffered(template)) {
      deferred.add(operation);
      return Optional.empty();
    }
    return Optional.of(answer.get());
  }

  private Optional<SpaceReply> refused(SpaceWork work, VudoException failure) {
    if (!events.isEmpty() || failure.code() == ErrorCode.JOURNAL_CORRUPT) {
      // A refusal comes before the first change; this one comes from within.
      throw failure;
    }
    if (work instanceof SpaceCommand.Await await) {
      notices.add(new Notice.Refused(await.waiter(), await.requestId(), failure.toError()));
      return Optional.empty();
    } else if (work instanceof SpaceCommand.AwaitBarrier await) {
      notices.add(new Notice.Refused(await.waiter(), await.requestId(), failure.toError()));
      return Optional.empty();
    }
    return Optional.of(new SpaceReply.Refused(failure.toError()));
  }

  private Optional<SpaceReply> decide(SpaceWork work) {
    if (work instanceof SpaceCommand.Write write) {
      return Optional.of(write(write));
    } else if (work instanceof SpaceCommand.Read read) {
      return read(read);
    } else if (work instanceof SpaceCommand.Take take) {
      return take(take);
    } else if (work instanceof SpaceCommand.Offer offer) {
      return offer(offer);
    } else if (work instanceof SpaceCommand.ReadAll readAll) {
      return unlessOffered(readAll, readAll.template(), () -> readAll(readAll));
    } else if (work instanceof SpaceCommand.TakeAll takeAll) {
      return unlessOffered(takeAll, takeAll.template(), () -> takeAll(takeAll));
    } else if (work instanceof SpaceCommand.Count count) {
      return unlessOffered(
          count, count.template(), () -> new SpaceReply.Counted(store.count(count.template())));
    } else if (work instanceof SpaceCommand.CompareAndSwap swap) {
      return swap(swap);
    } else if (work instanceof SpaceCommand.Renew renew) {
      return Optional.of(renew(renew));
    } else if (work instanceof SpaceCommand.CancelLease cancel) {
      return Optional.of(cancelLease(cancel.lease()));
    } else if (work instanceof SpaceCommand.Hold hold) {
      return hold(hold);
    } else if (work instanceof SpaceCommand.HoldAll holdAll) {
      return unlessOffered(holdAll, holdAll.template(), () -> holdAll(holdAll));
    } else if (work instanceof SpaceCommand.ConfirmTake confirm) {
      return Optional.of(confirm(confirm.holdId()));
    } else if (work instanceof SpaceCommand.ReleaseTake release) {
      waiters.remove(Waiter.Caller.idOf(release.holdId()));
      finish(release.holdId(), HoldOutcome.ABORTED);
      return Optional.of(SpaceReply.Done.DONE);
    } else if (work instanceof SpaceCommand.Arrive arrive) {
      return arrive(arrive);
    } else if (work instanceof SpaceCommand.Begin begin) {
      return Optional.of(begin(begin));
    } else if (work instanceof SpaceCommand.End end) {
      return end(end);
    } else if (work instanceof SpaceCommand.Follow follow) {
      follow(follow.transaction(), follow.commit());
      return Optional.of(new SpaceReply.Followed(follow.transaction(), follow.partition()));
    } else if (work instanceof SpaceCommand.AskOutcome ask) {
      return Optional.of(new SpaceReply.Outcome(transactions.outcome(ask.transaction())));
    } else if (work instanceof SpaceCommand.WatchForSpirit watch) {
      return Optional.of(watch(watch));
    } else if (work instanceof SpaceCommand.UnwatchForSpirit unwatch) {
      return Optional.of(unwatch(unwatch));
    } else {
      unanswered(work);
      return Optional.empty();
    }
  }

  private void unanswered(SpaceWork work) {
    if (work instanceof SpaceCommand.Await await) {
      await(await);
    } else if (work instanceof SpaceCommand.CancelWait cancel) {
      cancel(cancel.requestId());
    } else if (work instanceof SpaceCommand.AwaitBarrier await) {
      arrive(
          new Waiter.Spirit(await.requestId(), await.waiter()),
          await.requestId(),
          await.barrier(),
          await.parties(),
          await.millis());
    } else if (work instanceof SpaceWork.Resolved resolved
        && resolved.outcome() != HoldOutcome.PENDING) {
      store
          .held(resolved.holdId())
          .ifPresent(held -> finish(resolved.holdId(), forHold(held, resolved.outcome())));
    } else if (work instanceof SpaceWork.FollowedBy followed) {
      if (transactions.follow(followed.transaction(), followed.partition())) {
        happen(new SpaceEvent.Ended(store.nowMillis(), followed.transaction()));
      }
    } else if (work instanceof SpaceWork.Wake) {
      endInTime();
    }
  }

  /** What is over by the clock. */
  private void endInTime() {
    long now = store.nowMillis();
    for (String transaction : transactions.over(now)) {
      happen(new SpaceEvent.Decided(now, transaction, false));
    }
    for (Barriers.Party party : barriers.over(now)) {
      happen(new SpaceEvent.Left(now, party.barrier(), party.partyId()));
      Waiter.Party waiting = parties.remove(party.partyId());
      if (waiting != null) {
        notices.addAll(answerTo(waiting, SpaceReply.NotFound.NOT_FOUND));
      }
    }
  }

  // Writing

  private SpaceReply write(SpaceCommand.Write write) {
    checkTtl(write.ttlMillis());
    checkBatch(write.tuples());
    OperationId operation = write.operation();
    if (!write.transaction().isEmpty()) {
      checkOpen(write.transaction(), operation);
    }
    if (operation instanceof OperationId.Turn turn) {
      if (write.tuples().size() > 1) {
        throw new VudoException(ErrorCode.REQUEST_INVALID, "A Spirit writes one after the other.");
      }
      if (isRepeated(turn)) {
        return new SpaceReply.Written(List.of(), StoredTuple.FOR_EVER);
      }
    }
    if (operation instanceof OperationId.Key key && keys.contains(key.key())) {
      KeyUse use = keys.get(key.key()).orElseThrow();
      checkKey(use.taken().isEmpty(), "take");
      return new SpaceReply.Written(use.entryIds(), use.leaseEndsAtMillis());
    }
    checkRoom(write.tuples().stream().mapToLong(StoredTuple::storedBytes).sum());
    long now = store.nowMillis();
    List<StoredTuple> written = new ArrayList<>();
    for (Tuple tuple : write.tuples()) {
      StoredTuple stored = next(tuple, write.ttlMillis(), operation);
      written.add(stored);
      if (write.transaction().isEmpty()) {
        happen(new SpaceEvent.Written(now, stored, withoutPrevious(operation)));
      } else {
        happen(
            new SpaceEvent.Pended(
                now,
                stored,
                holdOf(write.transaction(), stored),
                TRANSACTION_HOLDER + write.transaction()));
      }
    }
    settle(operation);
    if (write.transaction().isEmpty()) {
      written.forEach(this::offerIfVisible);
    }
    return new SpaceReply.Written(
        written.stream().map(StoredTuple::entryId).toList(), written.get(0).leaseEndsAtMillis());
  }

  /** The next in the order of writing, which is roughly that of all partitions together. */
  private StoredTuple next(Tuple tuple, long ttlMillis, OperationId operation) {
    long now = store.nowMillis();
    long endsAt = endOf(ttlMillis);
    // The milliseconds since 1970 take 41 bits, and a million tuples a millisecond are enough.
    long entryId = Math.max(store.nextEntryId(), now << 20);
    String leaseName =
        operation instanceof OperationId.Turn turn && endsAt != StoredTuple.FOR_EVER
            ? turn.toString()
            : "";
    return new StoredTuple(entryId, tuple, endsAt, leaseName);
  }

  private long endOf(long ttlMillis) {
    long now = store.nowMillis();
    return ttlMillis == 0 || ttlMillis > StoredTuple.FOR_EVER - now
        ? StoredTuple.FOR_EVER
        : now + ttlMillis;
  }

  private static String holdOf(String transaction, StoredTuple stored) {
    return TRANSACTION_HOLDER + transaction + "#" + stored.entryId();
  }

  private static void checkTtl(long ttlMillis) {
    if (ttlMillis < 0) {
      throw new VudoException(ErrorCode.LEASE_INVALID, "Got " + ttlMillis + ".");
    }
  }

  private static void checkBatch(List<Tuple> tuples) {
    long bytes = tuples.stream().mapToLong(Tuple::encodedBytes).sum();
    if (tuples.isEmpty()
        || tuples.size() > MAX_BATCH
        || (tuples.size() > 1 && bytes > Tuple.MAX_BYTES)) {
      throw new VudoException(
          ErrorCode.BATCH_TOO_LARGE, tuples.size() + " tuples of " + bytes + " bytes.");
    }
  }

  private void checkRoom(long bytes) {
    if (store.storedBytes() + bytes > limits.maxBytes()) {
      throw new VudoException(
          ErrorCode.SPACE_FULL,
          "The partition holds "
              + store.storedBytes()
              + " of "
              + limits.maxBytes()
              + " bytes, the write needs "
              + bytes
              + ".");
    }
  }

  private void checkOpen(String transaction, OperationId operation) {
    if (transactions.isOver(transaction)) {
      throw new VudoException(ErrorCode.TRANSACTION_UNKNOWN, transaction);
    }
    if (!operation.equals(OperationId.none())) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Within a transaction an operation has no key of its own.");
    }
  }

  private Optional<SpaceReply> swap(SpaceCommand.CompareAndSwap swap) {
    checkTtl(swap.ttlMillis());
    checkNoTurn(swap.operation());
    if (swap.operation() instanceof OperationId.Key key && keys.contains(key.key())) {
      return Optional.of(new SpaceReply.Found(takenUnder(key.key()), 0));
    }
    Optional<StoredTuple> found = store.read(swap.expected());
    if (found.isEmpty()) {
      return nothingFor(swap, swap.expected());
    }
    checkRoom(StoredTuple.storedBytes(swap.replacement()) - found.get().storedBytes());
    long now = store.nowMillis();
    StoredTuple stored = next(swap.replacement(), swap.ttlMillis(), OperationId.none());
    happen(new SpaceEvent.Taken(now, found.get().entryId(), swap.operation()));
    happen(new SpaceEvent.Written(now, stored, OperationId.none()));
    settle(swap.operation());
    offerIfVisible(stored);
    return Optional.of(new SpaceReply.Found(found.get().tuple(), found.get().entryId()));
  }

  // Leases

  private SpaceReply renew(SpaceCommand.Renew renew) {
    checkTtl(renew.ttlMillis());
    StoredTuple stored = leased(renew.lease());
    long endsAt = endOf(renew.ttlMillis());
    happen(new SpaceEvent.LeaseRenewed(store.nowMillis(), stored.entryId(), endsAt));
    return new SpaceReply.Written(List.of(stored.entryId()), endsAt);
  }

  private SpaceReply cancelLease(LeaseName lease) {
    long entryId = leased(lease).entryId();
    if (store.visible(entryId).isEmpty()) {
      throw new VudoException(
          ErrorCode.SPACE_UNAVAILABLE, "A turn or transaction that takes the tuple is not over.");
    }
    happen(new SpaceEvent.Taken(store.nowMillis(), entryId, OperationId.none()));
    return SpaceReply.Done.DONE;
  }

  private StoredTuple leased(LeaseName lease) {
    long entryId =
        lease.entryId() >= 0 ? lease.entryId() : store.byLeaseName(lease.name()).orElse(-1L);
    return store
        .anywhere(entryId)
        .filter(stored -> !stored.endsBy(store.nowMillis()))
        .orElseThrow(() -> new VudoException(ErrorCode.LEASE_UNKNOWN, lease.toString()));
  }

  // Reading and taking

  private Optional<SpaceReply> read(SpaceCommand.Read read) {
    checkNotOver(read.transaction());
    Optional<StoredTuple> found = find(read.template(), read.transaction());
    return found.isEmpty()
        ? letWait(
            read,
            new Waiter.Caller(
                read.patience().waitId(), OperationId.none(), read.transaction(), read.replyTo()),
            false)
        : answer(read, found.get());
  }

  private Optional<SpaceReply> take(SpaceCommand.Take take) {
    checkNoTurn(take.operation());
    if (!take.transaction().isEmpty()) {
      checkOpen(take.transaction(), take.operation());
    }
    if (take.operation() instanceof OperationId.Key key && keys.contains(key.key())) {
      waiters.remove(Waiter.Caller.idOf(take.patience().waitId()));
      return Optional.of(new SpaceReply.Found(takenUnder(key.key()), 0));
    }
    Optional<StoredTuple> found = find(take.template(), take.transaction());
    if (found.isEmpty()) {
      return letWait(
          take,
          new Waiter.Caller(
              take.patience().waitId(), take.operation(), take.transaction(), take.replyTo()),
          true);
    }
    remove(found.get(), take.operation(), take.transaction());
    Optional<SpaceReply> reply = answer(take, found.get());
    settle(take.operation());
    return reply;
  }

  /** The oldest visible one that matches, or else one that the transaction wrote itself. */
  private Optional<StoredTuple> find(Template template, String transaction) {
    Optional<StoredTuple> found = store.read(template);
    return found.isPresent() || transaction.isEmpty()
        ? found
        : store
            .readPended(TRANSACTION_HOLDER + transaction, template)
            .map(HeldTuple::stored)
            .filter(stored -> !stored.endsBy(store.nowMillis()));
  }

  private void remove(StoredTuple stored, OperationId operation, String transaction) {
    long now = store.nowMillis();
    if (transaction.isEmpty()) {
      happen(new SpaceEvent.Taken(now, stored.entryId(), operation));
    } else if (store.visible(stored.entryId()).isPresent()) {
      happen(
          new SpaceEvent.Held(
              now,
              holdOf(transaction, stored),
              TRANSACTION_HOLDER + transaction,
              stored.entryId()));
    } else {
      // Its own write, which nobody has seen and nobody will.
      happen(new SpaceEvent.HoldConfirmed(now, holdOf(transaction, stored)));
    }
  }

  private SpaceReply readAll(SpaceCommand.ReadAll readAll) {
    checkLimit(readAll.limit());
    checkNotOver(readAll.transaction());
    List<StoredTuple> found = new ArrayList<>();
    if (!readAll.transaction().isEmpty()) {
      for (HeldTuple held : store.holdsOf(TRANSACTION_HOLDER + readAll.transaction())) {
        if (held.written()
            && held.stored().entryId() > readAll.afterEntryId()
            && !held.stored().endsBy(store.nowMillis())
            && readAll.template().matches(held.stored().tuple())) {
          found.add(held.stored());
        }
      }
    }
    found.addAll(store.readAll(readAll.template(), readAll.limit() + 1, readAll.afterEntryId()));
    found.sort(Comparator.comparingLong(StoredTuple::entryId));
    return all(found, readAll.limit());
  }

  private SpaceReply takeAll(SpaceCommand.TakeAll takeAll) {
    checkLimit(takeAll.limit());
    String transaction = takeAll.transaction();
    if (!transaction.isEmpty()) {
      checkOpen(transaction, OperationId.none());
    }
    SpaceReply.FoundAll found =
        (SpaceReply.FoundAll)
            readAll(
                new SpaceCommand.ReadAll(
                    takeAll.template(), takeAll.limit(), 0, transaction, takeAll.replyTo()));
    for (int i = 0; i < found.tuples().size(); i++) {
      remove(
          new StoredTuple(found.entryIds().get(i), found.tuples().get(i), StoredTuple.FOR_EVER),
          OperationId.none(),
          transaction);
    }
    return found;
  }

  /** As many as one answer may have, in number and bytes. */
  private static SpaceReply.FoundAll all(List<StoredTuple> found, int limit) {
    List<Tuple> tuples = new ArrayList<>();
    List<Long> entryIds = new ArrayList<>();
    long bytes = 0;
    for (StoredTuple stored : found) {
      bytes += stored.tuple().encodedBytes();
      if (tuples.size() == limit || (bytes > Tuple.MAX_BYTES && !tuples.isEmpty())) {
        break;
      }
      tuples.add(stored.tuple());
      entryIds.add(stored.entryId());
    }
    return new SpaceReply.FoundAll(tuples, entryIds, tuples.size() < found.size());
  }

  private static void checkLimit(int limit) {
    if (limit < 1 || limit > MAX_LIMIT) {
      throw new VudoException(ErrorCode.BATCH_TOO_LARGE, "A limit of " + limit + ".");
    }
  }

  private void checkNotOver(String transaction) {
    if (!transaction.isEmpty()) {
      checkOpen(transaction, OperationId.none());
    }
  }

  private static void checkNoTurn(OperationId operation) {
    if (operation instanceof OperationId.Turn) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A Spirit takes by a hold that its turn confirms.");
    }
  }

  private SpaceReply nothing() {
    return new SpaceReply.NotFound(arrivalsBefore + store.arrivals());
  }

  /** The tuple for one that asks; it waits no longer, if it did. */
  private Optional<SpaceReply> answer(SpaceCommand.Search search, StoredTuple stored) {
    waiters.remove(Waiter.Caller.idOf(search.patience().waitId()));
    return Optional.of(new SpaceReply.Found(stored.tuple(), stored.entryId()));
  }

  private Optional<SpaceReply> letWait(
      SpaceCommand.Search search, Waiter.Party party, boolean take) {
    SpaceCommand.Patience patience = search.patience();
    if (patience.waitId().isEmpty() || patience.millis() <= 0) {
      waiters.remove(party.id());
      return nothingFor(search, search.template());
    }
    waiters.put(party, search.template(), take, patience.millis());
    return Optional.empty();
  }

  /** A caller that waits at several partitions: what it gets is held until it says whether. */
  private Optional<SpaceReply> offer(SpaceCommand.Offer offer) {
    String holdId = offer.holdId();
    checkId(holdId);
    Optional<HeldTuple> held = heldFor(CALLER_HOLDER, holdId);
    if (held.isPresent()) {
      return Optional.of(
          new SpaceReply.Found(held.get().stored().tuple(), held.get().stored().entryId()));
    }
    if (finishedHolds.contains(holdId)) {
      return Optional.of(nothing());
    }
    Optional<StoredTuple> found = store.read(offer.template());
    if (found.isEmpty()) {
      Waiter.Offered party = new Waiter.Offered(holdId, offer.replyTo());
      if (offer.patience().millis() <= 0) {
        waiters.remove(party.id());
        return Optional.of(nothing());
      }
      waiters.put(party, offer.template(), true, offer.patience().millis());
      return Optional.empty();
    }
    waiters.remove(Waiter.Caller.idOf(holdId));
    happen(new SpaceEvent.Held(store.nowMillis(), holdId, CALLER_HOLDER, found.get().entryId()));
    return Optional.of(new SpaceReply.Found(found.get().tuple(), found.get().entryId()));
  }

  private Tuple takenUnder(String key) {
    Optional<Tuple> taken = keys.get(key).orElseThrow().taken();
    checkKey(taken.isPresent(), "write");
    return taken.orElseThrow();
  }

  /** Answers those that wait to take under a key that was just used. */
  private void settle(OperationId operation) {
    if (operation instanceof OperationId.Key key) {
      List<Waiter> same = waiters.removeByKey(key.key());
      if (!same.isEmpty()) {
        SpaceReply reply = keyReply(key.key());
        same.forEach(waiter -> notices.addAll(answerTo(waiter.party(), reply)));
      }
    }
  }

  private SpaceReply keyReply(String key) {
    try {
      return new SpaceReply.Found(takenUnder(key), 0);
    } catch (VudoException e) {
      return new SpaceReply.Refused(e.toError());
    }
  }

  // Holding

  private Optional<SpaceReply> hold(SpaceCommand.Hold hold) {
    checkId(hold.holdId());
    SpiritId.parse(hold.holder());
    Optional<HeldTuple> held = heldFor(hold.holder(), hold.holdId());
    if (held.isPresent()) {
      return Optional.of(
          new SpaceReply.Found(held.get().stored().tuple(), held.get().stored().entryId()));
    }
    if (finishedHolds.contains(hold.holdId())) {
      // A request that was overtaken by the end of its own turn. It must not take another tuple.
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Hold " + hold.holdId() + " is over; an id is used once.");
    }
    Optional<StoredTuple> found = store.read(hold.template());
    if (found.isEmpty()) {
      return nothingFor(hold, hold.template());
    }
    // One that waits under this id has its tuple now; a second hold would be lost.
    waiters.remove(Waiter.Spirit.idOf(hold.holdId()));
    happen(
        new SpaceEvent.Held(
            store.nowMillis(), hold.holdId(), hold.holder(), found.get().entryId()));
    return Optional.of(new SpaceReply.Found(found.get().tuple(), found.get().entryId()));
  }

  private SpaceReply holdAll(SpaceCommand.HoldAll holdAll) {
    checkId(holdAll.holdId());
    SpiritId.parse(holdAll.holder());
    checkLimit(holdAll.limit());
    SpaceReply.FoundAll found =
        all(store.readAll(holdAll.template(), holdAll.limit() + 1, 0), holdAll.limit());
    for (int i = 0; i < found.entryIds().size(); i++) {
      happen(
          new SpaceEvent.Held(
              store.nowMillis(),
              Partitions.idOfMany(holdAll.holdId(), holdAll.first() + i),
              holdAll.holder(),
              found.entryIds().get(i)));
    }
    return found;
  }

  private void await(SpaceCommand.Await await) {
    String requestId = await.requestId();
    checkId(requestId);
    String spirit = await.waiter().toString();
    Optional<HeldTuple> held = heldFor(spirit, requestId);
    if (held.isPresent()) {
      notices.add(new Notice.Found(await.waiter(), requestId, held.get().stored().tuple()));
      return;
    }
    if (finishedHolds.contains(requestId)) {
      return;
    }
    Waiter.Spirit party = new Waiter.Spirit(requestId, await.waiter());
    Optional<Waiter> before = waiters.get(party.id());
    if (before.isPresent() && !before.get().party().equals(party)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Wait " + requestId + " is of another Spirit.");
    }
    Optional<StoredTuple> found = store.read(await.template());
    if (found.isPresent()) {
      waiters.remove(party.id());
      serve(party, await.take(), found.get());
    } else if (await.millis() > 0) {
      waiters.put(party, await.template(), await.take(), await.millis());
    } else {
      waiters.remove(party.id());
    }
  }

  private void cancel(String requestId) {
    checkId(requestId);
    waiters.remove(Waiter.Spirit.idOf(requestId));
    parties.remove(requestId);
    barriers
        .barrierOf(requestId)
        .ifPresent(barrier -> happen(new SpaceEvent.Left(store.nowMillis(), barrier, requestId)));
    finish(requestId, HoldOutcome.ABORTED);
    // Without an event: after a restart an overtaken wait could hold a tuple once more, and the
    // Spirit, asked about it, gives it back.
    finishedHolds.put(requestId, finishedHolds.get(requestId).orElse(false));
  }

  private SpaceReply confirm(String holdId) {
    finish(holdId, HoldOutcome.COMMITTED);
    return finishedHolds.get(holdId).orElse(false) ? SpaceReply.Done.DONE : nothing();
  }

  /** What becomes of a tuple: of a write that is committed the opposite as of a take. */
  private static HoldOutcome forHold(HeldTuple held, HoldOutcome outcome) {
    return held.written() == (outcome == HoldOutcome.COMMITTED)
        ? HoldOutcome.ABORTED
        : HoldOutcome.COMMITTED;
  }

  /**
   * Ends a hold.
   *
   * @param outcome COMMITTED and the tuple is gone, ABORTED and it is in sight
   */
  private void finish(String holdId, HoldOutcome outcome) {
    Optional<HeldTuple> held = store.held(holdId);
    if (held.isEmpty()) {
      return;
    }
    long now = store.nowMillis();
    if (outcome == HoldOutcome.COMMITTED) {
      happen(new SpaceEvent.HoldConfirmed(now, holdId));
    } else {
      happen(new SpaceEvent.HoldReleased(now, holdId));
      offerIfVisible(held.get().stored());
    }
  }

  /** Unless its lease ended already, or one before in the same batch took it. */
  private void offerIfVisible(StoredTuple stored) {
    store.visible(stored.entryId()).ifPresent(this::offer);
  }

  /** Offers a tuple that came into sight to all that wait to read, then to one that takes. */
  private void offer(StoredTuple stored) {
    waiters.removeReaders(stored.tuple()).forEach(reader -> serve(reader.party(), false, stored));
    waiters.removeTaker(stored.tuple()).ifPresent(taker -> serve(taker.party(), true, stored));
  }

  private void serve(Waiter.Party party, boolean take, StoredTuple stored) {
    long now = store.nowMillis();
    if (party instanceof Waiter.Caller caller) {
      if (take) {
        remove(stored, caller.operation(), caller.transaction());
      }
      notices.addAll(answerTo(caller, new SpaceReply.Found(stored.tuple(), stored.entryId())));
      settle(caller.operation());
    } else if (party instanceof Waiter.Offered offered) {
      happen(new SpaceEvent.Held(now, offered.holdId(), CALLER_HOLDER, stored.entryId()));
      notices.addAll(answerTo(offered, new SpaceReply.Found(stored.tuple(), stored.entryId())));
    } else if (party instanceof Waiter.Spirit waiter) {
      if (take) {
        happen(
            new SpaceEvent.Held(
                now, waiter.requestId(), waiter.spirit().toString(), stored.entryId()));
      }
      notices.add(new Notice.Found(waiter.spirit(), waiter.requestId(), stored.tuple()));
    }
  }

  private static List<Notice> answerTo(Waiter.Party party, SpaceReply reply) {
    return callerOf(party)
        .<List<Notice>>map(caller -> List.of(new Notice.Answer(party.id().text(), caller, reply)))
        .orElse(List.of());
  }

  private static void checkId(String holdId) {
    if (holdId.isEmpty() || holdId.length() > MAX_ID_LENGTH) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A hold id has 1 to " + MAX_ID_LENGTH + " characters.");
    }
  }

  /** The hold of this id, which must not be another's. */
  private Optional<HeldTuple> heldFor(String holder, String holdId) {
    Optional<HeldTuple> held = store.held(holdId);
    if (held.isPresent() && !held.get().holder().equals(holder)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Hold " + holdId + " is of " + held.get().holder() + ".");
    }
    return held;
  }

  // Barriers

  private Optional<SpaceReply> arrive(SpaceCommand.Arrive arrive) {
    String partyId = arrive.patience().waitId();
    OptionalInt passed =
        arrive(
            new Waiter.Caller(partyId, OperationId.none(), arrive.replyTo()),
            partyId,
            arrive.barrier(),
            arrive.parties(),
            arrive.patience().millis());
    if (passed.isPresent()) {
      return Optional.of(new SpaceReply.Passed(passed.getAsInt()));
    }
    return parties.containsKey(partyId) ? Optional.empty() : Optional.of(nothing());
  }

  /**
   * A party arrives, or says again that it waits.
   *
   * @return its place when it may go on; a Spirit is told by a notice, too
   */
  private OptionalInt arrive(
      Waiter.Party party, String partyId, String barrier, int count, long millis) {
    checkId(partyId);
    OptionalInt before = barriers.passed(partyId);
    if (before.isPresent()) {
      tellPassed(party, before.getAsInt(), true);
      return before;
    }
    barriers.check(barrier, count, partyId);
    boolean waits = barriers.barrierOf(partyId).isPresent();
    if (!waits && barriers.waiting() >= limits.maxWaiters()) {
      throw new VudoException(ErrorCode.WAITERS_FULL, barriers.waiting() + " wait at barriers.");
    }
    long now = store.nowMillis();
    if (!waits) {
      happen(
          new SpaceEvent.Arrived(
              now,
              barrier,
              count,
              partyId,
              now + Math.min(Math.max(millis, 0), Long.MAX_VALUE / 4)));
    }
    if (barriers.isFull(barrier)) {
      List<String> through = barriers.arrived(barrier);
      happen(new SpaceEvent.Opened(now, barrier));
      for (String other : through) {
        Waiter.Party waiting = parties.remove(other);
        if (waiting != null && !other.equals(partyId)) {
          tellPassed(waiting, barriers.passed(other).orElseThrow(), false);
        }
      }
      int index = barriers.passed(partyId).orElseThrow();
      tellPassed(party, index, true);
      return OptionalInt.of(index);
    }
    if (millis <= 0) {
      parties.remove(partyId);
      happen(new SpaceEvent.Left(now, barrier, partyId));
    } else {
      parties.put(partyId, party);
    }
    return OptionalInt.empty();
  }

  /** A caller that just asked gets its answer as such. */
  private void tellPassed(Waiter.Party party, int index, boolean asks) {
    if (party instanceof Waiter.Spirit spirit) {
      notices.add(new Notice.Passed(spirit.spirit(), spirit.requestId(), index));
    } else if (!asks) {
      notices.addAll(answerTo(party, new SpaceReply.Passed(index)));
    }
  }

  // Transactions

  private SpaceReply begin(SpaceCommand.Begin begin) {
    if (begin.timeoutMillis() <= 0) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "A transaction lasts at least 1 ms.");
    }
    if (transactions.isOver(begin.transaction())) {
      throw new VudoException(ErrorCode.TRANSACTION_UNKNOWN, begin.transaction());
    }
    if (!transactions.isOpen(begin.transaction())) {
      if (transactions.open() >= limits.maxTransactions()) {
        throw new VudoException(ErrorCode.TRANSACTIONS_FULL, transactions.open() + " are open.");
      }
      long now = store.nowMillis();
      happen(new SpaceEvent.Begun(now, begin.transaction(), endOf(begin.timeoutMillis())));
    }
    return SpaceReply.Done.DONE;
  }

  private Optional<SpaceReply> end(SpaceCommand.End end) {
    String transaction = end.transaction();
    Optional<Boolean> decision = transactions.decision(transaction);
    if (decision.isEmpty()) {
      if (!transactions.isOpen(transaction)) {
        throw new VudoException(ErrorCode.TRANSACTION_UNKNOWN, transaction);
      }
      happen(new SpaceEvent.Decided(store.nowMillis(), transaction, end.commit()));
    } else if (decision.get() != end.commit()) {
      throw decision.get()
          ? new VudoException(ErrorCode.REQUEST_INVALID, transaction + " has been committed.")
          : new VudoException(ErrorCode.TRANSACTION_ABORTED, transaction);
    }
    return transactions.await(transaction, end.replyTo())
        ? Optional.empty()
        : Optional.of(SpaceReply.Done.DONE);
  }

  private void follow(String transaction, boolean commit) {
    List<HeldTuple> held = store.holdsOf(TRANSACTION_HOLDER + transaction);
    for (HeldTuple one : held) {
      finish(one.holdId(), forHold(one, SpaceCommand.outcome(commit)));
    }
    if (held.isEmpty()) {
      // Not worth an event: what comes too late after a restart asks the home.
      transactions.hasFollowed(transaction);
    } else {
      happen(new SpaceEvent.FollowedEnd(store.nowMillis(), transaction));
    }
  }

  // Watching

  private SpaceReply watch(SpaceCommand.WatchForSpirit watch) {
    checkId(watch.watchId());
    SpaceSnapshot.SpiritWatch before = spiritWatches.get(watch.watchId());
    if (before == null) {
      if (spiritWatches.size() >= limits.maxWatchers()) {
        throw new VudoException(ErrorCode.WATCHERS_FULL, spiritWatches.size() + " Spirits watch.");
      }
      happen(
          new SpaceEvent.SpiritWatches(
              store.nowMillis(), watch.watchId(), watch.watcher(), watch.template()));
    } else if (!before.watcher().equals(watch.watcher())) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Watch " + watch.watchId() + " is of another Spirit.");
    }
    return SpaceReply.Done.DONE;
  }

  private SpaceReply unwatch(SpaceCommand.UnwatchForSpirit unwatch) {
    SpaceSnapshot.SpiritWatch before = spiritWatches.get(unwatch.watchId());
    if (before != null && before.watcher().equals(unwatch.watcher())) {
      happen(new SpaceEvent.SpiritUnwatches(store.nowMillis(), unwatch.watchId()));
    }
    return SpaceReply.Done.DONE;
  }

  // Events

  private void happen(SpaceEvent event) {
    apply(event);
    events.add(event);
  }

  /** Makes the change of an event; the same when it is decided and when it is replayed. */
  void apply(SpaceEvent event) {
    kept = Optional.empty();
    advanceTo(event.timeMillis());
    if (event instanceof SpaceEvent.Written written) {
      store.add(written.stored());
      remember(written.operation(), written.stored());
      changed(TupleChange.Kind.ADDED, written.stored().tuple());
    } else if (event instanceof SpaceEvent.Taken taken) {
      StoredTuple stored = store.remove(taken.entryId());
      if (taken.operation() instanceof OperationId.Key key) {
        keys.put(key.key(), KeyUse.ofTake(stored.tuple()));
      }
      changed(TupleChange.Kind.REMOVED, stored.tuple());
    } else if (event instanceof SpaceEvent.Held held) {
      store.hold(held.entryId(), held.holdId(), held.holder());
    } else if (event instanceof SpaceEvent.Pended pended) {
      store.pend(pended.stored(), pended.holdId(), pended.holder());
    } else if (event instanceof SpaceEvent.HoldConfirmed confirmed) {
      store
          .held(confirmed.holdId())
          .filter(held -> !held.written())
          .ifPresent(
              held -> {
                changed(TupleChange.Kind.REMOVED, held.stored().tuple());
                offerEnded |= held.holder().equals(CALLER_HOLDER);
              });
      store.confirm(confirmed.holdId());
      finishedHolds.put(confirmed.holdId(), true);
    } else if (event instanceof SpaceEvent.HoldReleased released) {
      store.held(released.holdId()).ifPresent(this::release);
      finishedHolds.put(released.holdId(), false);
    } else if (event instanceof SpaceEvent.LeaseRenewed renewed) {
      store.renew(renewed.entryId(), renewed.leaseEndsAtMillis());
    } else if (event instanceof SpaceEvent.SpiritWatches watch) {
      spiritWatches.put(
          watch.watchId(),
          new SpaceSnapshot.SpiritWatch(watch.watchId(), watch.watcher(), watch.template()));
    } else if (event instanceof SpaceEvent.SpiritUnwatches unwatch) {
      spiritWatches.remove(unwatch.watchId());
    } else if (event instanceof SpaceEvent.WaitersKept waitersKept) {
      kept = Optional.of(waitersKept);
    } else {
      applyCoordination(event);
    }
  }

  private void applyCoordination(SpaceEvent event) {
    if (event instanceof SpaceEvent.Begun begun) {
      transactions.begin(begun.transaction(), begun.endsAtMillis());
    } else if (event instanceof SpaceEvent.Decided decided) {
      transactions.decide(decided.transaction(), decided.commit());
    } else if (event instanceof SpaceEvent.Ended ended) {
      for (ActorRef<SpaceReply> caller : transactions.end(ended.transaction())) {
        notices.add(new Notice.Answer("", caller, SpaceReply.Done.DONE));
      }
    } else if (event instanceof SpaceEvent.FollowedEnd followed) {
      transactions.hasFollowed(followed.transaction());
    } else if (event instanceof SpaceEvent.Arrived arrived) {
      barriers.arrive(
          arrived.barrier(), arrived.parties(), arrived.partyId(), arrived.endsAtMillis());
    } else if (event instanceof SpaceEvent.Left left) {
      barriers.leave(left.barrier(), left.partyId());
    } else if (event instanceof SpaceEvent.Opened opened) {
      barriers.open(opened.barrier());
    }
  }

  private void release(HeldTuple held) {
    offerEnded |= held.holder().equals(CALLER_HOLDER);
    store.release(held.holdId());
    boolean visible = store.visible(held.stored().entryId()).isPresent();
    if (visible && held.written()) {
      changed(TupleChange.Kind.ADDED, held.stored().tuple());
    } else if (!visible && !held.written()) {
      changed(TupleChange.Kind.EXPIRED, held.stored().tuple());
    }
  }

  private void changed(TupleChange.Kind kind, Tuple tuple) {
    changes.add(new WatchSignal.Change(kind, tuple));
  }

  private void remember(OperationId operation, StoredTuple stored) {
    if (operation instanceof OperationId.Turn turn) {
      senders.put(turn.sender().toString(), turn);
    } else if (operation instanceof OperationId.Key key) {
      keys.put(
          key.key(),
          keys.get(key.key()).map(use -> use.and(stored)).orElseGet(() -> KeyUse.ofWrite(stored)));
    }
  }

  private boolean isRepeated(OperationId.Turn turn) {
    Optional<OperationId.Position> known =
        senders.get(turn.sender().toString()).map(OperationId.Turn::position);
    if (known.isPresent() && turn.position().compareTo(known.get()) <= 0) {
      return true;
    }
    OperationId.Position newest = known.orElse(OperationId.Position.NONE);
    if (turn.previous().compareTo(newest) > 0) {
      // To take it on would move the mark past the missing write, which would then be lost.
      throw new VudoException(
          ErrorCode.SPACE_UNAVAILABLE,
          "The write "
              + turn.previous().turn()
              + "#"
              + turn.previous().index()
              + " of "
              + turn.sender()
              + " has to come first.");
    }
    return false;
  }

  private static OperationId withoutPrevious(OperationId operation) {
    return operation instanceof OperationId.Turn turn
        ? OperationId.turn(turn.sender(), turn.position(), OperationId.Position.NONE)
        : operation;
  }

  private static void checkKey(boolean fits, String usedFor) {
    if (!fits) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "The idempotency key was used for a " + usedFor + ".");
    }
  }

  static SpaceReply refused(ErrorCode code, String detail) {
    return new SpaceReply.Refused(new VudoError(code, detail));
  }
}
