package io.vudo.journal;

import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.Comparator;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;

/** A data directory, its journal and an actor system on it; closing it is a clean shutdown. */
final class JournalFixture implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofSeconds(30);

  final DataDirectory directory;
  final Journal journal;
  final ActorTestKit kit;
  private final TestStore store;

  JournalFixture(Path path) {
    this(TestStore.EMBEDDED, path);
  }

  JournalFixture(TestStore store, Path path) {
    this(store, path, path);
  }

  /** With a data directory of its own, for a second process on the shared journal of the first. */
  JournalFixture(TestStore store, Path path, Path ownDirectory) {
    this.store = store;
    directory = DataDirectory.open(ownDirectory);
    journal = Journals.open(directory, store.settings(path).withFallback(ConfigFactory.load()));
    kit = startSystem(journal);
  }

  /** Another actor system on the same journal. */
  static ActorTestKit startSystem(Journal journal) {
    return ActorTestKit.create(
        "journal-test",
        journal
            .config()
            .withFallback(
                ConfigFactory.parseString("pekko.loglevel = WARNING\npekko.log-dead-letters = off"))
            .withFallback(ConfigFactory.load()));
  }

  /** A fresh directory below target. */
  static Path fresh(String name) throws IOException {
    Path path = Path.of("target", "journal-tests", name);
    if (Files.exists(path)) {
      try (Stream<Path> files = Files.walk(path)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
    return path;
  }

  Connection connect(String database) throws java.sql.SQLException {
    return store.connect(directory.path(), journal.config(), database);
  }

  ActorRef<TestSpirit.Command> spirit(String id, int snapshotEvery, TestProbe<Long> snapshots) {
    return kit.spawn(TestSpirit.create(id, snapshotEvery, snapshots.getRef()));
  }

  TestSpirit.View view(ActorRef<TestSpirit.Command> spirit) {
    TestProbe<TestSpirit.View> probe = kit.createTestProbe(TestSpirit.View.class);
    spirit.tell(new TestSpirit.Get(probe.getRef()));
    return probe.receiveMessage(PATIENCE);
  }

  /** Runs turns {@code from} to {@code to}, each durable before the next. */
  void turns(ActorRef<TestSpirit.Command> spirit, long from, long to) {
    TestProbe<Long> acks = kit.createTestProbe(Long.class);
    for (long turn = from; turn <= to; turn++) {
      spirit.tell(new TestSpirit.Write(index(turn), turn * 31, acks.getRef()));
      org.junit.jupiter.api.Assertions.assertEquals(turn, acks.receiveMessage(PATIENCE));
    }
  }

  /** Where the given turn writes: a few pages, most of them again and again. */
  static int index(long turn) {
    return (int) (turn * 4104 % (48 * 4096));
  }

  /** What the memory holds after this many turns. */
  static java.nio.ByteBuffer expected(long turns) {
    java.nio.ByteBuffer memory = java.nio.ByteBuffer.allocate(TestSpirit.MEMORY_BYTES);
    for (long turn = 1; turn <= turns; turn++) {
      memory.putLong(index(turn), turn * 31);
    }
    return memory;
  }

  @Override
  public void close() {
    kit.shutdownTestKit();
    journal.close();
    directory.close();
  }
}
