package io.vudo.journal;

import static io.vudo.journal.JournalFixture.PATIENCE;
import static io.vudo.journal.JournalFixture.expected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What was acknowledged is there after {@code kill -9} at any moment. */
final class KillTest {
  private final List<ChildProcess> children = new ArrayList<>();

  /** Also when an assertion failed in between. */
  @AfterEach
  void killAll() throws InterruptedException {
    for (ChildProcess child : children) {
      child.kill();
    }
  }

  private static final int SPIRITS = 4;
  private static final int ROUNDS = Integer.getInteger("vudo.test.kill-rounds", 6);

  @ParameterizedTest
  @EnumSource
  void acknowledgedTurnsSurviveKill(TestStore store) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("KillTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    Path path = store.fresh("kill");
    long[] acknowledged = new long[SPIRITS];
    for (int round = 1; round <= ROUNDS; round++) {
      ChildProcess child =
          ChildProcess.start(
              Writer.class, store.name(), path.toString(), TestStore.forChild(store));
      Thread killer =
          new Thread(
              () -> {
                try {
                  child.kill();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      children.add(child);
      int before = 1 + random.nextInt(400);
      int read = 0;
      for (String line = child.readLine(); line != null; line = child.readLine()) {
        if (!line.endsWith(".")) {
          continue; // The kill cut the line short: nobody has seen this acknowledgement.
        }
        String[] words = line.substring(0, line.length() - 1).split(" ", -1);
        int spirit = Integer.parseInt(words[1]);
        long turn = Long.parseLong(words[2]);
        String where = "round " + round + ", spirit " + spirit;
        if (words[0].equals("recovered")) {
          // At most the one turn under way may be there without having been acknowledged.
          assertTrue(
              turn == acknowledged[spirit] || turn == acknowledged[spirit] + 1,
              where + ": acknowledged " + acknowledged[spirit] + ", recovered " + turn);
        } else {
          assertEquals(acknowledged[spirit] + 1, turn, where);
        }
        acknowledged[spirit] = turn;
        if (++read == before) {
          // In the midst of writing, and in some rounds within a commit.
          Thread.sleep(0, random.nextInt(900_000));
          killer.start();
        }
      }
      assertTrue(read >= before, "the child ended by itself in round " + round);
      killer.join();
    }
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      for (int spirit = 0; spirit < SPIRITS; spirit++) {
        TestSpirit.View view = fixture.view(fixture.spirit("kill|" + spirit, 25, snapshots));
        assertTrue(view.turns() >= acknowledged[spirit]);
        assertEquals(expected(view.turns()), view.memory());
      }
    }
    System.out.println("KillTest: acknowledged " + java.util.Arrays.toString(acknowledged));
  }

  /** Runs turns on all Spirits at once, printing a line when one is durable. */
  static final class Writer {
    public static void main(String[] arguments) {
      JournalFixture fixture = open(arguments);
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      for (int i = 0; i < SPIRITS; i++) {
        int number = i;
        ActorRef<TestSpirit.Command> spirit = fixture.spirit("kill|" + i, 25, snapshots);
        long already = fixture.view(spirit).turns();
        print("recovered", number, already);
        Thread thread =
            new Thread(
                () -> {
                  TestProbe<Long> acks = fixture.kit.createTestProbe(Long.class);
                  for (long turn = already + 1; ; turn++) {
                    spirit.tell(
                        new TestSpirit.Write(JournalFixture.index(turn), turn * 31, acks.getRef()));
                    print("acknowledged", number, acks.receiveMessage(PATIENCE));
                  }
                });
        thread.start();
      }
    }

    private static JournalFixture open(String[] arguments) {
      TestStore.inChild(arguments[2]);
      return new JournalFixture(TestStore.valueOf(arguments[0]), Path.of(arguments[1]));
    }

    private static synchronized void print(String what, int spirit, long turn) {
      System.out.println(what + " " + spirit + " " + turn + ".");
    }
  }
}
