package io.vudo.node.benchmark.pause;

import com.typesafe.config.Config;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;

/** Sharding and persistence as Pekko has them. */
final class StockMember implements Member {
  private static final Duration FILL_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration LEAVE_PATIENCE = Duration.ofMinutes(2);

  private final ActorSystem<Void> system;
  private final ClusterSharding sharding;
  private final Cluster cluster;
  private final Duration timeout;

  StockMember(Config config, Duration timeout) {
    this.timeout = timeout;
    this.system = ActorSystem.create(Behaviors.empty(), "vudo", config);
    this.cluster = Cluster.get(system);
    if (config.getStringList("pekko.cluster.seed-nodes").isEmpty()) {
      cluster.manager().tell(Join.create(cluster.selfMember().address()));
    }
    this.sharding = ClusterSharding.get(system);
    sharding.init(Entity.of(StockEntity.KEY, context -> StockEntity.create(context.getEntityId())));
  }

  @Override
  public String address() {
    return cluster.selfMember().address().getHost().orElseThrow()
        + ":"
        + cluster.selfMember().address().getPort().orElseThrow();
  }

  @Override
  public int membersUp() {
    if (!cluster.state().getUnreachable().isEmpty()) {
      return 0;
    }
    return (int)
        StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
            .filter(member -> member.status().equals(MemberStatus.up()))
            .count();
  }

  @Override
  public void prepare() {}

  @Override
  public CompletionStage<Long> fill(int entity, int bytes) {
    return sharding
        .entityRefFor(StockEntity.KEY, Integer.toString(entity))
        .ask(replyTo -> new StockEntity.Fill(bytes, replyTo), FILL_TIMEOUT);
  }

  @Override
  public CompletionStage<Long> ping(int entity) {
    return sharding
        .entityRefFor(StockEntity.KEY, Integer.toString(entity))
        .<Long>ask(StockEntity.Ping::new, timeout)
        // Where Spirits answer too: on its own the stage starts a thread for each callback.
        .thenApplyAsync(Function.identity(), system.executionContext());
  }

  @Override
  public Set<Integer> residents() {
    return Set.copyOf(StockEntity.RESIDENT);
  }

  @Override
  public CompletionStage<Long> move(int entity, String address) {
    throw new UnsupportedOperationException("Sharding moves shards, when it wants to");
  }

  @Override
  public void leave() throws Exception {
    system.terminate();
    var unused =
        system
            .getWhenTerminated()
            .toCompletableFuture()
            .get(LEAVE_PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }
}
