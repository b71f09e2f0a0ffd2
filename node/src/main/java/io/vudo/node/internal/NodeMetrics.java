package io.vudo.node.internal;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.ModuleCache;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;

/**
 * The meters of one node, as Prometheus reads them; docs/metrics.md has their names. Each node of a
 * process has its own registry, and nothing is in Micrometer's global one. Thread-safe.
 */
final class NodeMetrics implements AutoCloseable {
  private static final List<MemberStatus> STATES =
      List.of(
          MemberStatus.joining(),
          MemberStatus.weaklyUp(),
          MemberStatus.up(),
          MemberStatus.leaving(),
          MemberStatus.exiting(),
          MemberStatus.down());

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics collections = new JvmGcMetrics();

  NodeMetrics() {
    new ClassLoaderMetrics().bindTo(registry);
    new JvmMemoryMetrics().bindTo(registry);
    collections.bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
  }

  MeterRegistry registry() {
    return registry;
  }

  /** All meters, in Prometheus' text format, version 0.0.4. */
  String scrape() {
    return registry.scrape();
  }

  /** Instances and compiled modules. */
  void bindTo(Engines engines) {
    for (String name : Engines.names()) {
      Engine engine = engines.engine(name);
      Gauge.builder("vudo.engine.instances", engine, Engine::liveInstances)
          .description("Live instances of guests")
          .tag("engine", name)
          .register(registry);
      Gauge.builder("vudo.engine.instances.limit", engine, Engine::maxInstances)
          .description("How many instances the engine bears")
          .tag("engine", name)
          .register(registry);
    }
    ModuleCache modules = engines.modules();
    loads("hit", modules, ModuleCache::hits);
    loads("compiled", modules, ModuleCache::compiled);
    loads("failed", modules, ModuleCache::failed);
    FunctionTimer.builder(
            "vudo.module.compile",
            modules,
            ModuleCache::compiled,
            cache -> (double) cache.compileNanos(),
            TimeUnit.NANOSECONDS)
        .description("Admitting and compiling modules")
        .register(registry);
    Gauge.builder("vudo.modules", modules, ModuleCache::size)
        .description("Compiled modules in memory")
        .register(registry);
  }

  private void loads(String result, ModuleCache modules, ToDoubleFunction<ModuleCache> value) {
    FunctionCounter.builder("vudo.module.loads", modules, value)
        .description("Modules that Spirits or deployments asked for")
        .tag("result", result)
        .register(registry);
  }

  /** What comes from other nodes, and goes there. */
  void bindTo(ModuleExchange modules) {
    FunctionCounter.builder("vudo.modules.fetched", modules, ModuleExchange::modulesFetched)
        .description("Modules that came from other nodes, or from the shared journal")
        .register(registry);
    moved("in", modules, ModuleExchange::bytesFetched);
    moved("out", modules, ModuleExchange::bytesServed);
  }

  private void moved(
      String direction, ModuleExchange modules, ToDoubleFunction<ModuleExchange> value) {
    FunctionCounter.builder("vudo.module.moved", modules, value)
        .baseUnit("bytes")
        .description("Bytes of modules between nodes, and from the shared journal")
        .tag("direction", direction)
        .register(registry);
  }

  /** The members of the cluster, as this node sees them. */
  void bindTo(ActorSystem<?> system) {
    Cluster cluster = Cluster.get(Adapter.toClassic(system));
    for (MemberStatus status : STATES) {
      Gauge.builder("vudo.cluster.members", cluster, now -> count(now, status))
          .description("Members of the cluster, as this node sees them")
          .tag("status", status.toString().toLowerCase(Locale.ROOT))
          .register(registry);
    }
    Gauge.builder("vudo.cluster.unreachable", cluster, now -> now.state().getUnreachable().size())
        .description("Members of the cluster that this node cannot reach")
        .register(registry);
  }

  private static int count(Cluster cluster, MemberStatus status) {
    int count = 0;
    for (Member member : cluster.state().getMembers()) {
      count += member.status().equals(status) ? 1 : 0;
    }
    return count;
  }

  /** What is deployed. */
  void bindTo(Deployments deployments) {
    Gauge.builder("vudo.deployments", deployments, known -> known.all().size())
        .description("Deployed types that this node knows")
        .register(registry);
  }

  /** Whether the node is alive and ready, part by part, as its health checks say. */
  void bindTo(Health health) {
    for (Health.Part part : Health.Part.values()) {
      Gauge.builder("vudo.health", health, now -> now.why(part).isEmpty() ? 1 : 0)
          .description("1 when this part of the node is as it should be, else 0")
          .tag("part", part.label())
          .register(registry);
    }
  }

  @Override
  public void close() {
    collections.close();
    registry.close();
  }
}
