package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.LocalTuplespace;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** With a clock that stands still, so that no timer comes to help. */
class LocalSpaceTest {
  private static final long HOUR = 3_600_000;
  private static final Tuple TUPLE = Tuple.of("a", 1);
  private static final long BYTES = StoredTuple.storedBytes(TUPLE);

  private final AtomicLong clock = new AtomicLong(5);
  private final LocalSpace space = new LocalSpace(2 * BYTES, 10, 16, clock::get);

  @Test
  void everyOperationLooksAtTheClock() {
    LocalTuplespace.Lease lease = space.write(TUPLE, HOUR);
    clock.addAndGet(HOUR);
    assertEquals(Optional.of(TUPLE), space.read(Template.of("a", 1)), "it began after 5");
    clock.incrementAndGet();
    assertEquals(Optional.empty(), space.read(Template.of("a", 1)));
    assertFalse(lease.renew(Duration.ofHours(1)));

    for (int operation = 0; operation < 6; operation++) {
      LocalTuplespace.Lease other = space.write(TUPLE, HOUR);
      assertTrue(other.renew(Duration.ofHours(2)));
      clock.addAndGet(HOUR + 1);
      assertEquals(1, space.count(Template.of(Template.ANY, 1)));
      clock.addAndGet(HOUR);
      switch (operation) {
        case 0 -> assertEquals(0, space.count(Template.of(Template.ANY, 1)));
        case 1 -> assertEquals(0, space.takeAll(Template.of("a", 1), 5).size());
        case 2 -> assertTrue(space.compareAndSwap(Template.of("a", 1), TUPLE).isEmpty());
        case 3 -> assertTrue(space.take(Template.of("a", 1)).isEmpty());
        case 4 -> assertFalse(other.cancel());
        default ->
            assertTrue(space.await(Template.of("a", 1), true, Duration.ZERO).join().isEmpty());
      }
    }
  }

  @Test
  void whatEndedInOtherStripesMakesRoom() {
    space.write(Tuple.of("x", 1), HOUR);
    space.write(Tuple.of("y", 1), HOUR);
    VudoException full = assertThrows(VudoException.class, () -> space.write(TUPLE, 0));
    assertEquals(ErrorCode.SPACE_FULL, full.code());
    clock.addAndGet(HOUR + 1);
    space.write(TUPLE, 0);
    space.write(TUPLE, 0);
    assertThrows(VudoException.class, () -> space.write(TUPLE, 0));
    assertEquals(2, space.count(Template.of(Template.ANY, 1)));
  }

  @Test
  void whoseTimeIsOverGetsNothingEvenWhenTheTimerIsLate() {
    CompletableFuture<Optional<Tuple>> exact =
        space.await(Template.of("a", 1), true, Duration.ofHours(1));
    CompletableFuture<Optional<Tuple>> open =
        space.await(Template.of(Template.ANY, 1), true, Duration.ofHours(1));
    clock.addAndGet(HOUR + 1);
    space.write(TUPLE, 0);
    assertEquals(Optional.empty(), exact.join());
    assertEquals(Optional.empty(), open.join());
    assertEquals(1, space.count(Template.of("a", 1)));
  }
}
