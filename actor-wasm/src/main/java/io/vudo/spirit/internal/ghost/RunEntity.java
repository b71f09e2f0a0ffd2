package io.vudo.spirit.internal.ghost;

import com.google.protobuf.ByteString;
import io.vudo.ghost.GhostValue;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.GhostBegun;
import io.vudo.protocol.journal.v1.GhostEvent;
import io.vudo.protocol.journal.v1.GhostStepEnded;
import io.vudo.protocol.wire.v1.GhostAnswer;
import io.vudo.protocol.wire.v1.GhostBegin;
import io.vudo.protocol.wire.v1.GhostRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * One run of a Ghost. What it decides is in {@link Run}; here it asks, waits and answers.
 *
 * <p>Whatever it is about to send is durable first, so that it knows after a crash what it may have
 * sent. Nothing but its events outlives it: who waits for its end asks again.
 */
final class RunEntity extends EventSourcedBehavior<GhostCommand, GhostEvent, Run> {
  /** Failures that pass: the message was not handled, or it is not known, and it has a key. */
  private static final Set<ErrorCode> PASSING =
      EnumSet.of(
          ErrorCode.SPIRIT_UNAVAILABLE,
          ErrorCode.SPIRIT_FENCED,
          ErrorCode.JOURNAL_UNAVAILABLE,
          ErrorCode.ASK_TIMEOUT,
          ErrorCode.NODE_UNREACHABLE,
          ErrorCode.MAILBOX_FULL,
          ErrorCode.RESIDENCY_LIMIT);

  /** Those of them after which the message was certainly not handled. */
  private static final Set<ErrorCode> NOT_HANDLED =
      EnumSet.of(ErrorCode.MAILBOX_FULL, ErrorCode.RESIDENCY_LIMIT);

  private static final long FIRST_ATTEMPT_MILLIS = 5_000;
  private static final long LONGEST_ATTEMPT_MILLIS = 60_000;
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long LONGEST_PAUSE_MILLIS = 2_000;
  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final Duration ERASE_AGAIN = Duration.ofMinutes(1);

  /** How the sending of a step is going. */
  private static final class Sending {
    private int attempt;
    private int pauses;
    private long attemptMillis = FIRST_ATTEMPT_MILLIS;
    private boolean maySent;

    Sending(boolean maySent) {
      this.maySent = maySent;
    }
  }

  private final ActorContext<GhostCommand> context;
  private final TimerScheduler<GhostCommand> timers;
  private final GhostRuns.Surroundings around;
  private final String run;
  private final ActorRef<ClusterSharding.ShardCommand> shard;

  private final Map<String, Sending> sendings = new HashMap<>();
  private final List<ActorRef<GhostAnswer>> waiting = new ArrayList<>();

  /** What came while the index or the journal was asked. */
  private final List<GhostCommand.Request> held = new ArrayList<>();

  private GhostBegun beginning;
  private boolean erasing;
  private boolean counted;

  private RunEntity(
      ActorContext<GhostCommand> context,
      TimerScheduler<GhostCommand> timers,
      GhostRuns.Surroundings around,
      String run,
      ActorRef<ClusterSharding.ShardCommand> shard) {
    super(PersistenceId.ofUniqueId(GhostRuns.name(run)));
    this.context = context;
    this.timers = timers;
    this.around = around;
    this.run = run;
    this.shard = shard;
    context.setReceiveTimeout(IDLE, GhostCommand.Idle.INSTANCE);
  }

