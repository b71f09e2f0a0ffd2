package io.vudo.spirit.internal.ghost;

import io.micrometer.core.instrument.MeterRegistry;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.GhostBegun;
import io.vudo.protocol.wire.v1.GhostAnswer;
import io.vudo.protocol.wire.v1.GhostBegin;
import io.vudo.protocol.wire.v1.GhostLook;
import io.vudo.protocol.wire.v1.GhostRequest;
import io.vudo.spirit.GhostRunStatus;
import io.vudo.spirit.Ghosts;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.HashCodeMessageExtractor;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/** The door to all runs of Ghosts, and what those on this node share. Thread-safe. */
public final class GhostRuns implements Ghosts {
  private static final EntityTypeKey<GhostCommand> KEY =
      EntityTypeKey.create(GhostCommand.class, "ghost");

  /** The same on every node and for ever: a run's shard follows from it. */
  private static final int SHARDS = 64;

  /** No Spirit's name begins like this. */
  private static final String PREFIX = "ghost|";

  private static final Pattern RUN = Pattern.compile("[!-~]{1," + MAX_RUN_CHARS + "}");

  /** A run may die while somebody waits for it; after that time he asks again. */
  private static final long ATTEMPT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long PAUSE_MILLIS = 200;

  private final ClusterSharding sharding;
  private final Executor callbacks;
  private final Surroundings around;

  /**
   * What a run needs of its node.
   *
   * @param running how many have begun and are not over, on this node
   */
  record Surroundings(
      ClusterSharding sharding,
      Asker asker,
      Alarm alarm,
      GhostSettings settings,
      AtomicInteger running,
      GhostMeters meters,
      Clock clock) {
    void wake(String run) {
      sharding.entityRefFor(KEY, run).tell(GhostCommand.Wake.INSTANCE);
    }
  }

  /** Runs of a node, which are not started yet. */
  public GhostRuns(
      ActorSystem<?> system, Asker asker, Alarm alarm, MeterRegistry registry, Clock clock) {
    this.sharding = ClusterSharding.get(system);
    AtomicInteger running = new AtomicInteger();
    this.callbacks = system.executionContext();
    this.around =
        new Surroundings(
            sharding,
            asker,
            alarm,
            GhostSettings.from(system.settings().config()),
            running,
            new GhostMeters(registry, running),
            clock);
  }

  /** Lets this node have runs. */
  public void start(ActorSystem<?> system) {
    sharding.init(
        Entity.of(KEY, entity -> RunEntity.create(around, entity.getEntityId(), entity.getShard()))
            .withStopMessage(GhostCommand.Stop.INSTANCE)
            .withMessageExtractor(new HashCodeMessageExtractor<>(SHARDS))
            .withSettings(ClusterShardingSettings.create(system).withNoPassivationStrategy()));
  }

  /** Under which the index and the journal have a run. */
  static String name(String run) {
    return PREFIX + run;
  }

  /**
   * Wakes a run, if that is one.
   *
   * @param name as the index has it
   */
  public boolean wake(String name) {
    if (!name.startsWith(PREFIX)) {
      return false;
    }
    around.wake(name.substring(PREFIX.length()));
    return true;
  }

  @Override
  public CompletionStage<GhostRunStatus> run(
      String run,
      Ghost ghost,
      Map<String, SpiritId> members,
      Map<String, Object> inputs,
      Duration sentBefore,
      Duration wait) {
    GhostBegun begun;
    try {
      check(run);
      checkMembers(ghost, members.keySet());
      begun =
          GhostBegun.newBuilder()
              .setDeclaration(GhostJson.write(ghost))
              .addAllMembers(Run.members(members))
              .setInputs(GhostJson.writeInputs(ghost, inputs).toString())
              .build();
      checkSize(begun);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
    long startNanos = System.nanoTime();
    return ask(
        run,
        () ->
            GhostRequest.newBuilder()
                .setBegin(
                    GhostBegin.newBuilder()
                        .setRun(begun)
                        // This may be asked again for long.
                        .setSentBeforeMillis(
                            sentBefore.toMillis()
                                + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos)))
                .build(),
        startNanos,
        wait.toNanos());
  }

