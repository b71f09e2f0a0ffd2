package io.vudo.spirit;

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
    return new SpiritRuntime(new SpiritSystem(system, deployments, modules));
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
    return system.ask(to, messageType, payload, idempotencyKey, timeout);
  }

  @Override
  public CompletionStage<Void> tell(
      SpiritId to, String messageType, byte[] payload, String idempotencyKey, Duration timeout) {
    return system.ask(to, messageType, payload, idempotencyKey, timeout).thenAccept(reply -> {});
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
  public List<SpiritStatus> resident() {
    return system.resident();
  }
}
