package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a space is and how it decides. Pure and single-threaded, and mutable: {@link #handle}
 * changes the state at once, and its event, applied to a copy, makes the same change.
 *
 * <p>The change is made before its event is durable, so that the next operation of the same batch
 * sees it. That is sound because nothing is answered before the batch is durable, and because a
 * state whose batch failed is thrown away.
 */
final class SpaceState {
  /**
   * What an operation came to: what to write down, and, after that, what to answer to it and what
   * to tell those that waited.
   */
  record Decision(List<SpaceEvent> events, Optional<SpaceReply> reply, List<Notice> notices) {}

  private static final int MAX_HOLD_ID_LENGTH = 512;

  private final SpaceLimits limits;
  private final TupleStore store = new TupleStore();
  private final Recent<OperationId.Turn> senders;
  private final Recent<Optional<Tuple>> keys;
  private final Recent<Boolean> finishedHolds;

  // Nobody in it matches a visible tuple: who comes looks for one first, and a tuple that comes
  // into sight is offered first.
  private final Waiters waiters;

  // Of the decision on its way.
  private List<SpaceEvent> events = new ArrayList<>();
  private List<Notice> notices = new ArrayList<>();

  SpaceState(SpaceLimits limits) {
    this.limits = limits;
    this.senders = new Recent<>(limits.sendersRemembered(), Long.MAX_VALUE, turn -> 0);
    this.keys =
        new Recent<>(
            limits.keysRemembered(),
            limits.keysRememberedBytes(),
            taken -> taken.map(Tuple::encodedBytes).orElse(0L));
    this.finishedHolds = new Recent<>(limits.holdsRemembered(), Long.MAX_VALUE, over -> 0);
    this.waiters = new Waiters(limits.maxWaiters(), limits.maxWaitersBytes());
  }

  SpaceState(SpaceLimits limits, SpaceSnapshot snapshot) {
    this(limits);
    snapshot.stored().forEach(store::add);
    snapshot.holds().forEach(store::restore);
    store.skipTo(snapshot.nextEntryId());
    snapshot.senders().forEach(turn -> senders.put(turn.sender().toString(), turn));
    snapshot.keys().forEach(key -> keys.put(key.key(), key.taken()));
    snapshot.finishedHolds().forEach(holdId -> finishedHolds.put(holdId, true));
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
        List.copyOf(finishedHolds.entries().keySet()));
  }

  TupleStore store() {
    return store;
  }

  /** Makes it {@code timeMillis}, unless it is later already. */
  void advanceTo(long timeMillis) {
    store.advanceTo(timeMillis);
  }

  Waiters waiters() {
    return waiters;
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
        .flatMap(waiter -> answerTo(waiter, SpaceReply.NotFound.NOT_FOUND).stream())
        .toList();
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
    return new Decision(events, reply, notices);
  }

  private Optional<SpaceReply> refused(SpaceWork work, VudoException failure) {
    if (!events.isEmpty() || failure.code() == ErrorCode.JOURNAL_CORRUPT) {
      // A refusal comes before the first change; this one comes from within.
      throw failure;
    }
    if (work instanceof SpaceCommand.Await await) {
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
    } else if (work instanceof SpaceCommand.Count count) {
      return Optional.of(new SpaceReply.Counted(store.count(count.template())));
    } else if (work instanceof SpaceCommand.Hold hold) {
      return Optional.of(hold(hold));
    } else if (work instanceof SpaceCommand.ConfirmTake confirm) {
      finish(confirm.holdId(), HoldOutcome.COMMITTED);
      return Optional.of(SpaceReply.Done.DONE);
    } else if (work instanceof SpaceCommand.ReleaseTake release) {
      finish(release.holdId(), HoldOutcome.ABORTED);
      return Optional.of(SpaceReply.Done.DONE);
    } else if (work instanceof SpaceCommand.Await await) {
      await(await);
    } else if (work instanceof SpaceCommand.CancelWait cancel) {
      cancel(cancel.requestId());
    } else if (work instanceof SpaceWork.Resolved resolved
        && resolved.outcome() != HoldOutcome.PENDING) {
      finish(resolved.holdId(), resolved.outcome());
    }
    return Optional.empty();
  }

  private SpaceReply write(SpaceCommand.Write write) {
    if (write.ttlMillis() < 0) {
      throw new VudoException(ErrorCode.LEASE_INVALID, "Got " + write.ttlMillis() + ".");
    }
    if (write.operation() instanceof OperationId.Turn turn && isRepeated(turn)) {
      return SpaceReply.Done.DONE;
    }
    if (write.operation() instanceof OperationId.Key key && keys.contains(key.key())) {
      checkKey(keys.get(key.key()).orElseThrow().isEmpty(), "take");
      return SpaceReply.Done.DONE;
    }
    long bytes = StoredTuple.storedBytes(write.tuple());
    if (store.storedBytes() + bytes > limits.maxBytes()) {
      throw new VudoException(
          ErrorCode.SPACE_FULL,
          "It holds "
              + store.storedBytes()
              + " of "
              + limits.maxBytes()
              + " bytes, the tuple needs "
              + bytes
              + ".");
    }
    long now = store.nowMillis();
    long endsAt =
        write.ttlMillis() == 0 || write.ttlMillis() > StoredTuple.FOR_EVER - now
            ? StoredTuple.FOR_EVER
            : now + write.ttlMillis();
    StoredTuple stored = new StoredTuple(store.nextEntryId(), write.tuple(), endsAt);
    happen(new SpaceEvent.Written(now, stored, withoutPrevious(write.operation())));
    settle(write.operation());
    offer(stored);
    return SpaceReply.Done.DONE;
  }

  private Optional<SpaceReply> read(SpaceCommand.Read read) {
    Optional<StoredTuple> found = store.read(read.template());
    return found.isEmpty() ? letWait(read, false) : answer(read, found.get().tuple());
  }

  private Optional<SpaceReply> take(SpaceCommand.Take take) {
    if (take.operation() instanceof OperationId.Turn) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A Spirit takes by a hold that its turn confirms.");
    }
    if (take.operation() instanceof OperationId.Key key && keys.contains(key.key())) {
      return answer(take, takenUnder(key.key()));
    }
    Optional<StoredTuple> found = store.read(take.template());
    if (found.isEmpty()) {
      return letWait(take, true);
    }
    happen(new SpaceEvent.Taken(store.nowMillis(), found.get().entryId(), take.operation()));
    Optional<SpaceReply> reply = answer(take, found.get().tuple());
    settle(take.operation());
    return reply;
  }

  /** The tuple for one that asks; it waits no longer, if it did. */
  private Optional<SpaceReply> answer(SpaceCommand.PatientOperation operation, Tuple tuple) {
    waiters.remove(Waiter.Caller.idOf(operation.patience().waitId()));
    return Optional.of(new SpaceReply.Found(tuple));
  }

  private Optional<SpaceReply> letWait(SpaceCommand.PatientOperation operation, boolean take) {
    SpaceCommand.Patience patience = operation.patience();
    if (patience.waitId().isEmpty() || patience.millis() <= 0) {
      waiters.remove(Waiter.Caller.idOf(patience.waitId()));
      return Optional.of(SpaceReply.NotFound.NOT_FOUND);
    }
    waiters.put(
        new Waiter.Caller(patience.waitId(), operation.operation(), operation.replyTo()),
        operation.template(),
        take,
        patience.millis());
    return Optional.empty();
  }

  private Tuple takenUnder(String key) {
    Optional<Tuple> taken = keys.get(key).orElseThrow();
    checkKey(taken.isPresent(), "write");
    return taken.orElseThrow();
  }

  /** Answers those that wait to take under a key that was just used. */
  private void settle(OperationId operation) {
    if (operation instanceof OperationId.Key key) {
      List<Waiter> same = waiters.removeByKey(key.key());
      if (!same.isEmpty()) {
        SpaceReply reply = keyReply(key.key());
        same.forEach(waiter -> notices.addAll(answerTo(waiter, reply)));
      }
    }
  }

  private SpaceReply keyReply(String key) {
    try {
      return new SpaceReply.Found(takenUnder(key));
    } catch (VudoException e) {
      return new SpaceReply.Refused(e.toError());
    }
  }

  private SpaceReply hold(SpaceCommand.Hold hold) {
    checkHoldId(hold.holdId());
    SpiritId.parse(hold.holder());
    Optional<HeldTuple> held = heldFor(hold.holder(), hold.holdId());
    if (held.isPresent()) {
      return new SpaceReply.Found(held.get().stored().tuple());
    }
    if (finishedHolds.contains(hold.holdId())) {
      // A request that was overtaken by the end of its own turn. It must not take another tuple.
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Hold " + hold.holdId() + " is over; an id is used once.");
    }
    Optional<StoredTuple> found = store.read(hold.template());
    if (found.isEmpty()) {
      return SpaceReply.NotFound.NOT_FOUND;
    }
    // One that waits under this id has its tuple now; a second hold would be lost.
    waiters.remove(Waiter.Spirit.idOf(hold.holdId()));
    happen(
        new SpaceEvent.Held(
            store.nowMillis(), hold.holdId(), hold.holder(), found.get().entryId()));
    return new SpaceReply.Found(found.get().tuple());
  }

  private void await(SpaceCommand.Await await) {
    String requestId = await.requestId();
    checkHoldId(requestId);
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
    checkHoldId(requestId);
    waiters.remove(Waiter.Spirit.idOf(requestId));
    finish(requestId, HoldOutcome.ABORTED);
    // Without an event: after a restart an overtaken wait could hold a tuple once more, and the
    // Spirit, asked about it, gives it back.
    finishedHolds.put(requestId, true);
  }

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
      // Unless its lease ended meanwhile.
      store.visible(held.get().stored().entryId()).ifPresent(this::offer);
    }
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
        happen(new SpaceEvent.Taken(now, stored.entryId(), caller.operation()));
      }
      notices.add(
          new Notice.Answer(
              caller.waitId(), caller.replyTo(), new SpaceReply.Found(stored.tuple())));
      settle(caller.operation());
    } else if (party instanceof Waiter.Spirit waiter) {
      if (take) {
        happen(
            new SpaceEvent.Held(
                now, waiter.requestId(), waiter.spirit().toString(), stored.entryId()));
      }
      notices.add(new Notice.Found(waiter.spirit(), waiter.requestId(), stored.tuple()));
    }
  }

  private static List<Notice> answerTo(Waiter waiter, SpaceReply reply) {
    return waiter.party() instanceof Waiter.Caller caller
        ? List.of(new Notice.Answer(caller.waitId(), caller.replyTo(), reply))
        : List.of();
  }

  private static void checkHoldId(String holdId) {
    if (holdId.isEmpty() || holdId.length() > MAX_HOLD_ID_LENGTH) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A hold id has 1 to " + MAX_HOLD_ID_LENGTH + " characters.");
    }
  }

  /** The hold of this id, which must not be another Spirit's. */
  private Optional<HeldTuple> heldFor(String holder, String holdId) {
    Optional<HeldTuple> held = store.held(holdId);
    if (held.isPresent() && !held.get().holder().equals(holder)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Hold " + holdId + " is of " + held.get().holder() + ".");
    }
    return held;
  }

  private void happen(SpaceEvent event) {
    apply(event);
    events.add(event);
  }

  /** Makes the change of an event; the same when it is decided and when it is replayed. */
  void apply(SpaceEvent event) {
    store.advanceTo(event.timeMillis());
    if (event instanceof SpaceEvent.Written written) {
      store.add(written.stored());
      remember(written.operation(), Optional.empty());
    } else if (event instanceof SpaceEvent.Taken taken) {
      StoredTuple stored = store.remove(taken.entryId());
      remember(taken.operation(), Optional.of(stored.tuple()));
    } else if (event instanceof SpaceEvent.Held held) {
      store.hold(held.entryId(), held.holdId(), held.holder());
    } else if (event instanceof SpaceEvent.HoldConfirmed confirmed) {
      store.confirm(confirmed.holdId());
      finishedHolds.put(confirmed.holdId(), true);
    } else if (event instanceof SpaceEvent.HoldReleased released) {
      store.release(released.holdId());
      finishedHolds.put(released.holdId(), true);
    }
  }

  private void remember(OperationId operation, Optional<Tuple> taken) {
    if (operation instanceof OperationId.Turn turn) {
      senders.put(turn.sender().toString(), turn);
    } else if (operation instanceof OperationId.Key key) {
      keys.put(key.key(), taken);
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
