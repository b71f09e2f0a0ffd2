package io.vudo.node.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.node.NodeSettings;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.SpiritRuntime;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What {@code vudo.cluster} means, checked before anything is opened.
 *
 * @param seeds whom to ask for a place
 * @param alone whether the node founds a cluster of its own
 * @param management whether Pekko Management runs
 * @param drainTimeout how long a leaving node may move its Spirits
 * @param pekko what Pekko has to be told
 */
record ClusterConfig(
    Seeds seeds, boolean alone, boolean management, Duration drainTimeout, Config pekko) {
  /** What stands around the moves of a drain in its phase. */
  private static final Duration DRAIN_MARGIN = Duration.ofSeconds(2);

  /**
   * Reads the settings.
   *
   * @throws VudoException {@code CONFIG_INVALID}, {@code TLS_INVALID}
   */
  static ClusterConfig of(NodeSettings settings) {
    Config cluster = settings.config().getConfig("vudo.cluster");
    Seeds seeds = new Seeds(cluster.getStringList("seeds"));
    boolean management = cluster.getBoolean("management.enabled");
    boolean alone =
        seeds.isEmpty() && settings.config().getStringList("pekko.cluster.seed-nodes").isEmpty();
    if (!alone && settings.config().getString("vudo.journal.url").isEmpty()) {
      throw invalid(
          "A cluster needs a journal that all of its nodes share: --journal jdbc:postgresql://…"
              + " A node that has its own in its data directory cannot have seeds.");
    }
    Duration drainTimeout = settings.config().getDuration("vudo.spirit.move.drain-timeout");
    Map<String, Object> pekko = new HashMap<>();
    pekko.put(
        "pekko.coordinated-shutdown.phases.before-cluster-shutdown.timeout",
        drainTimeout.plus(DRAIN_MARGIN).toMillis() + " ms");
    // The phase in which Spirits move away; Pekko would cut it off after 5 s.
    pekko.put(
        "pekko.coordinated-shutdown.phases.before-service-unbind.timeout",
        drainTimeout.plus(DRAIN_MARGIN).toMillis() + " ms");
    // Only nodes host Spirits, shards and the register; other members, like services, have other
    // roles.
    Set<String> roles = new TreeSet<>(settings.config().getStringList("pekko.cluster.roles"));
    roles.add(SpiritRuntime.ROLE);
    pekko.put("pekko.cluster.roles", List.copyOf(roles));
    pekko.put("pekko.cluster.sharding.role", SpiritRuntime.ROLE);
    pekko.put("pekko.cluster.singleton.role", SpiritRuntime.ROLE);
    if (management) {
      String host = cluster.getString("management.host");
      pekko.put("pekko.management.http.hostname", host.isEmpty() ? settings.host() : host);
      pekko.put("pekko.management.http.port", cluster.getInt("management.port"));
    }
    return new ClusterConfig(
        seeds,
        alone,
        management,
        drainTimeout,
        ConfigFactory.parseMap(pekko, "vudo.cluster")
            .withFallback(ClusterTls.settings(cluster.getConfig("tls"))));
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.CONFIG_INVALID, detail);
  }
}
