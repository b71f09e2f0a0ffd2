package io.vudo.spirit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.journal.DataDirectory;
import io.vudo.journal.EmbeddedJournal;
import io.vudo.journal.Journal;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.Tuplespace;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.persistence.query.javadsl.CurrentPersistenceIdsQuery;
import org.apache.pekko.stream.javadsl.Sink;

/** Several nodes with Spirits in one process, on one journal. */
final class TestCluster implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofSeconds(60);

  /** A node. */
  final class Node implements DeploymentSource, AutoCloseable {
    final ActorSystem<Void> system;
    final SpiritRuntime spirits;
    final Tuplespace spaces;
    private final Engines engines;

    private Node(String settings, Path cache) {
      Config config =
          ConfigFactory.parseString(settings)
              .withFallback(ConfigFactory.parseString(SETTINGS))
              .withFallback(ConfigFactory.parseString(MEMBER_SETTINGS))
              .withFallback(journal.config())
              .withFallback(ConfigFactory.load())
              .resolve();
      engines = Engines.create(config, cache);
      system = ActorSystem.create(Behaviors.empty(), "vudo", config);
      Cluster cluster = Cluster.get(Adapter.toClassic(system));
      cluster.join(
          nodes.isEmpty()
              ? cluster.selfAddress()
              : Cluster.get(Adapter.toClassic(nodes.get(0).system)).selfAddress());
      await().atMost(PATIENCE).until(() -> cluster.selfMember().status().equals(MemberStatus.up()));
      spirits = SpiritRuntime.create(system, this, engines);
      spaces = Tuplespace.start(system, spirits.holdResolver(), spirits.waitListener());
      spirits.start(spaces);
    }

    String name() {
      return nameOf(system);
    }

    @Override
    public Optional<Deployment> find(String type) {
      return Optional.ofNullable(deployments.get(type));
    }

    @Override
    public byte[] moduleBytes(ModuleDigest digest) {
      return Optional.ofNullable(modules.get(digest))
          .orElseThrow(() -> new VudoException(ErrorCode.MODULE_NOT_FOUND, digest.toString()));
    }

    /** Sends a number and answers the number that came back. */
    CompletableFuture<Long> ask(String spirit, long number) {
      return spirits
          .ask(SpiritId.parse(spirit), "n", bytes(number), "", PATIENCE)
          .thenApply(reply -> number(reply.orElseThrow()))
          .toCompletableFuture();
    }

    int warmUp(int times) {
      return warmUp(times, "wasmtime");
    }

    int warmUp(int times, String engine) {
      return SpiritRuntime.warmUp(system, engines, engine, times);
    }

    /** How many entities the journal knows whose name begins as that of a Spirit. */
    long journaled() {
      return PersistenceQuery.get(system)
          .getReadJournalFor(CurrentPersistenceIdsQuery.class, Journal.QUERY)
          .currentPersistenceIds()
          .filter(id -> id.startsWith("spirit|"))
          .runWith(Sink.seq(), system)
          .toCompletableFuture()
          .join()
          .size();
    }

    /** Ends without a word to the others; then these are told that it is dead. */
    void crash() {
      nodes.remove(this);
      close();
      declareDead(name());
    }

    /** Leaves the cluster as on SIGTERM. */
    void leave() {
      CoordinatedShutdown.get(Adapter.toClassic(system))
          .runAll(CoordinatedShutdown.unknownReason())
          .toCompletableFuture()
          .join();
      system.getWhenTerminated().toCompletableFuture().join();
      nodes.remove(this);
      engines.close();
    }

    /** Without a word to anybody, as a process that is killed. */
    @Override
    public void close() {
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().join();
      engines.close();
    }
  }

  /** A service: an actor system of its own in this process. */
  final class Service implements AutoCloseable {
    final ActorSystem<Void> system;
    final SpiritService spirits;

    private Service(String settings) {
      Config config =
          ConfigFactory.parseString(settings)
              .withFallback(ConfigFactory.parseString(MEMBER_SETTINGS))
              .withFallback(SpiritService.config())
              .withFallback(ConfigFactory.load())
              .resolve();
      system = ActorSystem.create(Behaviors.empty(), "vudo", config);
      Cluster.get(Adapter.toClassic(system))
          .join(Cluster.get(Adapter.toClassic(nodes.get(0).system)).selfAddress());
      spirits = SpiritService.join(system);
    }

    String name() {
      return nameOf(system);
    }

    /** Sends a number and answers the number that came back. */
    CompletableFuture<Long> ask(String spirit, long number, String key) {
      return spirits
          .spirit(spirit)
          .ask("n", bytes(number), key, PATIENCE)
          .thenApply(reply -> number(reply.orElseThrow()))
          .toCompletableFuture();
    }

    /** Without a word to anybody, as a process that is killed. */
    @Override
    public void close() {
      services.remove(this);
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().join();
    }
  }

  static String nameOf(ActorSystem<?> system) {
    return nameOf(Cluster.get(Adapter.toClassic(system)).selfAddress());
  }

  private static String nameOf(Address address) {
    return address.getHost().get() + ":" + address.getPort().get();
  }

  static byte[] bytes(long number) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(number).array();
  }

  static long number(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /** Of nodes and services. What members do from time to time they do more often. */
  private static final String MEMBER_SETTINGS =
      """
      pekko {
        remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
        cluster {
          split-brain-resolver { keep-majority.role = "spirit", stable-after = 1 s }
          down-removal-margin = 1 s
          failure-detector {
            implementation-class = "io.vudo.spirit.TellableDetector"
            # A machine that is overloaded must not look like a death.
            acceptable-heartbeat-pause = 20 s
          }
          unreachable-nodes-reaper-interval = 200 ms
          periodic-tasks-initial-delay = 200 ms
          gossip-interval = 200 ms
          leader-actions-interval = 200 ms
          typed.receptionist {
            distributed-data { gossip-interval = 200 ms, notify-subscribers-interval = 100 ms }
          }
          sharding {
            retry-interval = 500 ms
            handoff-timeout = 10 s
            rebalance-interval = 500 ms
            distributed-data { gossip-interval = 200 ms, notify-subscribers-interval = 100 ms }
          }
        }
        coordinated-shutdown {
          exit-jvm = off
          run-by-jvm-shutdown-hook = off
          run-by-actor-system-terminate = off
        }
      }
      """;

  private static final String SETTINGS =
      """
      pekko {
        actor.provider = cluster
        actor.allow-java-serialization = off
        loglevel = INFO
        loggers = ["org.apache.pekko.event.slf4j.Slf4jLogger"]
        logging-filter = "org.apache.pekko.event.slf4j.Slf4jLoggingFilter"
        remote.artery.advanced.maximum-frame-size = 4 MiB
        cluster {
          jmx.enabled = off
          roles = ["spirit"]
          downing-provider-class = "org.apache.pekko.cluster.sbr.SplitBrainResolverProvider"
          sharding.role = "spirit"
        }
        coordinated-shutdown.phases.before-service-unbind.timeout = 60 s
      }
      """;

  final List<Node> nodes = new ArrayList<>();
  final List<Service> services = new ArrayList<>();
  private final Path folder;
  private final DataDirectory directory;
  private final EmbeddedJournal journal;
  private final Map<String, Deployment> deployments = new ConcurrentHashMap<>();
  private final Map<ModuleDigest, byte[]> modules = new ConcurrentHashMap<>();
  private int started;

  TestCluster(Path folder) {
    this.folder = folder;
    this.directory = DataDirectory.open(folder.resolve("data"));
    this.journal = EmbeddedJournal.open(directory);
  }

  Node start(String... settings) {
    Node node = new Node(String.join("\n", settings), folder.resolve("cache" + ++started));
    nodes.add(node);
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              for (Node one : nodes) {
                assertEquals(
                    nodes.size(),
                    one.spirits
                        .relocations()
                        .nodes(Duration.ofSeconds(5))
                        .toCompletableFuture()
                        .join()
                        .size());
              }
            });
    return node;
  }

  Service service(String... settings) {
    return services(1, settings).get(0);
  }

  List<Service> services(int count, String... settings) {
    List<Service> started = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Service service = new Service(String.join("\n", settings));
      services.add(service);
      started.add(service);
    }
    started.forEach(
        service ->
            service.spirits.ready().toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join());
    return started;
  }

  /** The names of the members, in the eyes of the first node. */
  List<String> members() {
    List<String> names = new ArrayList<>();
    Cluster.get(Adapter.toClassic(nodes.get(0).system))
        .state()
        .getMembers()
        .forEach(member -> names.add(nameOf(member.address())));
    return names;
  }

  /** Spares a test the seconds until the others would find it out. */
  void declareDead(String member) {
    Stream.concat(
            nodes.stream().map(node -> node.system), services.stream().map(each -> each.system))
        .filter(system -> !nameOf(system).equals(member))
        .forEach(
            system ->
                TellableDetector.tell(Cluster.get(Adapter.toClassic(system)), address(member)));
  }

  /** What an operator says of a node that is dead, when no split-brain resolver does. */
  void down(String member) {
    Cluster.get(Adapter.toClassic(nodes.get(0).system)).down(address(member));
  }

  private static Address address(String member) {
    return AddressFromURIString.parse("pekko://vudo@" + member);
  }

  void deploy(String type, byte[] module, String engine, Capability... capabilities) {
    ModuleDigest digest = ModuleDigest.of(module);
    modules.put(digest, module);
    deployments.put(
        type,
        new Deployment(
            type,
            digest,
            engine,
            SpiritLimits.DEFAULTS,
            Set.of(capabilities),
            true,
            deployments.size() + 1,
            System.currentTimeMillis()));
  }

  @Override
  public void close() {
    // All at once: each waits for a second until it has sent what it can.
    services.forEach(service -> service.system.terminate());
    nodes.forEach(node -> node.system.terminate());
    List.copyOf(services).forEach(Service::close);
    nodes.forEach(Node::close);
    journal.close();
    directory.close();
  }
}
