package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Processes;
import io.vudo.spirit.internal.turn.Configurations;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves some Spirits of no account between two hosts that exist for it alone, before a node takes
 * part in its cluster.
 *
 * <p>The first moves of a JVM are slow: it loads some hundred classes, on the threads that all
 * Spirits of the node need, while those that move are stopped. So a node does it once when nobody
 * waits. What the hosts say to each other goes through the serializers, as it would between nodes.
 */
final class WarmUp {
  private static final Logger log = LoggerFactory.getLogger(WarmUp.class);

  private static final String MODULE = "warm-up.wasm";
  private static final String TYPE = "vudo-warm-up";
  private static final int SPIRITS = 4;
  private static final Duration TIMEOUT = Duration.ofSeconds(15);
  private static final byte[] NOTHING = {};

  private final ActorSystem<?> system;
  private final CompiledModules modules;
  private final SpiritSettings settings;
  private final Deployment deployment;
  private final byte[] module;

  private WarmUp(ActorSystem<?> system, CompiledModules modules, String engine) {
    this.system = system;
    this.modules = modules;
    this.settings = SpiritSettings.from(system.settings().config());
    this.module = module();
    this.deployment =
        new Deployment(
            TYPE,
            ModuleDigest.of(module),
            engine,
            SpiritLimits.DEFAULTS,
            Set.of(),
            // No trace of it in the journal.
            false,
            1,
            0);
  }