  @Override
  public CompletionStage<GhostRunStatus> status(String run, Duration wait) {
    try {
      check(run);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
    return ask(run, GhostRuns::look, System.nanoTime(), wait.toNanos());
  }

  private static GhostRequest look() {
    return GhostRequest.newBuilder().setLook(GhostLook.getDefaultInstance()).build();
  }

  private static void check(String run) {
    if (!RUN.matcher(run).matches()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The key of a Ghost's run has 1 to "
              + MAX_RUN_CHARS
              + " visible ASCII characters and no spaces.");
    }
  }

  private static void checkMembers(Ghost ghost, Set<String> given) {
    Set<String> wanted =
        ghost.steps().stream().map(Step::member).collect(Collectors.toCollection(TreeSet::new));
    if (!wanted.equals(given)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          ghost
              + " has the members "
              + String.join(", ", wanted)
              + "; got "
              + (given.isEmpty() ? "none" : String.join(", ", new TreeSet<>(given)))
              + ".");
    }
  }

  private void checkSize(GhostBegun begun) {
    long most = around.settings().maxInputBytes();
    long bytes =
        (long) begun.getDeclaration().getBytes(StandardCharsets.UTF_8).length
            + begun.getInputs().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > most) {
      throw new VudoException(
          ErrorCode.GHOST_TOO_LARGE,
          "The Ghost and its inputs have "
              + bytes
              + " bytes as JSON; vudo.ghost.max-input-bytes is "
              + most
              + ".");
    }
  }

  /** What is asked; made anew for each attempt. */
  private interface Question {
    GhostRequest next();
  }

  /**
   * Asks a run, and again when it did not answer in time, or not with its end.
   *
   * @param waitNanos how long to wait for the end
   */
  private CompletionStage<GhostRunStatus> ask(
      String run, Question question, long startNanos, long waitNanos) {
    long leftNanos = waitNanos - (System.nanoTime() - startNanos);
    long attemptNanos = Math.max(0, Math.min(leftNanos, ATTEMPT_NANOS));
    GhostRequest request =
        question.next().toBuilder()
            .setWaitMillis(TimeUnit.NANOSECONDS.toMillis(attemptNanos))
            .build();
    return sharding
        .entityRefFor(KEY, run)
        .<GhostAnswer>ask(
            replyTo -> new GhostCommand.Request(request, replyTo),
            Duration.ofNanos(attemptNanos + GRACE_NANOS))
        .handleAsync(
            (answer, failure) -> {
              boolean inTime = System.nanoTime() - startNanos < waitNanos;
              if (failure == null && answer.getCode().isEmpty()) {
                Run known = Run.of(answer.getRun());
                return known.isOver() || !inTime
                    ? CompletableFuture.completedFuture(known.status(run))
                    // Confirmed: what it was begun with need not be sent again.
                    : ask(run, GhostRuns::look, startNanos, waitNanos);
              }
              VudoException why = failure == null ? typed(answer) : typed(run, failure);
              return inTime && why.code() == ErrorCode.SPIRIT_UNAVAILABLE
                  ? later(() -> ask(run, question, startNanos, waitNanos))
                  : CompletableFuture.<GhostRunStatus>failedFuture(why);
            },
            callbacks)
        .thenCompose(stage -> stage);
  }

  private CompletionStage<GhostRunStatus> later(
      java.util.function.Supplier<CompletionStage<GhostRunStatus>> next) {
    Executor delayed =
        CompletableFuture.delayedExecutor(PAUSE_MILLIS, TimeUnit.MILLISECONDS, callbacks);
    return CompletableFuture.supplyAsync(next, delayed).thenCompose(stage -> stage);
  }

  private static VudoException typed(GhostAnswer answer) {
    return new VudoException(ErrorCode.of(answer.getCode()), answer.getDetail());
  }

  private static VudoException typed(String run, Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof VudoException typed
        ? typed
        : new VudoException(
            ErrorCode.SPIRIT_UNAVAILABLE,
            "Run "
                + run
                + (cause instanceof TimeoutException ? " did not answer in time." : ": " + cause),
            cause);
  }
}
