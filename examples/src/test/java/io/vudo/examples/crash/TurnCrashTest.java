package io.vudo.examples.crash;

import static io.vudo.examples.TupleGuest.call;
import static io.vudo.examples.TupleGuest.template;
import static io.vudo.examples.TupleGuest.tuple;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.TupleGuest;
import io.vudo.node.internal.Json;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A turn that takes tuples and changes its state, in a process that dies between every two steps of
 * it. Afterwards either the tuples are there and the state is old, or they are gone and the state
 * is new, which depends on nothing but whether the record of the turn was durable.
 */
class TurnCrashTest {
  private static final byte[] NONE = {};
  private static final byte[] JOB = template("[\"job\", {\"?\": \"int\"}]");
  private static final byte[] OPEN = template("[{\"?\": \"any\"}, {\"?\": \"int\"}]");
  private static final byte[] DONE = tuple("[\"done\", 1]");

  private static final List<String> STEPS =
      List.of(
          "asking:1",
          "held:1",
          "computed:1",
          "committed:1",
          "replied:1",
          "confirming:1",
          "confirmed:1");

  /** A turn that waits is committed twice: that it waits, and how it ended. */
  private static final List<String> STEPS_OF_WAIT =
      List.of(
          "committed:1",
          "held:1",
          "computed:1",
          "committed:2",
          "replied:2",
          "confirming:1",
          "confirmed:1");

  /**
   * Every step of every kind, or of two kinds every step and of the others those that tell most.
   */
  private static final boolean ALL = Boolean.getBoolean("vudo.test.every-step");

  private static final List<String> TELLING = List.of("held:1", "computed:1", "confirming:1");

  /** What the turn does with tuples. */
  private enum Kind {
    TAKE(1),
    TAKE_OPEN(1),
    SWAP(1),
    TAKE_ALL(3),
    WAIT(1),
    WAIT_OPEN(1);

    final int tuples;

    Kind(int tuples) {
      this.tuples = tuples;
    }

    boolean waits() {
      return this == WAIT || this == WAIT_OPEN;
    }

    byte[] call(String space) {
      return switch (this) {
        case TAKE -> TupleGuest.call('t', space, JOB, 0);
        case TAKE_OPEN -> TupleGuest.call('t', space, OPEN, 0);
        case SWAP -> TupleGuest.call('s', space, JOB, DONE, 0, 0);
        case TAKE_ALL -> TupleGuest.call('T', space, OPEN, 10);
        case WAIT -> TupleGuest.call('t', space, JOB, 600_000);
        case WAIT_OPEN -> TupleGuest.call('t', space, OPEN, 600_000);
      };
    }
  }

  /**
   * One death.
   *
   * @param happens whether the turn is to have happened when nobody asks again
   */
  private record Case(int number, Kind kind, String step, boolean happens) {
    String spirit() {
      return "tuples/case-" + number;
    }

    String space() {
      return "case-" + number;
    }

    String key() {
      return "key-" + number;
    }