  static byte[] module() {
    try (InputStream in = WarmUp.class.getResourceAsStream(MODULE)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Warms up, and returns when that is over; never throws.
   *
   * @param engine on which the Spirits run
   * @param times how often all of them move
   * @return how many moves there were; 0 when it failed
   */
  static int run(ActorSystem<?> system, CompiledModules modules, String engine, int times) {
    long startNanos = System.nanoTime();
    CompletableFuture<Integer> end = new CompletableFuture<>();
    ActorRef<Over> stage = null;
    try {
      WarmUp warmUp = new WarmUp(system, modules, engine);
      stage =
          system.systemActorOf(
              warmUp.stage(times, end), "warm-up-" + UUID.randomUUID(), Props.empty());
      int moves = end.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      log.debug(
          "Warmed up by {} moves in {} ms",
          moves,
          TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos));
      return moves;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (TimeoutException e) {
      log.info("The node did not warm up within {} s, and goes on cold", TIMEOUT.toSeconds());
    } catch (Exception e) {
      // The node can do without.
      log.warn("The node could not warm up; its first moves will be slower", e);
    } finally {
      if (stage != null) {
        stage.tell(Over.INSTANCE);
      }
    }
    return 0;
  }

  /** Ends the two hosts, and with them all that they have. */
  private enum Over {
    INSTANCE
  }

  private Behavior<Over> stage(int times, CompletableFuture<Integer> end) {
    return Behaviors.setup(
        context -> {
          Wing left = new Wing("left");
          Wing right = new Wing("right");
          left.host = context.spawn(SpiritHost.create(left.context(), new MoveLog(false)), "left");
          right.host =
              context.spawn(SpiritHost.create(right.context(), new MoveLog(false)), "right");
          left.start(context.spawn(wire(right.host), "wire-right"));
          right.start(context.spawn(wire(left.host), "wire-left"));
          play(left, right, times, end);
          return Behaviors.receive(Over.class)
              .onMessage(Over.class, over -> Behaviors.stopped())
              .build();
        });
  }

  /** As if the other host were on another node. */
  private static Behavior<HostCommand> wire(ActorRef<HostCommand> to) {
    return Behaviors.setup(
        context -> {
          Serialization serialization =
              SerializationExtension.get(Adapter.toClassic(context.getSystem()));
          return Behaviors.receive(HostCommand.class)
              .onMessage(
                  HostCommand.class,
                  command -> {
                    int serializer = serialization.findSerializerFor(command).identifier();
                    String manifest =
                        Serializers.manifestFor(serialization.findSerializerFor(command), command);
                    byte[] bytes = serialization.serialize(command).get();
                    to.tell(
                        (HostCommand) serialization.deserialize(bytes, serializer, manifest).get());
                    return Behaviors.same();
                  })
              .build();
        });
  }

  private void play(Wing left, Wing right, int times, CompletableFuture<Integer> end) {
    List<String> spirits = new ArrayList<>();
    for (int i = 0; i < SPIRITS; i++) {
      // The same as nobody's, as their journals are read.
      spirits.add(new SpiritId(TYPE, UUID.randomUUID().toString()).toString());
    }
    CompletionStage<Integer> moved =
        all(spirits, spirit -> left.bringUp(spirit)).thenApply(done -> 0);
    for (int i = 0; i < times; i++) {
      Wing from = i % 2 == 0 ? left : right;
      moved =
          moved.thenCompose(
              before -> {
                CompletionStage<DrainReply> drained = from.drain(true);
                // Some of them meet a Spirit that moves.
                CompletionStage<Void> asked =
                    all(spirits, from::ask).thenCompose(first -> all(spirits, from::ask));
                return drained
                    .thenCombine(asked, (reply, done) -> before + (int) reply.drained().moved())
                    .thenCompose(sum -> from.drain(false).thenApply(resumed -> sum));
              });
    }
    moved.whenComplete(
        (sum, failure) -> {
          if (failure == null) {
            end.complete(sum);
          } else {
            end.completeExceptionally(failure);
          }
        });
  }

  private static CompletionStage<Void> all(
      List<String> spirits, Function<String, CompletionStage<?>> each) {
    return CompletableFuture.allOf(
        spirits.stream()
            .map(each)
            .map(CompletionStage::toCompletableFuture)
            .toArray(CompletableFuture<?>[]::new));
  }

  /** One of the two hosts, with what it knows. */
  private final class Wing {
    private final Hosts hosts;
    private ActorRef<HostCommand> host;

    Wing(String name) {
      this.hosts =
          new Hosts(system, name) {
            @Override
            void announce(ActorContext<HostCommand> self) {
              // Nobody else is to know of it.
            }

            @Override
            String nodeOf(ActorRef<HostCommand> ref) {
              return ref.path().name().replace("wire-", "");
            }
          };
    }

    SpiritContext context() {
      ClusterSharding sharding = ClusterSharding.get(system);
      Residents residents = new Residents(modules::engine);
      DeploymentSource source =
          new DeploymentSource() {
            @Override
            public Optional<Deployment> find(String type) {
              return Optional.of(deployment);
            }

            @Override
            public byte[] moduleBytes(ModuleDigest digest) {
              return module;
            }
          };
      return new SpiritContext(
          sharding,
          hosts,
          source,
          this::load,
          Processes.NONE,
          // These Spirits have no use for spaces, nor for a history.
          null,
          new WakeIndex(sharding, hosts, system.ignoreRef()),
          new LetterRegister(sharding, hosts),
          residents,
          new MailboxBudget(settings.maxNodeMailboxBytes()),
          new SpiritMeters(new CompositeMeterRegistry(), 0),
          TurnSpans.OFF,
          new Swaps(hosts, source, residents, null, settings),
          settings,
          Clock.systemUTC());
    }

    private CompiledModule load(Configured configured) {
      return modules.load(
          new ModuleDigest(configured.getModuleDigest()),
          digest -> module,
          configured.getEngine(),
          Configurations.limits(configured));
    }

    void start(ActorRef<HostCommand> other) {
      hosts.start(host);
      hosts.listed(List.of(host, other), List.of(host, other));
    }

    CompletionStage<?> bringUp(String spirit) {
      return AskPattern.<HostCommand, DeliveryReply>ask(
          host,
          replyTo -> new HostCommand.Addressed(spirit, message(replyTo), system.ignoreRef(), true),
          TIMEOUT,
          system.scheduler());
    }

    CompletionStage<?> ask(String spirit) {
      return AskPattern.<HostCommand, DeliveryReply>ask(
          host,
          replyTo -> new HostCommand.Send(spirit, message(replyTo)),
          TIMEOUT,
          system.scheduler());
    }

    private SpiritCommand message(ActorRef<DeliveryReply> replyTo) {
      return new SpiritCommand.Deliver(
          Message.newBuilder()
              .setId("call:" + UUID.randomUUID())
              .setPayload(ByteString.copyFrom(NOTHING))
              .build(),
          replyTo);
    }

    CompletionStage<DrainReply> drain(boolean on) {
      return AskPattern.ask(
          host, replyTo -> new HostCommand.Drain(on, replyTo), TIMEOUT, system.scheduler());
    }
  }
}
