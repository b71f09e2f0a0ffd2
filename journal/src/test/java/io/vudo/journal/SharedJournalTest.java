package io.vudo.journal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.Test;

final class SharedJournalTest {
  private static Config config(Map<String, String> settings) {
    return ConfigFactory.parseMap(settings, "test").withFallback(ConfigFactory.load());
  }

  private static Config fresh(String name) throws Exception {
    Path path = TestStore.POSTGRESQL.fresh(name);
    return TestStore.POSTGRESQL.settings(path).withFallback(ConfigFactory.load());
  }

  private static String refused(ErrorCode code, Config config) {
    VudoException refusal = assertThrows(VudoException.class, () -> SharedJournal.open(config));
    assertEquals(code, refusal.code());
    return refusal.detail();
  }

  @Test
  void severalNodesMakeTheSchemaAtOnce() throws Exception {
    Config config = fresh("shared-at-once");
    ExecutorService nodes = Executors.newFixedThreadPool(8);
    try {
      List<Future<SharedJournal>> opened = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        opened.add(nodes.submit(() -> SharedJournal.open(config)));
      }
      for (Future<SharedJournal> journal : opened) {
        try (Connection connection = journal.get().connect();
            Statement statement = connection.createStatement();
            var rows = statement.executeQuery("SELECT version FROM vudo_schema")) {
          assertTrue(rows.next());
          assertEquals(1, rows.getInt(1));
          assertFalse(rows.next());
        }
      }
    } finally {
      nodes.shutdownNow();
    }
  }

  /** As when the database starts again while the first connections of a node are made. */
  @Test
  void aFirstConnectionThatIsLostDoesNotSpoilThoseAfterIt() throws Exception {
    Path path = TestStore.POSTGRESQL.fresh("shared-first-lost");
    Config settings = TestStore.POSTGRESQL.settings(path);
    URI server = URI.create(settings.getString("vudo.journal.url").substring("jdbc:".length()));
    try (CuttingProxy proxy =
        new CuttingProxy(server.getPort(), "SHOW TRANSACTION ISOLATION LEVEL")) {
      String url =
          settings
              .getString("vudo.journal.url")
              .replace(server.getAuthority(), "127.0.0.1:" + proxy.port());
      SharedJournal journal =
          SharedJournal.open(
              settings
                  .withValue("vudo.journal.url", ConfigValueFactory.fromAnyRef(url))
                  .withFallback(ConfigFactory.load()));
      ActorTestKit kit = JournalFixture.startSystem(journal);
      try {
        TestProbe<Long> acknowledged = kit.createTestProbe(Long.class);
        await()
            .atMost(JournalFixture.PATIENCE)
            .pollInterval(Duration.ofMillis(100))
            .pollInSameThread()
            .until(
                () -> {
                  // One that the journal has failed is stopped, and so it is another one each time.
                  kit.spawn(TestSpirit.create("lost|1", 100, acknowledged.getRef()))
                      .tell(new TestSpirit.Write(0, 1, acknowledged.getRef()));
                  try {
                    return acknowledged.receiveMessage(Duration.ofSeconds(1)) >= 1;
                  } catch (AssertionError notYet) {
                    return false;
                  }
                });
        assertTrue(proxy.hasCut(), "the connection was asked for its isolation");
      } finally {
        kit.shutdownTestKit();
      }
    }
  }

  @Test
  void newerSchemaIsRefused() throws Exception {
    Config config = fresh("shared-newer");
    try (SharedJournal journal = SharedJournal.open(config);
        Connection connection = journal.connect();
        Statement statement = connection.createStatement()) {
      statement.execute("INSERT INTO vudo_schema (version) VALUES (2)");
    }
    assertTrue(refused(ErrorCode.JOURNAL_VERSION, config).contains("schema 2"));
  }

  @Test
  void whatCannotBeReachedIsNamedWithWhatToDo() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    String unreachable =
        refused(
            ErrorCode.JOURNAL_UNAVAILABLE,
            config(Map.of("vudo.journal.url", "jdbc:postgresql://127.0.0.1:" + port + "/x?a=b")));
    assertTrue(unreachable.contains("Is the server up"), unreachable);
    assertFalse(unreachable.contains("a=b"), "parameters may hold secrets");
    String url = TestStore.url().substring(0, TestStore.url().indexOf('?'));
    String stranger =
        refused(
            ErrorCode.JOURNAL_UNAVAILABLE,
            config(Map.of("vudo.journal.url", url, "vudo.journal.user", "stranger")));
    assertTrue(stranger.contains("VUDO_JOURNAL_PASSWORD"), stranger);
    String missing =
        refused(
            ErrorCode.JOURNAL_UNAVAILABLE,
            config(Map.of("vudo.journal.url", url + "-not", "vudo.journal.user", "vudo")));
    assertTrue(missing.contains("CREATE DATABASE"), missing);
  }

  @Test
  void urlsAndSchemasThatAreNoneAreRefused() {
    refused(
        ErrorCode.ARGUMENT_INVALID, config(Map.of("vudo.journal.url", "jdbc:mysql://localhost/x")));
    String password =
        refused(
            ErrorCode.ARGUMENT_INVALID,
            config(Map.of("vudo.journal.url", "jdbc:postgresql://h/d?user=u&password=secret")));
    assertFalse(password.contains("secret"), password);
    refused(
        ErrorCode.ARGUMENT_INVALID,
        config(
            Map.of("vudo.journal.url", "jdbc:postgresql://h/d", "vudo.journal.schema", "a; DROP")));
  }

  @Test
  void modulesOutliveTheNodeThatPutThem() throws Exception {
    Config config = fresh("shared-modules");
    byte[] module = {0, 'a', 's', 'm'};
    try (SharedJournal journal = SharedJournal.open(config)) {
      ModuleTable modules = journal.modules().orElseThrow();
      assertEquals(Optional.empty(), modules.get("00ff"));
      modules.put("00ff", module);
      modules.put("00ff", module);
    }
    try (SharedJournal journal = SharedJournal.open(config)) {
      assertArrayEquals(module, journal.modules().orElseThrow().get("00ff").orElseThrow());
    }
  }

  @Test
  void aServerThatOnlyReadsIsNoJournal() throws Exception {
    Config config = fresh("shared-probe");
    try (SharedJournal journal = SharedJournal.open(config)) {
      journal.probe();
    }
    String url = config.getString("vudo.journal.url");
    String readOnly =
        url + (url.contains("?") ? "&" : "?") + "options=-c%20default_transaction_read_only=on";
    try (SharedJournal journal =
        SharedJournal.open(
            ConfigFactory.parseMap(Map.of("vudo.journal.url", readOnly)).withFallback(config))) {
      VudoException refusal = assertThrows(VudoException.class, journal::probe);
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, refusal.code());
    }
  }

  @Test
  void withoutAUrlTheJournalIsEmbedded() throws Exception {
    try (DataDirectory directory = DataDirectory.open(JournalFixture.fresh("shared-none"));
        Journal journal = Journals.open(directory, ConfigFactory.load())) {
      assertTrue(journal instanceof EmbeddedJournal);
      assertEquals(Optional.empty(), journal.modules());
    }
  }
}
