package io.vudo.spirit.internal.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** So many replays at once, so many more in line, and no further ones. */
class ReplaySlotsTest {
  private final ReplaySlots slots = new ReplaySlots("any", 2, 2, Duration.ofSeconds(1));
  private final List<CompletableFuture<String>> started = new ArrayList<>();

  private CompletableFuture<String> run() {
    return slots
        .run(
            () -> {
              CompletableFuture<String> replay = new CompletableFuture<>();
              started.add(replay);
              return replay;
            })
        .toCompletableFuture();
  }

  @Test
  void whoFindsNoPlaceWaitsForOne() {
    CompletableFuture<String> first = run();
    CompletableFuture<String> second = run();
    CompletableFuture<String> third = run();
    CompletableFuture<String> fourth = run();
    assertEquals(2, started.size());
    VudoException refused = assertThrows(VudoException.class, this::run);
    assertEquals(ErrorCode.SPIRIT_UNAVAILABLE, refused.code());

    started.get(0).complete("one");
    assertEquals("one", first.join());
    assertEquals(3, started.size());
    started.get(1).completeExceptionally(new IllegalStateException("broken"));
    assertThrows(CompletionException.class, second::join);
    assertEquals(4, started.size());
    started.get(3).complete("four");
    assertEquals("four", fourth.join());
    assertFalse(third.isDone());
    started.get(2).complete("three");
    assertEquals("three", third.join());

    // All places are free again.
    List<CompletableFuture<String>> next = List.of(run(), run());
    assertEquals(6, started.size());
    assertFalse(next.get(0).isDone());
  }

  @Test
  void aReplayThatDoesNotEvenBeginGivesItsPlaceBack() {
    for (int i = 0; i < 5; i++) {
      CompletableFuture<String> failed =
          slots
              .<String>run(
                  () -> {
                    throw new IllegalStateException("broken");
                  })
              .toCompletableFuture();
      assertThrows(CompletionException.class, failed::join);
    }
    assertFalse(run().isDone());
    assertTrue(started.size() == 1);
  }
}