    @Override
    public String toString() {
      return kind + " killed at " + step;
    }
  }

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      for (String step : kind.waits() ? STEPS_OF_WAIT : STEPS) {
        if (ALL || kind == Kind.TAKE || (TELLING.contains(step) && kind != Kind.WAIT)) {
          // Who waits is in the journal, and goes on by itself.
          boolean happens = kind.waits() || STEPS.indexOf(step) >= STEPS.indexOf("committed:1");
          cases.add(new Case(cases.size(), kind, step, happens));
        }
      }
    }
    cases.add(new Case(cases.size(), Kind.TAKE_ALL, "confirmed:2", true));
    return cases;
  }

  private static final String SETTINGS =
      "vudo.spirit.wait-redelivery-max = 2s, vudo.spirit.redelivery-max = 1s";

  @Test
  void aTurnAndItsTakesHappenTogetherOrNotAtAll(@TempDir Path directory) throws IOException {
    List<Case> cases = cases();
    try (CrashNode node = FastStart.shared().apply(CrashNode.in(directory, SETTINGS.split(", ")))) {
      node.start();
      node.deploy(
          "tuples",
          TupleGuest.module(),
          "grant=tuplespace_read&grant=tuplespace_write&grant=tuplespace_take");
      for (Case one : cases) {
        assertEquals(0, state(node, one), "it is born");
        if (!one.kind().waits()) {
          write(node, one);
        }
      }
      node.kill();
      Case before = null;
      for (Case one : cases) {
        // One process for the end of a case and the middle of the next one.
        node.withEnvironment(
            Map.of("JDK_JAVA_OPTIONS", "-Dvudo.test.halt-at=" + one.spirit() + ":" + one.step()));
        node.start();
        if (before != null) {
          check(node, before);
        }
        dieInTheMiddle(node, one);
        before = one;
      }
      node.withEnvironment(Map.of());
      node.start();
      check(node, before);
      // Whatever was still held has found its end by now.
      for (Case one : cases) {
        assertEquals(1, state(node, one), one::toString);
        assertEquals(0, count(node, one, "[\"job\", {\"?\": \"int\"}]"), one::toString);
      }
    }
  }

  private static void dieInTheMiddle(CrashNode node, Case one) {
    Thread asker =
        new Thread(
            () -> {
              try {
                ask(node, one);
              } catch (VudoException gone) {
                // Most of the time it dies before it answers.
              }
            });
    asker.start();
    if (one.kind().waits() && !one.step().equals("committed:1")) {
      await()
          .atMost(CrashNode.PATIENCE)
          .until(() -> node.get("/v1/spirits").toString().contains("SUSPENDED"));
      try {
        write(node, one);
      } catch (VudoException gone) {
        // Written again, under the same key.
      }
    }
    await(one.toString())
        .atMost(CrashNode.PATIENCE)
        .pollInterval(Duration.ofMillis(20))
        .until(() -> !node.isAlive());
    node.kill();
    try {
      asker.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void check(CrashNode node, Case one) {
    if (one.kind().waits()) {
      write(node, one);
    }
    int all = one.kind().tuples;
    long[] last = new long[3];
    await(one.toString())
        .atMost(CrashNode.PATIENCE)
        .untilAsserted(
            () -> {
              // First the state: it may only go on meanwhile.
              last[0] = state(node, one);
              last[1] = count(node, one, "[\"job\", {\"?\": \"int\"}]");
              last[2] = count(node, one, "[\"done\", 1]");
              boolean before = last[0] == 0 && last[1] == all;
              boolean after = last[0] == 1 && last[1] == 0;
              assertTrue(before || after, () -> last[1] + " tuples, state " + last[0]);
              assertEquals(one.happens() ? 1 : 0, last[0]);
              assertEquals(one.kind() == Kind.SWAP && one.happens() ? 1 : 0, last[2]);
            });
    // The same message again does what is missing, and nothing twice.
    byte[] reply = ask(node, one);
    assertEquals(0, TupleGuest.reply(reply).status(), one::toString);
    assertEquals(1, state(node, one), one::toString);
    assertEquals(0, count(node, one, "[\"job\", {\"?\": \"int\"}]"), one::toString);
    await(one.toString())
        .atMost(CrashNode.PATIENCE)
        .until(() -> count(node, one, "[\"done\", 1]") == (one.kind() == Kind.SWAP ? 1 : 0));
  }

  private static byte[] ask(CrashNode node, Case one) {
    return node.askBytes(one.spirit(), "go", one.kind().call(one.space()), one.key());
  }

  private static long state(CrashNode node, Case one) {
    return Long.parseLong(
        new String(node.askBytes(one.spirit(), "go", call('n', "s", NONE, 0), ""), UTF_8));
  }

  private static long count(CrashNode node, Case one, String template) {
    return Json.read(
            node.space(one.space(), "count", "{\"template\": " + template + "}", "")
                .getBytes(UTF_8))
        .path("count")
        .asLong();
  }

  private static void write(CrashNode node, Case one) {
    for (int i = 0; i < one.kind().tuples; i++) {
      node.space(one.space(), "write", "{\"tuple\": [\"job\", " + i + "]}", one.key() + "-" + i);
    }
  }
}
