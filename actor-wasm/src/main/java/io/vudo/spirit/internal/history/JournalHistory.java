package io.vudo.spirit.internal.history;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.HistoryQuery;
import io.vudo.spirit.Rehearsal;
import io.vudo.spirit.SpiritHistory;
import io.vudo.spirit.StateDifference;
import io.vudo.spirit.StateSummary;
import io.vudo.spirit.SwapCheck;
import io.vudo.spirit.SwapCheck.CheckedSpirit;
import io.vudo.spirit.TurnSummary;
import io.vudo.spirit.internal.turn.EventBatches;
import io.vudo.spirit.internal.turn.ModuleSource;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.TurnLimits;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.persistence.query.EventEnvelope;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.persistence.query.javadsl.CurrentEventsByPersistenceIdQuery;
import org.apache.pekko.persistence.query.javadsl.CurrentPersistenceIdsQuery;
import org.apache.pekko.persistence.query.javadsl.EventsByPersistenceIdQuery;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;

/** The past of Spirits as the journal of this node tells it. Thread-safe. */
public final class JournalHistory implements SpiritHistory {
  private static final String PREFIX = "spirit|";

  /** Of those that exist, when one does not. */
  private static final int NAMED_SPIRITS = 10;

  private static final int BUFFERED_EVENTS = 4;

  /**
   * What machines are made of.
   *
   * @param modules deployed modules
   * @param compiler for a module that is not deployed
   * @param bounds of one turn
   * @param maxSenders as the living Spirit's inbox
   * @param maxKeys as the living Spirit's inbox
   * @param maxKeyBytes as the living Spirit's inbox
   */
  public record Machines(
      ModuleSource modules,
      CompiledModules compiler,
      TurnLimits bounds,
      int maxSenders,
      int maxKeys,
      int maxKeyBytes) {
    private SpiritMachine fresh(SpiritId id, ModuleSource source) {
      return new SpiritMachine(
          id, source, Clock.systemUTC(), bounds, maxSenders, maxKeys, maxKeyBytes);
    }
  }

  /** Makes a new Spirit begin with events. */
  @FunctionalInterface
  public interface Beginning {
    /** Completes when they are durable. */
    CompletionStage<Void> begin(SpiritId id, List<SpiritEvent> events, Duration timeout);
  }

  private final ActorSystem<?> system;
  private final String queryPlugin;
  private final Machines machines;
  private final ReplaySlots slots;
  private final Beginning beginning;

  /**
   * The history of a node.
   *
   * @param queryPlugin id of the Pekko read journal plugin
   * @param machines what replays run on
   * @param slots how many run at once
   * @param beginning by which forks come into being
   */
  public JournalHistory(
      ActorSystem<?> system,
      String queryPlugin,
      Machines machines,
      ReplaySlots slots,
      Beginning beginning) {
    this.system = system;
    this.queryPlugin = queryPlugin;
    this.machines = machines;
    this.slots = slots;
    this.beginning = beginning;
  }

  /** Under which name the journal keeps a Spirit. */
  public static String persistenceId(SpiritId id) {
    return PREFIX + id;
  }

  // What happened

  @Override
  public CompletionStage<Source<TurnSummary, NotUsed>> turns(SpiritId id, HistoryQuery query) {
    return checkKnown(id).thenApply(known -> lines(id, query));
  }

  private Source<TurnSummary, NotUsed> lines(SpiritId id, HistoryQuery query) {
    Source<TurnSummary, NotUsed> wanted;
    if (query.limit() == 0) {
      wanted =
          summaries(query.follow() ? live(id, 0) : current(id, 0), new TurnSummaries())
              .takeWhile(line -> line.turn() <= query.toTurn())
              .filter(query::matches);
    } else {
      // The journal is read forwards only.
      wanted =
          Source.lazySource(
                  () -> {
                    Newest newest = new Newest(query);
                    return current(id, 0)
                        .fold(newest, Newest::plus)
                        .flatMapConcat(
                            end -> {
                              Source<TurnSummary, NotUsed> known = Source.from(end.lines);
                              return query.follow()
                                  ? known.concat(
                                      summaries(live(id, end.sequenceNumber + 1), end.summaries)
                                          .takeWhile(line -> line.turn() <= query.toTurn())
                                          .filter(query::matches))
                                  : known;
                            });
                  })
              .mapMaterializedValue(unused -> NotUsed.getInstance());
    }
    return wanted;
  }

