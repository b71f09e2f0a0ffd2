package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What waits is bounded in bytes, for one Spirit and for the node. */
class MailboxBoundsTest {
  private static final int NODE_BYTES = 40_000;
  private static final int SPIRIT_BYTES = 12_000;
  private static final int PAYLOAD_BYTES = 5_000;
  private static final int MESSAGE_BYTES = PAYLOAD_BYTES + 512;

  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          "vudo.spirit.max-node-mailbox-bytes = "
              + NODE_BYTES
              + "\nvudo.spirit.max-mailbox-bytes = "
              + SPIRIT_BYTES);

  @BeforeAll
  static void deploy() {
    NODE.deploy("busy", TestModules.spinner(), "turn-timeout=3s", "fuel=1000000000000000");
    NODE.deploy("echo", TestModules.echo());
  }

  /** Sends to Spirits that are busy for long; answers how many messages were not taken. */
  private static int refused(List<String> spirits, String reason) {
    List<CompletableFuture<NodeFixture.Answer>> answers = new ArrayList<>();
    for (String spirit : spirits) {
      answers.add(NODE.sendAsk(spirit, "spin", "x".repeat(PAYLOAD_BYTES)));
    }
    int refused = 0;
    for (CompletableFuture<NodeFixture.Answer> sent : answers) {
      NodeFixture.Answer answer = sent.join();
      if (answer.status() == ErrorCode.MAILBOX_FULL.httpStatus()) {
        String detail = answer.assertProblem(ErrorCode.MAILBOX_FULL);
        assertTrue(detail.contains(reason), detail);
        refused++;
      } else {
        answer.assertProblem(ErrorCode.TURN_TIMEOUT);
      }
    }
    return refused;
  }

  /** Each of them is far from its own bound. */
  @Test
  void allMailboxesOfANodeAreBoundedTogether() {
    List<String> spirits = IntStream.range(0, 20).mapToObj(i -> "busy/" + i).toList();
    assertEquals(
        spirits.size() - NODE_BYTES / MESSAGE_BYTES,
        refused(spirits, "vudo.spirit.max-node-mailbox-bytes"));

    // What was answered gives back what it took, a moment after the answer.
    String large = "y".repeat(NODE_BYTES - 1_000);
    NodeFixture.Answer answer = NODE.ask("echo/a", "say", large);
    while (answer.status() == ErrorCode.MAILBOX_FULL.httpStatus()) {
      answer = NODE.ask("echo/a", "say", large);
    }
    answer.assertReply(large);
  }

  @Test
  void theMailboxOfOneSpiritIsBounded() {
    // One is at work; the third that waits is the one that fills the mailbox.
    assertEquals(1, refused(List.of("busy/a", "busy/a", "busy/a", "busy/a", "busy/a"), "busy/a"));
  }
}
