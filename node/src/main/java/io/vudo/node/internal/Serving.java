package io.vudo.node.internal;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Extension;

/** Whether the node lives and serves, for Pekko Management: the same as the gateway says. */
final class Serving implements Extension {
  private static final Id ID = new Id();

  private volatile Health health;

  private Serving() {}

  static Serving get(ActorSystem system) {
    return ID.get(system);
  }

  /** From now on this decides. */
  void decidedBy(Health decider) {
    health = decider;
  }

  private CompletionStage<Boolean> isWell(boolean ready) {
    Health now = health;
    return CompletableFuture.completedFuture(now == null ? !ready : now.problems(ready).isEmpty());
  }

  private static final class Id extends AbstractExtensionId<Serving> {
    @Override
    public Serving createExtension(ExtendedActorSystem system) {
      return new Serving();
    }
  }

  /** Whether the process should go on; named in pekko.conf. */
  public static final class Alive implements Supplier<CompletionStage<Boolean>> {
    private final ActorSystem system;

    /** Pekko Management makes it by this constructor. */
    public Alive(ActorSystem system) {
      this.system = system;
    }

    @Override
    public CompletionStage<Boolean> get() {
      return Serving.get(system).isWell(false);
    }
  }

  /** Whether requests should come; named in pekko.conf. */
  public static final class Check implements Supplier<CompletionStage<Boolean>> {
    private final ActorSystem system;

    /** Pekko Management makes it by this constructor. */
    public Check(ActorSystem system) {
      this.system = system;
    }

    @Override
    public CompletionStage<Boolean> get() {
      return Serving.get(system).isWell(true);
    }
  }
}
