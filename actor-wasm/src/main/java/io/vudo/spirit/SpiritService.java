package io.vudo.spirit;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.actor.ServiceSystem;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Extension;
import org.apache.pekko.actor.typed.ExtensionId;

/**
 * A JVM program that is a member of the nodes' cluster and talks to Spirits with no gateway
 * between: messages go straight to the node that has the Spirit, and follow it when it moves.
 *
 * <p>The program is an actor system of the name {@code vudo} with the cluster role {@value #ROLE}.
 * It hosts nothing of the nodes: no Spirit, no shard, no part of a space. No node waits for it, and
 * it has no vote when the cluster splits. It needs neither journal nor engine.
 *
 * <pre>{@code
 * Config config =
 *     ConfigFactory.parseString(
 *             "pekko.remote.artery.canonical { hostname = 10.0.0.9, port = 0 }\n"
 *                 + "pekko.cluster.seed-nodes = [\"pekko://vudo@10.0.0.1:7355\"]")
 *         .withFallback(SpiritService.config())
 *         .withFallback(ConfigFactory.load());
 * ActorSystem<Void> system = ActorSystem.create(Behaviors.empty(), "vudo", config);
 * SpiritService service = SpiritService.join(system);
 * SpiritRef alice = service.spirit("counter/alice");
 * alice.ask("add", "1".getBytes(UTF_8), "", Duration.ofSeconds(5));
 * }</pre>
 *
 * <p>Who reaches the cluster port is trusted: a service may send anything to any Spirit.
 * Thread-safe, never blocks.
 */
public final class SpiritService implements Extension {
  /** The cluster role of services. */
  public static final String ROLE = "service";

  private static final Id ID = new Id();

  private final ServiceSystem system;

  private SpiritService(ServiceSystem system) {
    this.system = system;
  }

  /**
   * What a service wants of Pekko, for the layer below the program's own settings: the role, and
   * all in which the members of one cluster must agree.
   */
  public static Config config() {
    return ConfigFactory.parseResources(SpiritService.class, "service.conf");
  }

  /**
   * Begins to take part. The system becomes a member by its own settings ({@code
   * pekko.cluster.seed-nodes}, all of them nodes) or by {@code Cluster.join}, before or after this.
   * What is sent before that waits. Calling it again answers the same.
   *
   * @param system named {@code vudo} like that of the nodes
   * @throws VudoException {@code CONFIG_INVALID} when the system is not in a cluster, lacks the
   *     role {@value #ROLE}, or has that of nodes
   */
  public static SpiritService join(ActorSystem<?> system) {
    return system.registerExtension(ID);
  }

  /**
   * Completes when a node is known that has Spirits. Fails with {@code CLUSTER_UNREACHABLE} when
   * the actor system ends before.
   */
  public CompletionStage<Void> ready() {
    return system.ready();
  }

  /**
   * The way to a Spirit, which need not exist yet. Cheap; nothing is sent.
   *
   * @param id {@code TYPE/ID}
   * @throws VudoException {@code SPIRIT_ID_INVALID}, {@code SPIRIT_TYPE_INVALID}
   */
  public SpiritRef spirit(String id) {
    return spirit(SpiritId.parse(id));
  }

  /** The way to a Spirit, which need not exist yet. */
  public SpiritRef spirit(SpiritId id) {
    return new SpiritRef(system, id);
  }

  /**
   * Lets Spirits send to an actor and ask it by name: {@code actor/NAME}, by the same host
   * functions as each other, with the grant {@code cross_sandbox_call:actor/NAME}.
   *
   * <p><b>What holds.</b> What a Spirit has sent is delivered at least once, until the actor has
   * acknowledged it: it waits in the Spirit's outbox, durably, and is sent again. The messages of
   * one Spirit come in order, one at a time. As long as this process lives and remembers the
   * Spirit, and the actor acknowledges in time, each comes once. After the process has ended, those
   * that it had not acknowledged come again, with the same ids.
   *
   * <p>The reply to a question is recorded in the Spirit's turn: a replay does not ask again. A
   * crash of the Spirit's node before that may ask again, under the same id.
   *
   * <p>While nobody has the name, messages wait, and questions do until their time is over. Several
   * actors may have one name, in one service or in several: each Spirit talks to one of them. Which
   * one changes when one comes or goes; what the old one has not acknowledged comes to the new one.
   *
   * @param name 1 to 128 of letters, digits and {@code _ - . : @ ~ + =}
   * @param actor of this actor system; the name is free when it stops
   * @throws VudoException {@code SPIRIT_ID_INVALID} for the name, {@code REQUEST_INVALID} for the
   *     actor
   */
  public ActorRegistration register(String name, ActorRef<ActorMessage> actor) {
    return system.register(name, actor);
  }

  /** The same for an actor that begins, and ends, with its registration. */
  public ActorRegistration register(String name, Behavior<ActorMessage> actor) {
    return system.registerNew(name, actor);
  }

  private static final class Id extends ExtensionId<SpiritService> {
    @Override
    public SpiritService createExtension(ActorSystem<?> actorSystem) {
      return new SpiritService(new ServiceSystem(actorSystem));
    }
  }
}