  private static Source<TurnSummary, NotUsed> summaries(
      Source<EventEnvelope, NotUsed> events, TurnSummaries summaries) {
    return events
        .mapConcat(JournalHistory::events)
        .map(summaries::of)
        .filter(Optional::isPresent)
        .map(Optional::get);
  }

  /** The newest lines that a query wants. Confined to one stream. */
  private static final class Newest {
    private final HistoryQuery query;
    private final TurnSummaries summaries = new TurnSummaries();
    private final Deque<TurnSummary> lines = new ArrayDeque<>();
    private long sequenceNumber;

    Newest(HistoryQuery query) {
      this.query = query;
    }

    Newest plus(EventEnvelope envelope) {
      sequenceNumber = envelope.sequenceNr();
      for (SpiritEvent event : events(envelope)) {
        summaries
            .of(event)
            .filter(query::matches)
            .ifPresent(
                line -> {
                  lines.add(line);
                  if (lines.size() > query.limit()) {
                    lines.remove();
                  }
                });
      }
      return this;
    }
  }

  // What the state was

  @Override
  public CompletionStage<StateSummary> stateAfter(SpiritId id, OptionalLong turn) {
    return state(id, turn).thenApply(StatePass.Kept::summary);
  }

  @Override
  public CompletionStage<byte[]> export(SpiritId id, OptionalLong turn) {
    return state(id, turn).thenApply(kept -> kept.state().toImage().toByteArray());
  }

  private CompletionStage<StatePass.Kept> state(SpiritId id, OptionalLong turn) {
    long wanted = turn.orElse(StatePass.END);
    return states(id, wanted).thenApply(kept -> kept.get(wanted));
  }

  private CompletionStage<Map<Long, StatePass.Kept>> states(SpiritId id, Long... turns) {
    return replay(
        id,
        () -> new StatePass(machines.fresh(id, machines.modules()), new TreeSet<>(List.of(turns))));
  }

  @Override
  public CompletionStage<StateDifference> compare(SpiritId id, long from, long to) {
    CompletionStage<Map<Long, StatePass.Kept>> states =
        from == to ? states(id, from) : states(id, from, to);
    return states.thenApply(
        kept -> {
          StatePass.Kept one = kept.get(from);
          StatePass.Kept other = kept.get(to);
          return new StateDifference(
              one.summary(),
              other.summary(),
              StateDifferences.pages(one.state(), other.state()),
              StateDifferences.globals(one.state().header(), other.state().header()),
              StateDifferences.tables(one.state().header(), other.state().header()));
        });
  }

  @Override
  public CompletionStage<Rehearsal> rehearse(SpiritId id, byte[] module, OptionalLong turn) {
    return replay(
        id,
        () -> {
          PrivateModule other = new PrivateModule(machines.compiler(), module);
          return new RehearsalPass(machines.fresh(id, other), other, turn.orElse(StatePass.END));
        });
  }

  /**
   * Runs the last turns of Spirits on another module, one Spirit after the other.
   *
   * @param sample the Spirits
   * @param target the deployment of that module
   * @param module its bytes
   * @param turns the most turns of each
   * @param mover takes a state over
   */
  public CompletionStage<SwapCheck> checkSwap(
      List<SpiritId> sample, Deployment target, byte[] module, int turns, SwapMover mover) {
    PrivateModule other = new PrivateModule(machines.compiler(), module);
    ModuleSource source =
        configured ->
            configured.getModuleDigest().equals(other.digest())
                ? other.load(configured)
                : machines.modules().load(configured);
    CompletionStage<List<CheckedSpirit>> all = CompletableFuture.completedFuture(List.of());
    for (SpiritId id : sample) {
      all =
          all.thenCompose(
              before ->
                  checkSwap(id, source, target, turns, mover)
                      .thenApply(one -> Stream.concat(before.stream(), Stream.of(one)).toList()));
    }
    return all.thenApply(SwapCheck::new).whenComplete((check, failure) -> other.close());
  }

