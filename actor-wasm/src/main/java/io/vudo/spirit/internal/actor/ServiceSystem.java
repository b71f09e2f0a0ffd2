package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import com.typesafe.config.Config;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.spirit.ActorMessage;
import io.vudo.spirit.ActorRegistration;
import io.vudo.spirit.SpiritRuntime;
import io.vudo.spirit.SpiritService;
import io.vudo.spirit.internal.turn.SpiritMachine;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;

/** Wires what a service needs to talk to Spirits, and turns calls of JVM code into messages. */
public final class ServiceSystem {
  private static final Duration FIRST_REPEAT = Duration.ofMillis(500);
  private static final Duration LONGEST_REPEAT = Duration.ofSeconds(10);

  /** What stands around a payload in a frame of Artery. */
  private static final int FRAME_OVERHEAD_BYTES = 64 * 1024;

  /** The message was not handled, and the next try may end otherwise. */
  private static final Set<ErrorCode> PASSING =
      EnumSet.of(ErrorCode.SPIRIT_UNAVAILABLE, ErrorCode.SPIRIT_FENCED);

  private final ActorSystem<?> system;
  private final Hosts hosts;
  private final int maxPayloadBytes;
  private final ActorInbox.Settings inboxes;
  private final AtomicLong names = new AtomicLong();
  private final CompletableFuture<Void> ready = new CompletableFuture<>();

