package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a caller that waits is told when the partition fails until the end. */
final class WaitingCallTest {
  private static ErrorCode failure(ErrorCode whileItWaits, ErrorCode atTheEnd) {
    CompletableFuture<Optional<String>> call =
        WaitingCall.start(
            (millis, timeout) -> {
              CompletableFuture<Optional<String>> answer = new CompletableFuture<>();
              CompletableFuture.delayedExecutor(5, TimeUnit.MILLISECONDS)
                  .execute(
                      () ->
                          answer.completeExceptionally(
                              new VudoException(millis > 0 ? whileItWaits : atTheEnd, "Here.")));
              return answer;
            },
            50,
            Duration.ofMillis(10),
            Runnable::run);
    CompletionException e = assertThrows(CompletionException.class, call::join);
    return assertInstanceOf(VudoException.class, e.getCause()).code();
  }

  /** {@code SPACE_UNAVAILABLE} promises that nothing was done, so that one may ask anew. */
  @Test
  void nothingWasDoneIsSaidOnlyWhenNoRequestCanHaveBeenDone() {
    assertEquals(
        ErrorCode.ASK_TIMEOUT, failure(ErrorCode.ASK_TIMEOUT, ErrorCode.SPACE_UNAVAILABLE));
    assertEquals(
        ErrorCode.JOURNAL_UNAVAILABLE,
        failure(ErrorCode.JOURNAL_UNAVAILABLE, ErrorCode.SPACE_UNAVAILABLE));
    assertEquals(
        ErrorCode.SPACE_UNAVAILABLE,
        failure(ErrorCode.SPACE_UNAVAILABLE, ErrorCode.SPACE_UNAVAILABLE));
    assertEquals(
        ErrorCode.ASK_TIMEOUT, failure(ErrorCode.SPACE_UNAVAILABLE, ErrorCode.ASK_TIMEOUT));
  }
}
