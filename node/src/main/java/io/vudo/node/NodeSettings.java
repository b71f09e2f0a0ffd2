package io.vudo.node;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValueFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * What a node is told before it starts. Immutable; every {@code with} answers a copy.
 *
 * <pre>{@code
 * NodeSettings settings =
 *     NodeSettings.defaults().withData(Path.of("/var/lib/vudo")).withHttpPort(8080);
 * }</pre>
 *
 * @param data the data directory
 * @param host the address of the cluster port
 * @param port the cluster port; 0 = any free one
 * @param httpHost the address of the gateway
 * @param httpPort the gateway's port; 0 = any free one
 * @param config everything else: {@code vudo.*} and Pekko's own settings, resolved
 */
public record NodeSettings(
    Path data, String host, int port, String httpHost, int httpPort, Config config) {
  private static final String PEKKO_LAYER = "io/vudo/node/pekko.conf";
  private static final int MAX_PORT = 65_535;

  public NodeSettings {
    Objects.requireNonNull(data);
    Objects.requireNonNull(host);
    Objects.requireNonNull(httpHost);
    Objects.requireNonNull(config);
    checkPort("the cluster port", port);
    checkPort("the HTTP port", httpPort);
  }

  /** The defaults, with the overrides that system properties ({@code -Dvudo.…}) give. */
  public static NodeSettings defaults() {
    return layered(ConfigFactory.empty());
  }

  /**
   * The defaults under a HOCON file of the user's, under system properties.
   *
   * @throws VudoException {@code CONFIG_INVALID}: the file is missing or malformed, sets a {@code
   *     vudo} key that does not exist, or gives a value of a wrong type or range
   */
  public static NodeSettings fromFile(Path file) {
    if (!Files.isReadable(file)) {
      throw new VudoException(ErrorCode.CONFIG_INVALID, "Cannot read " + file + ".");
    }
    try {
      return layered(ConfigFactory.parseFile(file.toFile()));
    } catch (ConfigException e) {
      throw invalid(e);
    }
  }

  /**
   * The defaults under this configuration, under system properties; for nodes inside of another
   * program.
   *
   * @throws VudoException {@code CONFIG_INVALID}
   */
  public static NodeSettings of(Config user) {
    return layered(user);
  }

  private static NodeSettings layered(Config user) {
    try {
      Config reference = ConfigFactory.defaultReference();
      refuseUnknownKeys(user.resolveWith(reference), reference);
      Config config =
          ConfigFactory.defaultOverrides()
              .withFallback(user)
              .withFallback(ConfigFactory.parseResourcesAnySyntax(PEKKO_LAYER))
              .withFallback(ConfigFactory.defaultReferenceUnresolved())
              .resolve();
      Config vudo = config.getConfig("vudo");
      NodeSettings settings =
          new NodeSettings(
              Path.of(vudo.getString("node.data")),
              vudo.getString("node.host"),
              vudo.getInt("node.port"),
              vudo.getString("http.host"),
              vudo.getInt("http.port"),
              config);
      settings.defaultLimits();
      checkPort("the gRPC port", vudo.getInt("grpc.port"));
      return settings;
    } catch (ConfigException e) {
      throw invalid(e);
    }
  }

  public NodeSettings withData(Path value) {
    return new NodeSettings(value, host, port, httpHost, httpPort, config);
  }

  /** With this engine for deployments that do not choose one; checked when the node starts. */
  public NodeSettings withEngine(String value) {
    return with("vudo.node.engine", value);
  }

  /**
   * With these seeds, each {@code HOST:PORT} or {@code self}; checked when the node starts. Empty:
   * a cluster of its own.
   */
  public NodeSettings withSeeds(List<String> values) {
    return with("vudo.cluster.seeds", List.copyOf(values));
  }

  /** With the journal at this JDBC URL; empty: the one in the data directory. */
  public NodeSettings withJournal(String url) {
    return with("vudo.journal.url", url);
  }

  /**
   * With a directory of scripts, which are deployed as they are there; checked when the node
   * starts.
   */
  public NodeSettings withScripts(Path directory) {
    return with("vudo.scripts.directory", directory.toString());
  }

  /**
   * With TLS between nodes, by these PEM files; checked when the node starts.
   *
   * @param certificate of this node
   * @param key of this node
   * @param ca the certificate that issued those of all nodes
   */
  public NodeSettings withTls(Path certificate, Path key, Path ca) {
    return with("vudo.cluster.tls.certificate", certificate.toString())
        .with("vudo.cluster.tls.key", key.toString())
        .with("vudo.cluster.tls.ca", ca.toString());
  }

  private NodeSettings with(String path, Object value) {
    return new NodeSettings(
        data,
        host,
        port,
        httpHost,
        httpPort,
        config.withValue(path, ConfigValueFactory.fromAnyRef(value)));
  }

  public NodeSettings withHost(String value) {
    return new NodeSettings(data, value, port, httpHost, httpPort, config);
  }

  public NodeSettings withPort(int value) {
    return new NodeSettings(data, host, value, httpHost, httpPort, config);
  }

  public NodeSettings withHttpHost(String value) {
    return new NodeSettings(data, host, port, value, httpPort, config);
  }

  /**
   * With gRPC on this port; 0 = any free one. The address is that of the gateway, or {@code
   * vudo.grpc.host}.
   */
  public NodeSettings withGrpcPort(int value) {
    checkPort("the gRPC port", value);
    return with("vudo.grpc.port", value).with("vudo.grpc.enabled", true);
  }

  public NodeSettings withHttpPort(int value) {
    return new NodeSettings(data, host, port, httpHost, value, config);
  }

  /**
   * What a deployment gets that does not say otherwise.
   *
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public SpiritLimits defaultLimits() {
    Config limits = config.getConfig("vudo.limits");
    return new SpiritLimits(
        limits.getLong("fuel-per-turn"),
        limits.getBytes("max-memory-bytes"),
        limits.getInt("max-table-entries"),
        limits.getInt("max-call-depth"),
        limits.getDuration("turn-timeout").toMillis(),
        limits.getInt("max-mailbox"),
        Math.toIntExact(Math.min(limits.getBytes("max-payload-bytes"), Integer.MAX_VALUE)));
  }

  /** A misspelt key would otherwise be ignored, and its default silently stay. */
  private static void refuseUnknownKeys(Config user, Config reference) {
    if (!user.hasPath("vudo")) {
      return;
    }
    List<String> unknown =
        user.getConfig("vudo").entrySet().stream()
            .map(entry -> "vudo." + entry.getKey())
            .filter(path -> !reference.hasPathOrNull(path) && !insideDispatcher(path))
            .sorted()
            .toList();
    if (!unknown.isEmpty()) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "There is no setting " + String.join(", ", unknown) + ".");
    }
  }

  /** Dispatchers take any of Pekko's keys. */
  private static boolean insideDispatcher(String path) {
    return ConfigUtil.splitPath(path).stream().anyMatch(part -> part.endsWith("-dispatcher"));
  }

  private static void checkPort(String name, int value) {
    if (value < 0 || value > MAX_PORT) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, name + " is " + value + "; ports are 0 to " + MAX_PORT + ".");
    }
  }

  private static VudoException invalid(ConfigException e) {
    return new VudoException(ErrorCode.CONFIG_INVALID, e.getMessage() + ".", e);
  }
}