  /**
   * @throws VudoException {@code CONFIG_INVALID} when the system is not a service's
   */
  public ServiceSystem(ActorSystem<?> system) {
    this.system = system;
    if (!system.settings().config().getString("pekko.actor.provider").equals("cluster")) {
      throw invalid("pekko.actor.provider is not cluster.");
    }
    Member self = Cluster.get(Adapter.toClassic(system)).selfMember();
    if (!self.hasRole(SpiritService.ROLE) || self.hasRole(SpiritRuntime.ROLE)) {
      throw invalid(
          "pekko.cluster.roles of a service has "
              + SpiritService.ROLE
              + " and not "
              + SpiritRuntime.ROLE
              + "; it is "
              + self.getRoles()
              + ".");
    }
    this.maxPayloadBytes =
        (int)
            Math.max(
                0,
                system
                        .settings()
                        .config()
                        .getBytes("pekko.remote.artery.advanced.maximum-frame-size")
                    - FRAME_OVERHEAD_BYTES);
    Config actors =
        system
            .settings()
            .config()
            .withFallback(SpiritService.config())
            .getConfig("vudo.service.actor");
    this.inboxes =
        new ActorInbox.Settings(
            actors.getDuration("redelivery"),
            actors.getInt("max-senders"),
            actors.getInt("max-waiting"));
    this.hosts = new Hosts(system);
    ClusterSharding sharding = ClusterSharding.get(system);
    // Of another role, so this begins a proxy: addresses stay on the nodes.
    sharding.init(
        Entity.<SpiritCommand>of(
                SpiritAddress.KEY,
                entity -> {
                  throw new IllegalStateException("A service has no Spirits.");
                })
            .withStopMessage(SpiritCommand.Passivate.INSTANCE)
            .withMessageExtractor(Hosts.EXTRACTOR)
            .withSettings(
                ClusterShardingSettings.create(system)
                    .withRole(SpiritRuntime.ROLE)
                    .withNoPassivationStrategy()));
    hosts.start(
        system.systemActorOf(
            ServiceRouter.create(hosts, sharding, () -> ready.complete(null)),
            "spirit-router",
            Props.empty()));
    system
        .getWhenTerminated()
        .thenRun(
            () ->
                ready.completeExceptionally(
                    new VudoException(ErrorCode.CLUSTER_UNREACHABLE, "The service has ended.")));
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.CONFIG_INVALID, detail);
  }

  public ActorRegistration register(String name, ActorRef<ActorMessage> actor) {
    if (!actor.path().address().hasLocalScope()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, actor + " is an actor of another actor system.");
    }
    return register(name, ActorInbox.create(hosts, actor, inboxes));
  }

  public ActorRegistration registerNew(String name, Behavior<ActorMessage> actor) {
    return register(name, ActorInbox.create(hosts, actor, inboxes));
  }

  private ActorRegistration register(String name, Behavior<SpiritCommand> inbox) {
    String checked = new SpiritId(SpiritId.ACTOR, name).id();
    ActorRef<SpiritCommand> here =
        system.systemActorOf(
            inbox, ActorDirectory.pathName(checked, names.incrementAndGet()), Props.empty());
    return new ActorRegistration() {
      @Override
      public String name() {
        return checked;
      }

      @Override
      public void close() {
        here.tell(SpiritCommand.Passivate.INSTANCE);
      }
    };
  }

  public CompletionStage<Void> ready() {
    return ready.copy();
  }

  /** Somebody to whom what is said gets lost. */
  public <T> ActorRef<T> ignored() {
    return system.ignoreRef();
  }

  public CompletionStage<Optional<byte[]>> ask(
      SpiritId to, String messageType, byte[] payload, String idempotencyKey, Duration timeout) {
    if (payload.length > maxPayloadBytes) {
      return CompletableFuture.failedFuture(
          new VudoException(
              ErrorCode.PAYLOAD_TOO_LARGE,
              payload.length
                  + " bytes; with pekko.remote.artery.advanced.maximum-frame-size as it is, at most "
                  + maxPayloadBytes
                  + " can be sent."));
    }
    Message message =
        TraceContexts.withCurrent(
                Message.newBuilder()
                    .setId(
                        idempotencyKey.isEmpty()
                            ? "call:" + UUID.randomUUID()
                            : SpiritMachine.KEY_PREFIX + idempotencyKey)
                    .setType(messageType)
                    .setPayload(ByteString.copyFrom(payload)))
            .build();
    Call call = new Call(to, message, timeout);
    if (idempotencyKey.isEmpty()) {
      call.send();
    } else {
      call.repeat(FIRST_REPEAT);
    }
    return call.result;
  }

  /** One message until it is answered, or the time is over. Thread-safe. */
  private final class Call {
    private final SpiritId to;
    private final Message message;
    private final Duration timeout;
    private final long endNanos;
    private final CompletableFuture<Optional<byte[]>> result = new CompletableFuture<>();

    Call(SpiritId to, Message message, Duration timeout) {
      this.to = to;
      this.message = message;
      this.timeout = timeout;
      this.endNanos = System.nanoTime() + timeout.toNanos();
    }

    void send() {
      ask(false);
    }

    /** It or its answer may be lost with a node; the Spirit handles what has a key once. */
    void repeat(Duration pause) {
      ask(true);
      Duration left = left();
      boolean last = left.compareTo(pause) <= 0;
      Duration doubled = pause.multipliedBy(2);
      Duration next = doubled.compareTo(LONGEST_REPEAT) > 0 ? LONGEST_REPEAT : doubled;
      system
          .scheduler()
          .scheduleOnce(
              last ? left : pause,
              () -> {
                if (last) {
                  result.completeExceptionally(
                      SpiritSystem.translated(new TimeoutException(), to, timeout));
                } else if (!result.isDone()) {
                  repeat(next);
                }
              },
              system.executionContext());
    }

    private Duration left() {
      return Duration.ofNanos(Math.max(1, endNanos - System.nanoTime()));
    }

    private void ask(boolean repeats) {
      // In the caller's thread, so its messages leave in its order.
      hosts
          .<DeliveryReply>ask(
              to.toString(), replyTo -> new SpiritCommand.Deliver(message, replyTo), left())
          .whenCompleteAsync(
              (reply, failure) -> {
                try {
                  if (failure != null) {
                    throw SpiritSystem.translated(failure, to, timeout);
                  }
                  result.complete(SpiritSystem.outcome(reply));
                } catch (VudoException e) {
                  if (!repeats || !PASSING.contains(e.code())) {
                    result.completeExceptionally(e);
                  }
                }
              },
              system.executionContext());
    }
  }
}
