package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many messages at once: each is a turn of its own, with fuel of its own. */
class MailboxTest {
  /** A loop of four instructions, and the frame of a reply: a turn costs about 1,000. */
  private static final byte[] THOUSAND = Guests.slowCounter(170);

  private static final int CONNECTIONS = 64;

  @TempDir private static Path directory;

  private static TestNode node;

  @BeforeAll
  static void start() throws IOException {
    node = TestNode.start(directory);
  }

  @AfterAll
  static void end() {
    if (node != null) {
      node.close();
    }
  }

  /** Fuel is of a message, not of a Spirit: together these burn ten times the budget of one. */
  @Test
  void tenThousandMessagesEachHaveTheWholeBudget() throws InterruptedException {
    node.deploy("half", THOUSAND, "fuel=500");
    node.fails(ErrorCode.OUT_OF_FUEL, "half/a", "count", "");
    node.deploy("twice", THOUSAND, "fuel=2000");
    assertEquals("1", node.ask("twice/a", "count", ""));

    node.deploy("whole", THOUSAND, "fuel=1000000");
    int messages = 10_000;
    Semaphore connections = new Semaphore(CONNECTIONS);
    List<CompletableFuture<byte[]>> answers = new ArrayList<>(messages);
    for (int i = 0; i < messages; i++) {
      connections.acquire();
      CompletableFuture<byte[]> answer = node.askLater("whole/a", "count", new byte[0], "");
      answers.add(answer.whenComplete((done, failure) -> connections.release()));
    }
    assertEquals(upTo(messages), numbers(answers));
  }

  /**
   * The count is read, fuel is burnt, the count is written: a second turn in between would show.
   */
  @Test
  void aHundredAskersGetAHundredAnswers() {
    node.deploy("slow", Guests.slowCounter(200_000));
    List<CompletableFuture<byte[]>> answers =
        IntStream.range(0, 100)
            .mapToObj(i -> node.askLater("slow/a", "count", new byte[0], ""))
            .toList();
    assertEquals(upTo(100), numbers(answers));
    assertEquals("101", node.ask("slow/a", "count", ""));
  }

  private static Set<Integer> numbers(List<CompletableFuture<byte[]>> answers) {
    return answers.stream()
        .map(answer -> Integer.parseInt(new String(TestNode.join(answer), UTF_8)))
        .collect(Collectors.toSet());
  }

  private static Set<Integer> upTo(int last) {
    return IntStream.rangeClosed(1, last).boxed().collect(Collectors.toSet());
  }
}
