package io.vudo.spirit;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.internal.actor.SpiritSystem;
import io.vudo.tuplespace.HoldResolver;
import io.vudo.tuplespace.Tuplespace;
import io.vudo.tuplespace.WaitListener;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * Spirits on a node: starts the sharding of all Spirits and is the door to them.
 *
 * <p>One per actor system. The system must be a member of a cluster, its configuration must name
 * the journal ({@code vudo.spirit} in this module's {@code reference.conf}). Thread-safe.
 *
 * <pre>{@code
 * SpiritRuntime spirits = SpiritRuntime.create(system, deployments, engines);
 * Tuplespace spaces = Tuplespace.start(system, spirits.holdResolver(), spirits.waitListener());
 * spirits.start(spaces);
 * spirits.ask(SpiritId.parse("counter/alice"), "add", "1".getBytes(UTF_8), "", Duration.ofSeconds(5));
 * }</pre>
 */
public final class SpiritRuntime implements Spirits {
  /**
   * The cluster role of members that host Spirits. In a cluster that has other members too, each
   * node has it ({@code pekko.cluster.roles}), and shards stay on nodes by it ({@code
   * pekko.cluster.sharding.role}).
   */
  public static final String ROLE = "spirit";

  private final SpiritSystem system;

  private SpiritRuntime(SpiritSystem system) {
    this.system = system;
  }

  /**
   * Prepares the runtime.
   *
   * @param system a member of the cluster
   * @param deployments what types there are and where their modules are
   * @param modules compiles and caches modules
   */
  public static SpiritRuntime create(
      ActorSystem<?> system, DeploymentSource deployments, CompiledModules modules) {
    return create(system, deployments, modules, new CompositeMeterRegistry());
  }

  /**
   * The same, counting in a registry what the Spirits on this node do; docs/metrics.md has the
   * names.
   *
   * @param registry one for each runtime
   */
  public static SpiritRuntime create(
      ActorSystem<?> system,
      DeploymentSource deployments,
      CompiledModules modules,
      MeterRegistry registry) {
    return create(system, deployments, modules, registry, Processes.NONE, OpenTelemetry.noop());
  }

  /**
   * The same, with names that guests call by {@code process} and a span for each turn.
   *
   * @param processes what the names stand for; {@link Processes#NONE} for none
   * @param telemetry makes the spans, with ids of {@link TraceIds}; {@link OpenTelemetry#noop} for
   *     none. docs/tracing.md tells of them
   */
  public static SpiritRuntime create(
      ActorSystem<?> system,
      DeploymentSource deployments,
      CompiledModules modules,
      MeterRegistry registry,
      Processes processes,
      OpenTelemetry telemetry) {
    return new SpiritRuntime(
        new SpiritSystem(system, deployments, modules, registry, processes, telemetry));
  }

  /**
   * Moves some Spirits of no account back and forth within this process, so that the first moves to
   * and from this node are as short as later ones. For a node that others are to share their
   * Spirits with; best before it joins them. Takes some hundred milliseconds to some seconds; never
   * throws.
   *
   * @param system need not be a member of a cluster yet
   * @param modules compiles and caches modules
   * @param engine on which the Spirits run
   * @param times how often each of them moves; 0 for none
   * @return how many moves there were; 0 when it failed, which the log tells
   */
  public static int warmUp(
      ActorSystem<?> system, CompiledModules modules, String engine, int times) {
    return SpiritSystem.warmUp(system, modules, engine, times);
  }

  /** Tells spaces how turns ended that held a tuple. */
  public HoldResolver holdResolver() {
    return system::resolveHold;
  }

  /** Brings Spirits whose turns wait for a tuple what their spaces found. */
  public WaitListener waitListener() {
    return system;
  }

  /** Starts to host Spirits on this node, and wakes those that a crash left with work to do. */
  public void start(Tuplespace tuplespace) {
    system.start(tuplespace);
  }

  @Override
  public CompletionStage<Optional<byte[]>> ask(
      SpiritId to, String messageType, byte[] payload, String idempotencyKey, Duration timeout) {
    return system.ask(to, messageType, payload, idempotencyKey, Optional.empty(), timeout);
  }

  @Override
  public CompletionStage<Optional<byte[]>> askAgain(
      SpiritId to,
      String messageType,
      byte[] payload,
      String idempotencyKey,
      Duration sentBefore,
      Duration timeout) {
    return system.ask(to, messageType, payload, idempotencyKey, Optional.of(sentBefore), timeout);
  }

  @Override
  public CompletionStage<Void> tell(
      SpiritId to, String messageType, byte[] payload, String idempotencyKey, Duration timeout) {
    return ask(to, messageType, payload, idempotencyKey, timeout).thenAccept(reply -> {});
  }

  @Override
  public CompletionStage<Migration> migrate(SpiritId id, String engine, Duration timeout) {
    return system.migrate(id, engine, timeout);
  }

  @Override
  public CompletionStage<Void> restart(SpiritId id, Duration timeout) {
    return system.restart(id, timeout);
  }

  @Override
  public Relocations relocations() {
    return system.relocations();
  }

  @Override
  public SpiritSwaps swaps() {
    return system.swaps();
  }

  @Override
  public SpiritHistory history() {
    return system.history();
  }

  @Override
  public DeadLetters deadLetters() {
    return system.deadLetters();
  }

  @Override
  public Ghosts ghosts() {
    return system.ghosts();
  }

  @Override
  public List<SpiritStatus> resident() {
    return system.resident();
  }
}
