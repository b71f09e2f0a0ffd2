package io.vudo.node.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.NodeSettings;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.SpiritRuntime;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.Spirits;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;

/** What {@code GET /v1/status} says of the node. */
final class NodeStatus {
  private static final Duration HOST_TIMEOUT = Duration.ofSeconds(1);

  private final NodeSettings settings;
  private final ActorSystem<?> system;
  private final Engines engines;
  private final Spirits spirits;
  private final Deployments deployments;
  private final ModuleExchange modules;

  NodeStatus(
      NodeSettings settings,
      ActorSystem<?> system,
      Engines engines,
      Spirits spirits,
      Deployments deployments,
      ModuleExchange modules) {
    this.settings = settings;
    this.system = system;
    this.engines = engines;
    this.spirits = spirits;
    this.deployments = deployments;
    this.modules = modules;
  }

  private ObjectNode engine(String name) {
    Engine engine = engines.engine(name);
    return Json.object()
        .put("name", name)
        .put("liveInstances", engine.liveInstances())
        .put("maxInstances", engine.maxInstances());
  }

  /** What the node says now; without its place in the cluster when that takes too long. */
  CompletionStage<ObjectNode> now() {
    return spirits
        .relocations()
        .here(HOST_TIMEOUT)
        .handle(
            (host, failure) -> {
              ObjectNode node = local();
              if (failure == null) {
                node.put("node", host.node());
                ClusterRoutes.put(node.putObject("host"), host);
              }
              return node;
            });
  }

  private ObjectNode local() {
    List<SpiritStatus> resident = spirits.resident();
    Runtime runtime = Runtime.getRuntime();
    ObjectNode node = Json.object().put("version", Version.text());
    node.put("data", settings.data().toAbsolutePath().normalize().toString())
        .put("pid", ProcessHandle.current().pid())
        .put("uptimeMillis", system.uptime() * 1_000);
    String defaultEngine = settings.config().getString("vudo.node.engine");
    node.set("engine", engine(defaultEngine));
    ArrayNode all = node.putArray("engines");
    for (String name : Engines.names()) {
      all.add(engine(name).put("default", name.equals(defaultEngine)));
    }
    node.putObject("spirits")
        .put("resident", resident.size())
        .put("waiting", resident.stream().mapToLong(SpiritStatus::waiting).sum())
        .put("memoryBytes", resident.stream().mapToLong(SpiritStatus::memoryBytes).sum());
    node.put("deployments", deployments.all().size());
    node.putObject("modules")
        .put("fetched", modules.modulesFetched())
        .put("bytesFetched", modules.bytesFetched())
        .put("bytesServed", modules.bytesServed());
    node.putObject("heap")
        .put("usedBytes", runtime.totalMemory() - runtime.freeMemory())
        .put("maxBytes", runtime.maxMemory());
    ArrayNode members = node.putArray("members");
    Cluster cluster = Cluster.get(Adapter.toClassic(system));
    Set<Member> unreachable = cluster.state().getUnreachable();
    for (Member member : cluster.state().getMembers()) {
      members
          .addObject()
          .put("address", member.address().hostPort())
          .put("status", member.status().toString())
          .put("role", member.hasRole(SpiritRuntime.ROLE) ? "node" : "service")
          .put("reachable", !unreachable.contains(member))
          .put("self", member.uniqueAddress().equals(cluster.selfUniqueAddress()));
    }
    return node;
  }
}
