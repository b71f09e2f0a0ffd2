package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Drained;
import io.vudo.spirit.HostStatus;
import io.vudo.spirit.Relocation;
import io.vudo.spirit.Relocations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

/** The door to the hosts of all nodes, and what this node does with its Spirits when it stops. */
final class Movers implements Relocations {
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration FAREWELL_TIMEOUT = Duration.ofMillis(1500);

  private final ActorSystem<?> system;
  private final Hosts hosts;
  private final DeploymentSource deployments;
  private final MoveLog log;

  Movers(ActorSystem<?> system, Hosts hosts, DeploymentSource deployments, MoveLog log) {
    this.system = system;
    this.hosts = hosts;
    this.deployments = deployments;
    this.log = log;
  }

  /**
   * Spirits move away while the node still answers; those that could not end before its shards go.
   */
  void stopWith(SpiritSettings settings) {
    CoordinatedShutdown shutdown = CoordinatedShutdown.get(Adapter.toClassic(system));
    shutdown.addTask(
        CoordinatedShutdown.PhaseBeforeServiceUnbind(),
        "move-spirits",
        () ->
            hosts.others().isEmpty()
                ? CompletableFuture.completedFuture(Done.getInstance())
                : drain(hosts.self(), settings.drainTimeout())
                    .handle((drained, failure) -> Done.getInstance())
                    .thenCompose(this::sayFarewell));
    shutdown.addTask(
        CoordinatedShutdown.PhaseBeforeClusterShutdown(),
        "end-spirits",
        () ->
            this.<HostCommand.Closed>ask(hosts.here(), HostCommand.Close::new, CLOSE_TIMEOUT)
                .handle((closed, failure) -> Done.getInstance()));
  }

  /** Until nobody sends this way any more: what is on its way when the node ends is lost. */
  private CompletionStage<Done> sayFarewell(Done drained) {
    return this.<HostCommand.Released>ask(
            hosts.otherSenders(),
            replyTo -> new HostCommand.Farewell(hosts.here(), replyTo),
            FAREWELL_TIMEOUT)
        .thenApply(released -> drained);
  }

  @Override
  public CompletionStage<Relocation> move(SpiritId id, String node, Duration timeout) {
    if (deployments.find(id.type()).isEmpty()) {
      return CompletableFuture.failedFuture(
          new VudoException(ErrorCode.SPIRIT_TYPE_UNKNOWN, "Got \"" + id.type() + "\"."));
    }
    if (hosts.taking(node).isEmpty()) {
      return unknown(node);
    }
    return this.<MoveReply>ask(
            hosts.here(),
            replyTo ->
                new HostCommand.Send(id.toString(), new SpiritCommand.Relocate(node, replyTo)),
            timeout)
        .thenApply(
            reply -> {
              if (reply instanceof MoveReply.NotMoved not) {
                throw not.error().toException();
              }
              return ((MoveReply.Moved) reply).relocation();
            });
  }

  private static <T> CompletionStage<T> unknown(String node) {
    return CompletableFuture.failedFuture(
        new VudoException(ErrorCode.NODE_UNKNOWN, "Got \"" + node + "\"."));
  }

  private Optional<ActorRef<HostCommand>> host(String node) {
    return node.equals(hosts.self())
        ? Optional.of(hosts.here())
        : Optional.ofNullable(hosts.reachable().get(node));
  }

  @Override
  public CompletionStage<Drained> drain(String node, Duration timeout) {
    return draining(node, true, timeout);
  }

  @Override
  public CompletionStage<Void> resume(String node, Duration timeout) {
    return draining(node, false, timeout).thenAccept(drained -> {});
  }

  private CompletionStage<Drained> draining(String node, boolean on, Duration timeout) {
    Optional<ActorRef<HostCommand>> host = host(node);
    if (host.isEmpty()) {
      return unknown(node);
    }
    return this.<DrainReply>ask(host.get(), replyTo -> new HostCommand.Drain(on, replyTo), timeout)
        .thenApply(DrainReply::drained);
  }

  @Override
  public CompletionStage<List<HostStatus>> nodes(Duration timeout) {
    return this.<ReportReply>askAll(HostCommand.Report::new, timeout)
        .thenApply(
            replies ->
                replies.stream()
                    .map(ReportReply::status)
                    .sorted(Comparator.comparing(HostStatus::node))
                    .toList());
  }

  @Override
  public CompletionStage<HostStatus> here(Duration timeout) {
    return this.<ReportReply>ask(hosts.here(), HostCommand.Report::new, timeout)
        .thenApply(ReportReply::status);
  }

  @Override
  public List<Relocation> recent() {
    return log.recent();
  }

  @Override
  public CompletionStage<List<Relocation>> recent(int most, Duration timeout) {
    return this.<RecentReply>askAll(replyTo -> new HostCommand.Recent(most, replyTo), timeout)
        .thenApply(
            replies ->
                replies.stream()
                    .flatMap(reply -> reply.moves().stream())
                    .sorted(Comparator.comparingLong(Relocation::movedAtMillis).reversed())
                    .limit(most)
                    .toList());
  }

  @Override
  public AutoCloseable watch(Consumer<Relocation> listener) {
    return log.watch(listener);
  }

  /** What those answer that can be reached and are in time. */
  private <T> CompletionStage<List<T>> askAll(
      Function<ActorRef<T>, HostCommand> command, Duration timeout) {
    List<ActorRef<HostCommand>> all = new ArrayList<>(hosts.others());
    all.add(hosts.here());
    return ask(all, command, timeout);
  }

  private <T> CompletionStage<List<T>> ask(
      Collection<ActorRef<HostCommand>> whom,
      Function<ActorRef<T>, HostCommand> command,
      Duration timeout) {
    List<CompletableFuture<Optional<T>>> answers =
        whom.stream()
            .map(
                host ->
                    this.<T>ask(host, command, timeout)
                        .handle((reply, failure) -> Optional.ofNullable(reply))
                        .toCompletableFuture())
            .toList();
    return CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new))
        .thenApply(done -> answers.stream().flatMap(answer -> answer.join().stream()).toList());
  }

  private <T> CompletionStage<T> ask(
      ActorRef<HostCommand> host, Function<ActorRef<T>, HostCommand> command, Duration timeout) {
    return AskPattern.<HostCommand, T>ask(host, command::apply, timeout, system.scheduler())
        .handleAsync(
            (reply, failure) -> {
              if (failure == null) {
                return reply;
              }
              throw failure instanceof TimeoutException
                  ? new VudoException(
                      ErrorCode.ASK_TIMEOUT,
                      hosts.nodeOf(host) + " did not answer in " + timeout.toMillis() + " ms.",
                      failure)
                  : new VudoException(ErrorCode.INTERNAL_ERROR, failure.toString(), failure);
            },
            system.executionContext());
  }
}
