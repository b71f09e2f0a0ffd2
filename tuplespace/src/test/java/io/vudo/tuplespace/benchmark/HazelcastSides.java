package io.vudo.tuplespace.benchmark;

import com.hazelcast.collection.IQueue;
import com.hazelcast.config.Config;
import com.hazelcast.config.InMemoryFormat;
import com.hazelcast.config.IndexConfig;
import com.hazelcast.config.IndexType;
import com.hazelcast.config.MapConfig;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import com.hazelcast.query.Predicates;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** Hazelcast within this process, a cluster of one. */
final class HazelcastSides implements Supplier<List<Side>> {
  /** A job; compact serialization knows records. */
  record Job(String kind, long number, String payload) {}

  @Override
  public List<Side> get() {
    Config config = new Config("benchmark");
    config.setProperty("hazelcast.phone.home.enabled", "false");
    config.setProperty("hazelcast.logging.type", "none");
    config.setProperty("hazelcast.socket.bind.any", "false");
    config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
    config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
    config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
    // As objects, so that a predicate does not have to decode each of them.
    config.addMapConfig(
        new MapConfig("plain").setInMemoryFormat(InMemoryFormat.OBJECT).setBackupCount(0));
    config.addMapConfig(
        new MapConfig("indexed")
            .setInMemoryFormat(InMemoryFormat.OBJECT)
            .setBackupCount(0)
            .addIndexConfig(new IndexConfig(IndexType.HASH, "kind")));
    config.getQueueConfig("default").setBackupCount(0);
    HazelcastInstance hazelcast = Hazelcast.newHazelcastInstance(config);
    return List.of(
        new Queue(hazelcast),
        new Matching("Hazelcast map, predicate, index", hazelcast.getMap("indexed")),
        new Matching("Hazelcast map, predicate", hazelcast.getMap("plain")));
  }

  /** The jobs of all kinds one after the other: it cannot choose. */
  private static final class Queue implements Side {
    private final HazelcastInstance hazelcast;
    private final IQueue<Job> queue;

    Queue(HazelcastInstance hazelcast) {
      this.hazelcast = hazelcast;
      this.queue = hazelcast.getQueue("jobs");
    }

    @Override
    public String name() {
      return "Hazelcast queue, any kind";
    }

    @Override
    public void write(int kind, long number) {
      queue.add(new Job(SpaceBenchmark.kind(kind), number, SpaceBenchmark.PAYLOAD));
    }

    @Override
    public void take(int kind) {
      SpaceBenchmark.check(queue.poll() != null);
    }

    @Override
    public void close() {
      hazelcast.shutdown();
    }
  }

  private static final class Matching implements Side {
    private final String name;
    private final IMap<Long, Job> map;
    private final AtomicLong nextKey = new AtomicLong();

    Matching(String name, IMap<Long, Job> map) {
      this.name = name;
      this.map = map;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void write(int kind, long number) {
      map.set(
          nextKey.getAndIncrement(),
          new Job(SpaceBenchmark.kind(kind), number, SpaceBenchmark.PAYLOAD));
    }

    @Override
    public void take(int kind) {
      while (true) {
        for (Map.Entry<Long, Job> entry :
            map.entrySet(Predicates.equal("kind", SpaceBenchmark.kind(kind)))) {
          if (map.remove(entry.getKey(), entry.getValue())) {
            return;
          }
        }
      }
    }
  }
}
