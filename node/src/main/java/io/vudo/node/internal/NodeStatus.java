package io.vudo.node.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.NodeSettings;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.Spirits;
import java.util.List;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;

/** What {@code GET /v1/status} says of the node. */
final class NodeStatus {
  private final NodeSettings settings;
  private final ActorSystem<?> system;
  private final Engines engines;
  private final Spirits spirits;
  private final Deployments deployments;

  NodeStatus(
      NodeSettings settings,
      ActorSystem<?> system,
      Engines engines,
      Spirits spirits,
      Deployments deployments) {
    this.settings = settings;
    this.system = system;
    this.engines = engines;
    this.spirits = spirits;
    this.deployments = deployments;
  }

  private ObjectNode engine(String name) {
    Engine engine = engines.engine(name);
    return Json.object()
        .put("name", name)
        .put("liveInstances", engine.liveInstances())
        .put("maxInstances", engine.maxInstances());
  }

  ObjectNode now() {
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
    node.putObject("heap")
        .put("usedBytes", runtime.totalMemory() - runtime.freeMemory())
        .put("maxBytes", runtime.maxMemory());
    ArrayNode members = node.putArray("members");
    Cluster cluster = Cluster.get(Adapter.toClassic(system));
    for (Member member : cluster.state().getMembers()) {
      members
          .addObject()
          .put("address", member.address().hostPort())
          .put("status", member.status().toString())
          .put("self", member.uniqueAddress().equals(cluster.selfUniqueAddress()));
    }
    return node;
  }
}