  /** Takes the state of a machine over to the module of a deployment. */
  @FunctionalInterface
  public interface SwapMover {
    /**
     * Answers the event of the swap.
     *
     * @throws VudoException why that is not possible
     */
    SpiritEvent move(SpiritMachine machine, Deployment target);
  }

  private CompletionStage<CheckedSpirit> checkSwap(
      SpiritId id, ModuleSource source, Deployment target, int turns, SwapMover mover) {
    CompletionStage<CheckedSpirit> checked =
        replay(
            id,
            () ->
                new SwapPass(
                    machines.fresh(id, source), machines.fresh(id, source), target, mover, turns));
    return checked.exceptionally(
        failure -> {
          RuntimeException cause = translated(failure, id);
          if (cause instanceof VudoException typed && cannotBeReplayed(typed.code())) {
            return CheckedSpirit.unknown(id, typed.toError());
          }
          throw cause;
        });
  }

  private static boolean cannotBeReplayed(ErrorCode code) {
    return code == ErrorCode.SPIRIT_NOT_FOUND
        || code == ErrorCode.HISTORY_INCOMPLETE
        || code == ErrorCode.REPLAY_DIVERGED;
  }

  /** The Spirits of a type that the journal knows, in no certain order; only so many. */
  public CompletionStage<List<SpiritId>> spirits(String type, long limit) {
    return names(type).take(limit).map(SpiritId::parse).runWith(Sink.seq(), system);
  }

  /** How many Spirits of a type the journal knows. */
  public CompletionStage<Long> countSpirits(String type) {
    return names(type).runFold(0L, (count, name) -> count + 1, system);
  }

  private Source<String, NotUsed> names(String type) {
    return journal(CurrentPersistenceIdsQuery.class)
        .currentPersistenceIds()
        .filter(name -> name.startsWith(PREFIX + type + "/"))
        .map(name -> name.substring(PREFIX.length()));
  }

  // What begins anew

  @Override
  public CompletionStage<StateSummary> fork(
      SpiritId id, SpiritId newId, OptionalLong turn, Duration timeout) {
    if (!newId.type().equals(id.type())) {
      return failed(
          ErrorCode.SPIRIT_ID_INVALID,
          "A fork has the type of its origin, " + id.type() + "; got \"" + newId + "\".");
    }
    return first(newId)
        .thenCompose(
            taken ->
                taken.isPresent()
                    ? failed(ErrorCode.SPIRIT_EXISTS, "Got \"" + newId + "\".")
                    : state(id, turn))
        .thenCompose(
            kept ->
                kept.summary().lives()
                    ? beginning
                        .begin(newId, kept.state().forkEvents(System.currentTimeMillis()), timeout)
                        .thenApply(begun -> kept.summary())
                    : failed(
                        ErrorCode.SPIRIT_NOT_FOUND,
                        "Nobody lived at " + id + " after turn " + kept.summary().turn() + "."));
  }

  // Reading

  private <Q> Q journal(Class<Q> query) {
    return query.cast(
        PersistenceQuery.get(system)
            .getReadJournalFor(CurrentEventsByPersistenceIdQuery.class, queryPlugin));
  }

  private Source<EventEnvelope, NotUsed> current(SpiritId id, long from) {
    return journal(CurrentEventsByPersistenceIdQuery.class)
        .currentEventsByPersistenceId(persistenceId(id), from, Long.MAX_VALUE);
  }

  private Source<EventEnvelope, NotUsed> live(SpiritId id, long from) {
    return journal(EventsByPersistenceIdQuery.class)
        .eventsByPersistenceId(persistenceId(id), from, Long.MAX_VALUE);
  }

  private static List<SpiritEvent> events(EventEnvelope envelope) {
    return EventBatches.unpacked((SpiritEvent) envelope.event());
  }

  private CompletionStage<Optional<EventEnvelope>> first(SpiritId id) {
    return current(id, 0).runWith(Sink.headOption(), system);
  }