  static Behavior<GhostCommand> create(
      GhostRuns.Surroundings around, String run, ActorRef<ClusterSharding.ShardCommand> shard) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(timers -> new RunEntity(context, timers, around, run, shard)));
  }

  @Override
  public String journalPluginId() {
    return around.settings().journalPlugin();
  }

  @Override
  public String snapshotPluginId() {
    return around.settings().snapshotPlugin();
  }

  @Override
  public Run emptyState() {
    return new Run();
  }

  @Override
  public EventHandler<Run, GhostEvent> eventHandler() {
    return (state, event) -> {
      state.apply(event);
      return state;
    };
  }

  @Override
  public CommandHandler<GhostCommand, GhostEvent, Run> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(GhostCommand.Request.class, this::onRequest)
        .onCommand(GhostCommand.Indexed.class, this::onIndexed)
        .onCommand(GhostCommand.Answered.class, this::onAnswered)
        .onCommand(GhostCommand.Again.class, this::onAgain)
        .onCommand(GhostCommand.WaitOver.class, this::onWaitOver)
        .onCommand(GhostCommand.Wake.class, (state, wake) -> onWake(state))
        .onCommand(GhostCommand.Erased.class, this::onErased)
        .onCommand(GhostCommand.Idle.class, (state, idle) -> onIdle(state))
        .onCommand(GhostCommand.Stop.class, (state, stop) -> onStop(state))
        .build();
  }

  @Override
  public SignalHandler<Run> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::onRecovered)
        .onSignal(PostStop.instance(), state -> count(false))
        .build();
  }

  private void onRecovered(Run state) {
    List<Step> running = state.running();
    if (!running.isEmpty()) {
      // Never refused: it was taken on before.
      count(true);
      running.forEach(
          step -> {
            sendings.put(step.name(), new Sending(true));
            send(state, step);
          });
    }
  }

  private void count(boolean runs) {
    if (runs != counted) {
      counted = runs;
      around.running().addAndGet(runs ? 1 : -1);
    }
  }

  // Requests

  private Effect<GhostEvent, Run> onRequest(Run state, GhostCommand.Request request) {
    if (beginning != null || erasing) {
      held.add(request);
      return Effect().none();
    }
    GhostRequest body = request.body();
    return switch (body.getRequestCase()) {
      case BEGIN -> begin(state, body.getBegin(), request);
      case LOOK ->
          state.hasBegun()
              ? answerAtEnd(state, request)
              : refuse(
                  request, new VudoError(ErrorCode.GHOST_RUN_NOT_FOUND, "Got \"" + run + "\"."));
      case REQUEST_NOT_SET ->
          refuse(
              request,
              new VudoError(ErrorCode.REQUEST_INVALID, "This version does not know the request."));
    };
  }

  private Effect<GhostEvent, Run> refuse(GhostCommand.Request request, VudoError error) {
    return Effect().reply(request.replyTo(), refused(error));
  }

  private static GhostAnswer refused(VudoError error) {
    return GhostAnswer.newBuilder().setCode(error.code().name()).setDetail(error.detail()).build();
  }

  private Effect<GhostEvent, Run> answerAtEnd(Run state, GhostCommand.Request request) {
    long waitMillis = request.body().getWaitMillis();
    if (state.isOver() || waitMillis <= 0) {
      return Effect().reply(request.replyTo(), answer(state));
    }
    waiting.add(request.replyTo());
    GhostCommand.WaitOver over = new GhostCommand.WaitOver(request.replyTo());
    timers.startSingleTimer(over, over, Duration.ofMillis(waitMillis));
    return Effect().none();
  }

  private static GhostAnswer answer(Run state) {
    return GhostAnswer.newBuilder().setRun(state.toProto()).build();
  }

  private Effect<GhostEvent, Run> onWaitOver(Run state, GhostCommand.WaitOver over) {
    return waiting.remove(over.replyTo())
        ? Effect().reply(over.replyTo(), answer(state))
        : Effect().none();
  }

  // The beginning

  private Effect<GhostEvent, Run> begin(Run state, GhostBegin begin, GhostCommand.Request request) {
    if (state.hasBegun()) {
      return state.isSame(begin.getRun())
          ? answerAtEnd(state, request)
          : refuse(
              request,
              new VudoError(
                  ErrorCode.GHOST_RUN_MISMATCH, "\"" + run + "\" is " + state.ghost() + "."));
    }
    if (begin.getSentBeforeMillis() >= around.settings().retention().toMillis()) {
      return refuse(
          request,
          new VudoError(
              ErrorCode.OUTCOME_FORGOTTEN,
              "\"" + run + "\" may have run before: results of that time are not kept."));
    }
    if (around.running().incrementAndGet() > around.settings().maxRunning()) {
      around.running().decrementAndGet();
      return refuse(
          request,
          new VudoError(
              ErrorCode.GHOSTS_FULL,
              "vudo.ghost.max-running is " + around.settings().maxRunning() + "."));
    }
    counted = true;
    beginning = begin.getRun();
    held.add(request);
    context.pipeToSelf(
        around.alarm().add(GhostRuns.name(run)),
        (added, failure) -> new GhostCommand.Indexed(failure));
    return Effect().none();
  }

  private Effect<GhostEvent, Run> onIndexed(Run state, GhostCommand.Indexed indexed) {
    GhostBegun begun = beginning;
    beginning = null;
    if (indexed.failure() != null) {
      count(false);
      List<GhostCommand.Request> refused = List.copyOf(held);
      held.clear();
      GhostAnswer answer =
          refused(
              new VudoError(
                  ErrorCode.JOURNAL_UNAVAILABLE,
                  "The index of those who wake did not answer: " + indexed.failure()));
      return Effect().none().thenRun(() -> refused.forEach(one -> one.replyTo().tell(answer)));
    }
    GhostEvent event =
        Run.begun(
            begun.toBuilder()
                .setTimeMillis(around.clock().millis())
                .setNonce(Long.toHexString(ThreadLocalRandom.current().nextLong()))
                .build());
    return Effect()
        .persist(event)
        .thenRun(
            now -> {
              takeUpHeld();
              proceed(now, event);
            });
  }

  private void takeUpHeld() {
    List<GhostCommand.Request> again = List.copyOf(held);
    held.clear();
    again.forEach(context.getSelf()::tell);
  }

  /** What became durable happens. */
  private void proceed(Run state, GhostEvent event) {
    around.meters().happened(event, state.begunMillis());
    event
        .getStartedList()
        .forEach(
            started -> {
              sendings.put(started.getStep(), new Sending(false));
              send(state, state.step(started.getStep()));
            });
    if (event.hasOver()) {
      count(false);
      GhostAnswer answer = answer(state);
      waiting.forEach(
          replyTo -> {
            timers.cancel(new GhostCommand.WaitOver(replyTo));
            replyTo.tell(answer);
          });
      waiting.clear();
      schedule(state);
    }
  }

  private void schedule(Run state) {
    around.alarm().schedule(GhostRuns.name(run), forgetMillis(state));
  }

  private long forgetMillis(Run state) {
    return state.over().getTimeMillis() + around.settings().retention().toMillis();
  }

  // Steps

  private void send(Run state, Step step) {
    Sending sending = sendings.get(step.name());
    int attempt = ++sending.attempt;
    long nowMillis = around.clock().millis();
    long leftMillis = state.deadlineMillis(step) - nowMillis;
    if (leftMillis <= 0) {
      fail(step, attempt, late(state, step));
      return;
    }
    byte[] payload;
    try {
      payload = state.payload(step);
    } catch (VudoException e) {
      fail(step, attempt, e);
      return;
    }
    // Before the Spirit can have forgotten it: from when it was noted on.
    Optional<Duration> sentBefore =
        sending.maySent
            ? Optional.of(Duration.ofMillis(Math.max(1, nowMillis - state.startedMillis(step) + 1)))
            : Optional.empty();
    context.pipeToSelf(
        around
            .asker()
            .ask(
                state.spirit(step),
                step.function(),
                payload,
                state.key(run, step),
                sentBefore,
                Duration.ofMillis(Math.min(leftMillis, sending.attemptMillis))),
        (reply, failure) ->
            new GhostCommand.Answered(
                step.name(), attempt, reply, failure == null ? null : typed(failure)));
  }

  private void fail(Step step, int attempt, VudoException why) {
    context.getSelf().tell(new GhostCommand.Answered(step.name(), attempt, Optional.empty(), why));
  }

  private static VudoException late(Run state, Step step) {
    return new VudoException(
        ErrorCode.ASK_TIMEOUT,
        state.spirit(step)
            + " did not answer in "
            + (state.deadlineMillis(step) - state.startedMillis(step))
            + " ms; it may have handled the step.");
  }

  private static VudoException typed(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof VudoException typed
        ? typed
        : new VudoException(ErrorCode.INTERNAL_ERROR, String.valueOf(cause), cause);
  }

  private Effect<GhostEvent, Run> onAnswered(Run state, GhostCommand.Answered answered) {
    Sending sending = sendings.get(answered.step());
    if (sending == null
        || sending.attempt != answered.attempt()
        || !state.isRunning(answered.step())) {
      return Effect().none();
    }
    Step step = state.step(answered.step());
    long nowMillis = around.clock().millis();
    VudoException failure = answered.failure();
    if (failure != null && PASSING.contains(failure.code())) {
      sending.maySent |= !NOT_HANDLED.contains(failure.code());
      if (failure.code() == ErrorCode.ASK_TIMEOUT) {
        sending.attemptMillis = Math.min(2 * sending.attemptMillis, LONGEST_ATTEMPT_MILLIS);
      }
      long pauseMillis = pauseMillis(sending);
      if (nowMillis + pauseMillis < state.deadlineMillis(step)) {
        timers.startSingleTimer(
            step.name(), new GhostCommand.Again(step.name()), Duration.ofMillis(pauseMillis));
        return Effect().none();
      }
      if (failure.code() == ErrorCode.ASK_TIMEOUT) {
        failure = late(state, step);
        // Also when a timer was early by a little.
        nowMillis = Math.max(nowMillis, state.deadlineMillis(step));
      }
    }
    GhostStepEnded ended =
        failure == null
            ? ended(state, step, answered.reply(), nowMillis)
            : Run.failed(step.name(), failure.toError(), nowMillis);
    sendings.remove(step.name());
    GhostEvent event = state.ended(ended, nowMillis);
    return Effect().persist(event).thenRun(now -> proceed(now, event));
  }

  private static long pauseMillis(Sending sending) {
    long pause =
        Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(sending.pauses++, 10));
    // So that runs that failed together do not come back together.
    return pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2 + 1);
  }

  private GhostStepEnded ended(Run state, Step step, Optional<byte[]> reply, long nowMillis) {
    long most = around.settings().maxResultBytes();
    int bytes = reply.map(it -> it.length).orElse(0);
    if (state.resultBytes() + bytes > most) {
      return Run.failed(
          step.name(),
          new VudoError(
              ErrorCode.GHOST_TOO_LARGE,
              "The results have "
                  + (state.resultBytes() + bytes)
                  + " bytes; vudo.ghost.max-result-bytes is "
                  + most
                  + "."),
          nowMillis);
    }
    try {
      // What cannot be read now would not be read by who takes it, nor by who asks for it.
      var unused = GhostValue.ofReply(step.result(), reply.orElse(null));
    } catch (VudoException e) {
      return Run.failed(step.name(), e.toError(), nowMillis);
    }
    GhostStepEnded.Builder ended =
        GhostStepEnded.newBuilder().setStep(step.name()).setTimeMillis(nowMillis);
    reply.ifPresent(it -> ended.setReply(ByteString.copyFrom(it)));
    return ended.build();
  }

  private Effect<GhostEvent, Run> onAgain(Run state, GhostCommand.Again again) {
    return state.isRunning(again.step())
        ? Effect().none().thenRun(() -> send(state, state.step(again.step())))
        : Effect().none();
  }

  // Waking, forgetting and leaving

  private Effect<GhostEvent, Run> onWake(Run state) {
    if (beginning != null || erasing || (state.hasBegun() && !state.isOver())) {
      return Effect().none();
    }
    if (!state.hasBegun()) {
      return Effect()
          .none()
          .thenRun(
              () -> {
                if (lastSequenceNumber(context) > 0) {
                  // It died before it was done with that.
                  erase();
                } else {
                  around.alarm().remove(GhostRuns.name(run));
                  leave();
                }
              });
    }
    if (around.clock().millis() < forgetMillis(state)) {
      return Effect().none().thenRun(() -> schedule(state));
    }
    erasing = true;
    return Effect()
        .persist(GhostEvent.newBuilder().setForgotten(true).build())
        .thenRun(this::erase);
  }

  private void erase() {
    erasing = true;
    Adapter.actorOf(
        context, EventEraser.props(GhostRuns.name(run), around.settings(), context.getSelf()));
  }

  private Effect<GhostEvent, Run> onErased(Run state, GhostCommand.Erased erased) {
    return Effect()
        .none()
        .thenRun(
            () -> {
              erasing = false;
              if (erased.failure() != null) {
                context
                    .getLog()
                    .warn(
                        "Cannot delete the events of run {}: {}", run, erased.failure().toString());
                around
                    .alarm()
                    .schedule(
                        GhostRuns.name(run), around.clock().millis() + ERASE_AGAIN.toMillis());
              } else if (held.isEmpty()) {
                around.alarm().remove(GhostRuns.name(run));
              }
              if (held.isEmpty()) {
                leave();
              } else {
                takeUpHeld();
              }
            });
  }

  private Effect<GhostEvent, Run> onIdle(Run state) {
    if (beginning == null && !erasing && (!state.hasBegun() || state.isOver())) {
      leave();
    }
    return Effect().none();
  }

  private void leave() {
    shard.tell(new ClusterSharding.Passivate<>(context.getSelf()));
  }

  private Effect<GhostEvent, Run> onStop(Run state) {
    GhostAnswer moved =
        refused(new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The run is being moved."));
    held.forEach(request -> request.replyTo().tell(moved));
    waiting.forEach(replyTo -> replyTo.tell(moved));
    if (state.hasBegun() && !state.isOver()) {
      // So that it comes up where its shard goes, and not only at the next ping.
      around.wake(run);
    }
    return Effect().stop();
  }
}
