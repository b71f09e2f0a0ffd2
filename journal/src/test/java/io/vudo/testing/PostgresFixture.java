package io.vudo.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.awaitility.core.TerminalFailureException;

/**
 * A PostgreSQL server of the test's own, from Debian's package {@code postgresql}: with a fresh
 * data directory, on a free port of the loopback, with fsync, and with the tables of
 * pekko-persistence-jdbc. Closing it stops the server and deletes the data.
 *
 * <p>PostgreSQL does not run as root; a test that does runs it as the package's user.
 *
 * <p>Without the package a test fails. It is never skipped.
 */
public final class PostgresFixture implements AutoCloseable {
  private static final Path INSTALLED = Path.of("/usr/lib/postgresql");
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String USER = "vudo";
  private static final String TEST = "vudo-test";

  private final Path directory;
  private final Process server;
  private final int port;
  private final Thread endWithThisJvm;

  private PostgresFixture(Path directory, Process server, int port) {
    this.directory = directory;
    this.server = server;
    this.port = port;
    this.endWithThisJvm = new Thread(this::kill, "kill-postgres");
    Runtime.getRuntime().addShutdownHook(endWithThisJvm);
  }

  /**
   * Starts it and makes the tables.
   *
   * @param parent a directory that exists, for the data
   */
  public static PostgresFixture start(Path parent) throws IOException, InterruptedException {
    Path bin = binaries();
    List<String> prefix = new ArrayList<>();
    Path directory = Files.createTempDirectory(parent, "postgres-");
    if (isRoot()) {
      String user = userExists("postgres") ? "postgres" : "nobody";
      String group = groupOf(user);
      prefix.addAll(
          List.of(
              "setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"));
      directory = reachable(directory, prefix, user);
    }
    Path log = directory.resolve("log");
    Path data = directory.resolve("data");
    run(
        log,
        prefix,
        bin.resolve("initdb").toString(),
        "--pgdata=" + data,
        "--username=" + USER,
        "--auth=trust",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync");
    int port = freePort();
    List<String> command = new ArrayList<>(prefix);
    command.add(bin.resolve("postgres").toString());
    command.addAll(List.of("-D", data.toString(), "-p", Integer.toString(port)));
    Map.of(
            "listen_addresses", "127.0.0.1",
            "unix_socket_directories", "",
            "fsync", "on",
            "synchronous_commit", "on",
            "full_page_writes", "on",
            "max_connections", "100")
        .forEach((name, value) -> command.addAll(List.of("-c", name + "=" + value)));
    Process server =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    PostgresFixture fixture = new PostgresFixture(directory, server, port);
    try {
      fixture.awaitReady(log);
      fixture.createTables();
      return fixture;
    } catch (IOException | RuntimeException | Error e) {
      fixture.close();
      throw e;
    }
  }

  private static Path binaries() throws IOException {
    if (Files.isDirectory(INSTALLED)) {
      try (Stream<Path> versions = Files.list(INSTALLED)) {
        List<Path> found =
            versions
                .map(version -> version.resolve("bin"))
                .filter(bin -> Files.isExecutable(bin.resolve("postgres")))
                .filter(bin -> Files.isExecutable(bin.resolve("initdb")))
                .sorted(Comparator.comparing(bin -> versionOf(bin)))
                .toList();
        if (!found.isEmpty()) {
          return found.get(found.size() - 1);
        }
      }
    }
    throw new AssertionError(
        "There is no PostgreSQL below "
            + INSTALLED
            + ". Install Debian's package: sudo apt-get install postgresql");
  }

  private static int versionOf(Path bin) {
    try {
      return Integer.parseInt(bin.getParent().getFileName().toString());
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static boolean isRoot() throws IOException, InterruptedException {
    return output("id", "-u").equals("0");
  }

  private static boolean userExists(String user) throws IOException, InterruptedException {
    return !output("id", "-u", user).isEmpty();
  }

  private static String groupOf(String user) throws IOException, InterruptedException {
    return output("id", "-g", user);
  }

  private static String output(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    return process.waitFor() == 0 ? output : "";
  }

  /** The directory, given to the user; another one when it lies where the user may not go. */
  private static Path reachable(Path directory, List<String> prefix, String user)
      throws IOException, InterruptedException {
    own(directory, user);
    List<String> test = new ArrayList<>(prefix);
    test.addAll(List.of("test", "-w", directory.toString()));
    if (new ProcessBuilder(test).inheritIO().start().waitFor() == 0) {
      return directory;
    }
    Files.delete(directory);
    Path other = Files.createTempDirectory(Path.of("/tmp"), "vudo-postgres-");
    own(other, user);
    return other;
  }

  private static void own(Path directory, String user) throws IOException {
    UserPrincipal owner =
        FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName(user);
    Files.setOwner(directory, owner);
  }

  private static void run(Path log, List<String> prefix, String... words)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(List.of(words));
    Process process =
        new ProcessBuilder(command)
            .directory(log.getParent().toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    if (process.waitFor() != 0) {
      throw new IOException(command + " failed:\n" + Files.readString(log));
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private void awaitReady(Path log) throws IOException {
    try {
      Awaitility.await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(50))
          .failFast("the server ended", () -> !server.isAlive())
          .until(this::answers);
    } catch (ConditionTimeoutException | TerminalFailureException e) {
      throw new IOException("PostgreSQL does not start:\n" + Files.readString(log), e);
    }
  }

  private boolean answers() {
    try (Connection connection = connect()) {
      return connection.isValid(1);
    } catch (SQLException e) {
      return false;
    }
  }

  /** Those of the version of the plugin that is on the class path. */
  private void createTables() throws IOException {
    String script;
    try (InputStream in =
        ClassLoader.getSystemResourceAsStream("schema/postgres/postgres-create-schema.sql")) {
      script = new String(in.readAllBytes(), UTF_8);
    }
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      // One by one: an index is made "concurrently", which is not for a transaction.
      for (String one : script.split(";", -1)) {
        if (!one.isBlank()) {
          statement.execute(one);
        }
      }
    } catch (SQLException e) {
      throw new IOException("The tables cannot be made.", e);
    }
  }

  /** Where it is, for JDBC; any number of processes may use it. */
  public String url() {
    return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=" + USER;
  }

  /** A connection of the test's own. */
  public Connection connect() throws SQLException {
    return DriverManager.getConnection(url() + "&ApplicationName=" + TEST);
  }

  /** Lets no commit of an event through until it is closed. */
  public Connection holdCommits() throws SQLException {
    return holdCommits("public");
  }

  /**
   * Lets no commit of an event through until it is closed.
   *
   * @param schema of the journal
   */
  public Connection holdCommits(String schema) throws SQLException {
    Connection connection = connect();
    try (Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("LOCK TABLE " + schema + ".event_journal IN EXCLUSIVE MODE");
      return connection;
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
  }

  /**
   * Cuts the connections of all clients but those of {@link #connect}, in the midst of whatever
   * they do.
   */
  public void cutConnections() throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              + " WHERE backend_type = 'client backend' AND application_name <> '"
              + TEST
              + "'");
    }
  }

  /**
   * What makes an actor system keep journal and snapshots there.
   *
   * @param url as {@link #url} of this or another process's fixture
   */
  public static Config config(String url) {
    return ConfigFactory.parseMap(Map.of("vudo.testing.postgres-url", url))
        .withFallback(ConfigFactory.parseResources("io/vudo/testing/postgres.conf"));
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(endWithThisJvm);
    } catch (IllegalStateException e) {
      // This JVM ends; the hook does the same.
    }
    try {
      // SIGINT: those who are connected are not waited for.
      var unused =
          new ProcessBuilder("sh", "-c", "kill -INT " + server.pid()).inheritIO().start().waitFor();
      if (!server.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        server.destroyForcibly().waitFor();
      }
      delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      server.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** As this JVM ends without having closed it. */
  private void kill() {
    try {
      server.destroyForcibly().waitFor();
      delete(directory);
    } catch (IOException e) {
      // Its last processes may still write; what is left lies in a directory for such things.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