  /** Fails with the names of others of the type when the journal does not know the Spirit. */
  private CompletionStage<EventEnvelope> checkKnown(SpiritId id) {
    return first(id)
        .thenCompose(
            found ->
                found.isPresent()
                    ? CompletableFuture.completedFuture(found.get())
                    : others(id)
                        .thenApply(
                            others -> {
                              throw new VudoException(
                                  ErrorCode.SPIRIT_NOT_FOUND,
                                  "Got \""
                                      + id
                                      + "\"; the journal has "
                                      + (others.isEmpty()
                                          ? "no Spirit of this type."
                                          : String.join(", ", others) + "."));
                            }));
  }

  private CompletionStage<List<String>> others(SpiritId id) {
    return names(id.type())
        .take(NAMED_SPIRITS + 1L)
        .runWith(Sink.seq(), system)
        .thenApply(
            names ->
                names.size() <= NAMED_SPIRITS
                    ? names.stream().sorted().toList()
                    : Stream.concat(
                            names.stream().limit(NAMED_SPIRITS).sorted(), Stream.of("and more"))
                        .toList());
  }

  // Replaying

  private <T> CompletionStage<T> replay(SpiritId id, Supplier<Pass<T>> passes) {
    return checkKnown(id)
        .thenCompose(
            first ->
                first.sequenceNr() == 1
                    ? slots.run(() -> run(id, passes))
                    : firstTurnLeft(id)
                        .thenApply(
                            turn -> {
                              throw new VudoException(
                                  ErrorCode.HISTORY_INCOMPLETE,
                                  "The history of "
                                      + id
                                      + turn.map(number -> " begins with turn " + number + ".")
                                          .orElse(" has no turns left."));
                            }));
  }

  private CompletionStage<Optional<Long>> firstTurnLeft(SpiritId id) {
    return current(id, 0)
        .mapConcat(JournalHistory::events)
        .filter(SpiritEvent::hasTurn)
        .map(event -> event.getTurn().getNumber())
        .runWith(Sink.headOption(), system);
  }

  private <T> CompletionStage<T> run(SpiritId id, Supplier<Pass<T>> passes) {
    Guarded<T> pass = new Guarded<>(passes.get());
    Executor guests =
        system.dispatchers().lookup(DispatcherSelector.fromConfig(slots.dispatcher()));
    return current(id, 0)
        .via(
            Flow.<EventEnvelope>create()
                .map(envelope -> pass.takeAll(events(envelope)))
                .takeWhile(more -> more)
                .async(slots.dispatcher(), BUFFERED_EVENTS))
        .completionTimeout(slots.timeout())
        .runWith(Sink.ignore(), system)
        .thenApplyAsync(done -> pass.result(), guests)
        .whenCompleteAsync((result, failure) -> pass.close(), guests)
        .exceptionally(
            failure -> {
              throw translated(failure, id);
            });
  }

  /** A pass that is not closed while it takes an event: a stream that times out does not wait. */
  private static final class Guarded<T> {
    private final Pass<T> pass;
    private boolean closed;

    Guarded(Pass<T> pass) {
      this.pass = pass;
    }

    synchronized boolean takeAll(List<SpiritEvent> events) {
      boolean more = !closed;
      for (Iterator<SpiritEvent> all = events.iterator(); more && all.hasNext(); ) {
        more = pass.take(all.next());
      }
      return more;
    }

    synchronized T result() {
      return pass.result();
    }

    synchronized void close() {
      closed = true;
      pass.close();
    }
  }

  private RuntimeException translated(Throwable failure, SpiritId id) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof VudoException typed) {
      return typed;
    }
    if (cause instanceof TimeoutException) {
      return new VudoException(
          ErrorCode.ASK_TIMEOUT,
          "Replaying "
              + id
              + " took longer than vudo.spirit.replay.timeout, "
              + slots.timeout().toSeconds()
              + " s.",
          cause);
    }
    return new CompletionException(cause);
  }

  private static <T> CompletionStage<T> failed(ErrorCode code, String detail) {
    return CompletableFuture.failedFuture(new VudoError(code, detail).toException());
  }
}
