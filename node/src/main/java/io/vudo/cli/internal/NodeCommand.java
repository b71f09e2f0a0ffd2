package io.vudo.cli.internal;

import io.vudo.node.NodeSettings;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.NodeAssembly;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
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

  @Option(names = "--config", paramLabel = "FILE", description = "Settings in HOCON.")
  private Path configFile;

  @Option(
      names = "--log-to",
      paramLabel = "file|stderr",
      description = "Where it logs; DIR/logs/node.log by default.")
  private LogTo logTo = LogTo.FILE;

  NodeCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    NodeSettings settings = settings();
    prepareLogging(settings.data());
    terminal().progress("Starting the node …");
    NodeAssembly node = NodeAssembly.start(settings);
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
    if (signalled.get()) {
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
    settings = httpHost == null ? settings : settings.withHttpHost(httpHost);
    return httpPort == null ? settings : settings.withHttpPort(httpPort);
  }

  private void prepareLogging(Path directory) {
    if (logTo == LogTo.STDERR) {
      Logging.use("logback-stderr");
      return;
    }
    Path logs = directory.resolve("logs");
    try {
      Files.createDirectories(logs);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, logs + ": " + e, e);
    }
    System.setProperty("vudo.log.file", logs.resolve("node.log").toString());
    Logging.use("logback-file");
  }

  private void printReady(NodeSettings settings, NodeAssembly node) {
    String engine = settings.config().getString("vudo.node.engine");
    long pid = ProcessHandle.current().pid();
    if (isJson()) {
      print(
          Json.object()
              .put("ready", true)
              .put("http", node.httpAddress().toString())
              .put("data", settings.data().toString())
              .put("engine", engine)
              .put("pid", pid));
    } else {
      print(
          "VUDO node ready: "
              + node.httpAddress()
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
        endedBefore || node.whenEnded().toCompletableFuture().isCompletedExceptionally();
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
