package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.NodeSettings;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.NodeAssembly;
import io.vudo.node.process.ProcessRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "node",
    description = {
      "Start a node and serve until SIGTERM or Ctrl-C.",
      "",
      "Prints one line on stdout when it is ready."
    })
final class NodeCommand extends VudoCommand {
  /** Where a node logs. */
  enum LogTo {
    FILE,
    STDERR
  }

  /** What a line of the log is. */
  enum LogFormat {
    TEXT,
    JSON;

    /** As the environment says. */
    static LogFormat ofEnvironment() {
      String name = System.getenv().getOrDefault("VUDO_LOG_FORMAT", "");
      for (LogFormat format : values()) {
        if (format.name().equalsIgnoreCase(name)) {
          return format;
        }
      }
      if (name.isEmpty()) {
        return TEXT;
      }
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "VUDO_LOG_FORMAT is \"" + name + "\"; it is text or json.");
    }
  }

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Where its state lives; ./vudo-data by default.")
  private Path data;

  @Option(
      names = "--http",
      paramLabel = "N",
      description = "The port of HTTP, 0 for any free one; 7070 by default.")
  private Integer httpPort;

  @Option(
      names = "--grpc-port",
      paramLabel = "PORT",
      description = "Takes gRPC calls on this port; 0 = any free one. Off by default.")
  private Integer grpcPort;

  @Option(
      names = "--http-host",
      paramLabel = "HOST",
      description = "The address of HTTP; 127.0.0.1 by default.")
  private String httpHost;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "The port of the cluster, 0 for any free one; 7355 by default.")
  private Integer port;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "The address of the cluster port; 127.0.0.1 by default.")
  private String host;

  @Option(
      names = "--engine",
      paramLabel = "NAME",
      description = "The engine of deployments that do not choose one; wasmtime by default.")
  private String engine;

  @Option(
      names = "--seed",
      paramLabel = "HOST:PORT|self",
      description = {
        "A node of the cluster to join, by its cluster port; may be repeated.",
        "The first one founds the cluster when no other answers; self is this node."
      })
  private List<String> seeds = List.of();

  @Option(
      names = "--journal",
      paramLabel = "URL",
      description = "The journal that all nodes of a cluster share: jdbc:postgresql://…")
  private String journal;

  @Option(
      names = "--scripts",
      paramLabel = "DIR",
      description = {
        "A directory whose modules are deployed, and swapped when they change:",
        "foo/bar.wasm answers as scripts.foo.bar."
      })
  private Path scripts;

  @Option(
      names = "--tls-certificate",
      paramLabel = "FILE",
      description = "TLS between nodes: this node's certificate, PEM.")
  private Path tlsCertificate;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      description = "TLS between nodes: this node's RSA key, PEM.")
  private Path tlsKey;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "TLS between nodes: what issued the nodes' certificates, PEM.")
  private Path tlsCa;

  @Option(names = "--config", paramLabel = "FILE", description = "Settings in HOCON.")
  private Path configFile;

  @Option(
      names = "--log-to",
      paramLabel = "file|stderr",
      description = "Where it logs; DIR/logs/node.log by default.")
  private LogTo logTo = LogTo.FILE;

  @Option(
      names = "--log-format",
      paramLabel = "text|json",
      description =
          "Lines of text, or one JSON object a line; by default what VUDO_LOG_FORMAT says, else"
              + " text.")
  private LogFormat logFormat;

  NodeCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    NodeSettings settings = settings();
    prepareLogging(settings.data());
    terminal().progress("Starting the node …");
    NodeAssembly node = NodeAssembly.start(settings, new ProcessRegistry());
    // A signal is a clean end, whose exit code the hook decides; an end without one is not.
    AtomicBoolean signalled = new AtomicBoolean();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  signalled.set(true);
                  stop(node);
                },
                "vudo-stop"));
    printReady(settings, node);
    node.whenEnded().toCompletableFuture().join();
    if (signalled.get() || node.hasLeft()) {
      return 0;
    }
    throw new VudoException(
        ErrorCode.SPIRIT_UNAVAILABLE, "The cluster put this node out; the log says why.");
  }

  private NodeSettings settings() {
    NodeSettings settings =
        configFile == null ? NodeSettings.defaults() : NodeSettings.fromFile(configFile);
    settings = data == null ? settings : settings.withData(data);
    settings = engine == null ? settings : settings.withEngine(engine);
    settings = host == null ? settings : settings.withHost(host);
    settings = port == null ? settings : settings.withPort(port);
    settings = seeds.isEmpty() ? settings : settings.withSeeds(seeds);
    settings = journal == null ? settings : settings.withJournal(journal);
    settings = scripts == null ? settings : settings.withScripts(scripts);
    settings = withTls(settings);
    settings = httpHost == null ? settings : settings.withHttpHost(httpHost);
    settings = grpcPort == null ? settings : settings.withGrpcPort(grpcPort);
    return httpPort == null ? settings : settings.withHttpPort(httpPort);
  }

  private NodeSettings withTls(NodeSettings settings) {
    List<Path> given = Stream.of(tlsCertificate, tlsKey, tlsCa).filter(Objects::nonNull).toList();
    if (given.isEmpty()) {
      return settings;
    }
    if (given.size() < 3) {
      throw new VudoException(
          ErrorCode.TLS_INVALID, "--tls-certificate, --tls-key and --tls-ca go together.");
    }
    return settings.withTls(tlsCertificate, tlsKey, tlsCa);
  }

  private void prepareLogging(Path directory) {
    LogFormat format = logFormat == null ? LogFormat.ofEnvironment() : logFormat;
    String suffix = format == LogFormat.JSON ? "-json" : "";
    if (logTo == LogTo.STDERR) {
      Logging.use("logback-stderr" + suffix);
      return;
    }
    Path logs = directory.resolve("logs");
    try {
      Files.createDirectories(logs);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, logs + ": " + e, e);
    }
    System.setProperty("vudo.log.file", logs.resolve("node.log").toString());
    Logging.use("logback-file" + suffix);
  }

  private void printReady(NodeSettings settings, NodeAssembly node) {
    String engine = settings.config().getString("vudo.node.engine");
    long pid = ProcessHandle.current().pid();
    Optional<String> grpc =
        node.grpcAddress().map(address -> address.getHostString() + ":" + address.getPort());
    if (isJson()) {
      ObjectNode ready =
          Json.object().put("ready", true).put("http", node.httpAddress().toString());
      grpc.ifPresent(address -> ready.put("grpc", address));
      print(ready.put("data", settings.data().toString()).put("engine", engine).put("pid", pid));
    } else {
      print(
          "VUDO node ready: "
              + node.httpAddress()
              + grpc.map(address -> ", gRPC " + address).orElse("")
              + " (data "
              + settings.data()
              + ", engine "
              + engine
              + ", pid "
              + pid
              + ")");
    }
    terminal().out().flush();
  }

  /**
   * Runs when the process ends, for whatever reason. The JVM would report a signal as exit code
   * 143; a node that drained and closed its journal has done what it was asked.
   */
  private static void stop(NodeAssembly node) {
    boolean endedBefore = node.whenEnded().toCompletableFuture().isDone();
    node.close();
    boolean failed =
        (endedBefore && !node.hasLeft())
            || node.whenEnded().toCompletableFuture().isCompletedExceptionally();
    ILoggerFactory loggers = LoggerFactory.getILoggerFactory();
    if (loggers instanceof AutoCloseable closeable) {
      closeQuietly(closeable);
    }
    Runtime.getRuntime().halt(failed ? 1 : 0);
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      // The process is ending; a log that does not close is all that is lost.
      System.err.println(e);
    }
  }
}
