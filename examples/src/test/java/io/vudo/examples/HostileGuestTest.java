package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a guest does, it hurts its own turn only. */
class HostileGuestTest {
  private static final String SPIN = "(loop $ever (br $ever))";

  private static final int SPINNERS = 6;

  @TempDir private static Path directory;

  private static TestNode node;

  @BeforeAll
  static void start() throws IOException {
    node = TestNode.start(directory);
    node.deploy("counter", Guests.example("counter"));
  }

  @AfterAll
  static void end() {
    if (node != null) {
      node.close();
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          spin      | OUT_OF_FUEL               |  | (loop $ever (br $ever))
          recursion | CALL_DEPTH_EXCEEDED       | (func $deep (call $deep)) | (call $deep)
          bounds    | TRAP_MEMORY_OUT_OF_BOUNDS |  | (i32.store (i32.const 0x10000) (i32.const 1))
          negative  | TRAP_MEMORY_OUT_OF_BOUNDS |  | (i32.store (i32.const -1) (i32.const 1))
          division  | TRAP_DIVISION_BY_ZERO     |  | (drop (i32.div_s (i32.const 1) (i32.const 0)))
          overflow  | TRAP_INTEGER_OVERFLOW     |  | (drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))
          panic     | TRAP_UNREACHABLE          |  | (unreachable)
          null-call | TRAP_INDIRECT_CALL_NULL   | (table 1 funcref) (type $f (func)) | (call_indirect (type $f) (i32.const 0))
          table     | TRAP_TABLE_OUT_OF_BOUNDS  | (table 1 funcref) (type $f (func)) | (call_indirect (type $f) (i32.const 9))
          convert   | TRAP_BAD_CONVERSION       |  | (drop (i32.trunc_f32_s (f32.const nan)))
          pointer   | GUEST_BAD_REPLY           |  | (return (i64.const 0xffffffff00000008))
          length    | GUEST_BAD_REPLY           |  | (return (i64.const 0x0000000080000000))
          """)
  void aTurnThatEndsBadlyIsATypedErrorAndNeverHappened(
      String name, ErrorCode code, String fields, String misdeed) {
    // Little fuel: a turn without end is to end soon on any machine.
    node.deploy(
        name, Guests.counterThatMay(fields == null ? "" : fields, misdeed), "fuel=20000000");
    String spirit = name + "/a";
    assertEquals("1", node.ask(spirit, "count", ""));
    assertEquals("2", node.ask(spirit, "count", ""));
    node.fails(code, spirit, "count", "now");
    assertEquals("3", node.ask(spirit, "count", ""), "the state is that before the bad turn");
    node.fails(code, spirit, "count", "again");
    node.fails(code, spirit, "count", "and again");
    assertEquals("4", node.ask(spirit, "count", ""));
    assertNeighbourAnswers();
  }

  @Test
  void memoryEndsAtItsLimitAndTheGuestIsTold() {
    String more = "(br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))";
    node.deploy(
        "bomb",
        Guests.counterThatMay("", "(loop $more " + more + ") (unreachable)"),
        "memory=4MiB");
    assertEquals("1", node.ask("bomb/a", "count", ""));
    // It got there: memory.grow said no, and did not take the node with it.
    node.fails(ErrorCode.TRAP_UNREACHABLE, "bomb/a", "count", "now");
    assertEquals("2", node.ask("bomb/a", "count", ""));
    assertEquals(65_536, node.resident("bomb/a").path("memoryBytes").asLong());
    assertNeighbourAnswers();
  }

  /** The node's own fuel limit, not one that a test chose. */
  @Test
  void aTurnWithoutEndEndsByFuel() {
    node.deploy("spin-default", Guests.counterThatMay("", SPIN));
    assertTimeout(
        TestNode.PATIENCE,
        () -> node.fails(ErrorCode.OUT_OF_FUEL, "spin-default/a", "count", "now"));
    assertEquals("1", node.ask("spin-default/a", "count", ""));
  }

  /** More fuel than anybody can burn: the clock ends it. */
  @Test
  void neighboursAnswerWhileOthersSpin() {
    node.deploy(
        "spinner", Guests.counterThatMay("", SPIN), "fuel=1000000000000000000", "turn-timeout=4s");
    List<CompletableFuture<byte[]>> spinners =
        IntStream.range(0, SPINNERS)
            .mapToObj(i -> node.askLater("spinner/" + i, "count", "now".getBytes(UTF_8), ""))
            .toList();
    int answersMeanwhile = 0;
    while (spinners.stream().noneMatch(CompletableFuture::isDone)) {
      assertNeighbourAnswers();
      if (spinners.stream().noneMatch(CompletableFuture::isDone)) {
        answersMeanwhile++;
      }
    }
    assertTrue(
        answersMeanwhile >= 3, answersMeanwhile + " answers while " + SPINNERS + " Spirits spun");
    for (CompletableFuture<byte[]> spinner : spinners) {
      VudoException end = assertThrows(VudoException.class, () -> TestNode.join(spinner));
      assertEquals(ErrorCode.TURN_TIMEOUT, end.code(), end::getMessage);
    }
    assertEquals("1", node.ask("spinner/0", "count", ""));
  }

  private static int asked;

  private static void assertNeighbourAnswers() {
    asked++;
    assertEquals(Integer.toString(asked), node.ask("counter/neighbour", "add", ""));
  }
}
