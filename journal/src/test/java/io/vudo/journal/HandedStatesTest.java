package io.vudo.journal;

import static io.vudo.journal.JournalFixture.expected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.util.TreeMap;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
final class HandedStatesTest {
  @Parameter TestStore store;

  private static final String ID = "handed|1";

  private static StateSnapshot state(long turns) {
    ByteBuffer memory = expected(turns);
    PageTracker tracker = new PageTracker();
    tracker.update(memory);
    return StateSnapshot.full(
        ByteString.copyFromUtf8(Long.toString(turns)), memory.capacity(), tracker.shareAll());
  }

  /** Without its tables every question to the database fails, and so would a recovery that asks. */
  private static void hideTables(JournalFixture fixture, boolean hide) throws Exception {
    for (String database : new String[] {"vudo-turns event_journal", "vudo-snapshots snapshot"}) {
      String[] words = database.split(" ", -1);
      String from = hide ? words[1] : "hidden_" + words[1];
      String to = hide ? "hidden_" + words[1] : words[1];
      try (Connection connection = fixture.connect(words[0]);
          Statement statement = connection.createStatement()) {
        statement.execute("ALTER TABLE \"" + from + "\" RENAME TO \"" + to + "\"");
      }
    }
  }

  @Test
  void recoveryFromAHandedStateAsksNoDatabaseAndGoesOnFromIt() throws Exception {
    Path path = store.fresh("handed");
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> first = fixture.spirit(ID, 1000, snapshots);
      fixture.turns(first, 1, 30);
      fixture.kit.stop(first);
      HandedStates.get(fixture.kit.system()).put(ID, state(30), 30);
      hideTables(fixture, true);
      ActorRef<TestSpirit.Command> second = fixture.spirit(ID, 20, snapshots);
      TestSpirit.View view = fixture.view(second);
      assertEquals(expected(30), view.memory());
      assertEquals(30, view.turns());
      assertEquals(0, view.replayed());
      hideTables(fixture, false);
      fixture.turns(second, 31, 45);
      assertEquals(40, snapshots.receiveMessage(JournalFixture.PATIENCE));
      fixture.kit.stop(second);
      // Used up: the next recovery is by the database, from the snapshot made meanwhile.
      view = fixture.view(fixture.spirit(ID, 1000, snapshots));
      assertEquals(expected(45), view.memory());
      assertEquals(5, view.replayed());
    }
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      assertEquals(expected(45), fixture.view(fixture.spirit(ID, 1000, snapshots)).memory());
    }
  }

  @Test
  void stateBeforeTheFirstEventAndLaterStatesServeTheirOwnRecoveryOnly() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("handed-first"))) {
      HandedStates handed = HandedStates.get(fixture.kit.system());
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      handed.put(ID, state(0), 0);
      ActorRef<TestSpirit.Command> spirit = fixture.spirit(ID, 1000, snapshots);
      fixture.turns(spirit, 1, 3);
      fixture.kit.stop(spirit);
      handed.put(ID, state(2), 2);
      handed.put(ID, state(3), 3);
      spirit = fixture.spirit(ID, 1000, snapshots);
      assertEquals(0, fixture.view(spirit).replayed());
      fixture.turns(spirit, 4, 4);
    }
  }

  @Test
  void discardedStateIsNotUsed() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("handed-discarded"))) {
      HandedStates handed = HandedStates.get(fixture.kit.system());
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      assertFalse(handed.discard(ID));
      handed.put(ID, state(7), 7);
      assertTrue(HandedStates.get(fixture.kit.system()).discard(ID));
      assertFalse(handed.discard(ID));
      assertEquals(0, fixture.view(fixture.spirit(ID, 1000, snapshots)).turns());
    }
  }

  @Test
  void aRecoveryWaitsForAStateThatIsExpected() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("handed-expected"))) {
      HandedStates handed = HandedStates.get(fixture.kit.system());
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> spirit = fixture.spirit(ID, 1000, snapshots);
      fixture.turns(spirit, 1, 30);
      fixture.kit.stop(spirit);

      handed.expect(ID);
      hideTables(fixture, true);
      ActorRef<TestSpirit.Command> second = fixture.spirit(ID, 1000, snapshots);
      TestProbe<TestSpirit.View> views = fixture.kit.createTestProbe(TestSpirit.View.class);
      second.tell(new TestSpirit.Get(views.getRef()));
      handed.put(ID, state(30), 30);
      assertEquals(30, views.receiveMessage(JournalFixture.PATIENCE).turns());
      hideTables(fixture, false);
      fixture.turns(second, 31, 31);
      fixture.kit.stop(second);

      // Nobody comes after all: the database knows.
      handed.expect(ID);
      ActorRef<TestSpirit.Command> third = fixture.spirit(ID, 1000, snapshots);
      third.tell(new TestSpirit.Get(views.getRef()));
      assertTrue(handed.discard(ID));
      TestSpirit.View view = views.receiveMessage(JournalFixture.PATIENCE);
      assertEquals(31, view.turns());
      assertEquals(31, view.replayed());
      assertFalse(handed.discard(ID));
    }
  }

  @Test
  void onlyFullStatesCanBeHanded() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("handed-invalid"))) {
      HandedStates handed = HandedStates.get(fixture.kit.system());
      StateSnapshot delta =
          StateSnapshot.delta(ByteString.EMPTY, StateSnapshot.PAGE_BYTES, 3, new TreeMap<>());
      for (org.junit.jupiter.api.function.Executable put :
          new org.junit.jupiter.api.function.Executable[] {
            () -> handed.put(ID, delta, 4), () -> handed.put(ID, state(1), -1)
          }) {
        assertEquals(ErrorCode.ARGUMENT_INVALID, assertThrows(VudoException.class, put).code());
      }
    }
  }
}
