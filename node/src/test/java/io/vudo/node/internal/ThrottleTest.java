package io.vudo.node.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** The arithmetic of limits, by a clock of the test's own. */
class ThrottleTest {
  private final AtomicLong nanos = new AtomicLong();
  private final Throttle throttle = new Throttle(nanos::get);

  private boolean enters(String caller, Caller.Limits limits) {
    return throttle.enter(caller, limits).visit().map(ThrottleTest::end).isPresent();
  }

  private static boolean end(Throttle.Visit visit) {
    visit.end();
    visit.end();
    return true;
  }

  @Test
  void aSecondsWorthAtOnceAndThenAtTheRate() {
    Caller.Limits two = new Caller.Limits(2, 0);
    assertTrue(enters("a", two));
    assertTrue(enters("a", two));
    assertEquals(1, throttle.enter("a", two).retryAfterSeconds());
    assertTrue(enters("b", two), "another caller has requests of his own");
    nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(499));
    assertTrue(!enters("a", two));
    nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(1));
    assertTrue(enters("a", two));
    assertTrue(!enters("a", two));
    nanos.addAndGet(TimeUnit.HOURS.toNanos(1));
    assertTrue(enters("a", two));
    assertTrue(enters("a", two));
    assertTrue(!enters("a", two), "an hour of silence is worth no more than a second");
  }

  @Test
  void soManyAtOnce() {
    Caller.Limits one = new Caller.Limits(0, 1);
    Throttle.Visit first = throttle.enter("a", one).visit().orElseThrow();
    assertTrue(!enters("a", one));
    assertTrue(enters("b", one));
    // An answer that goes on after it began: the place stays taken.
    Throttle.Visit stream = throttle.goOn("a");
    end(first);
    assertTrue(!enters("a", one));
    end(stream);
    assertTrue(enters("a", one));
    assertEquals(0, throttle.size());
  }

  @Test
  void whoIsGoneIsForgotten() {
    Caller.Limits ten = new Caller.Limits(10, 0);
    for (int i = 0; i <= 10_000; i++) {
      assertTrue(enters("address " + i, ten));
    }
    assertTrue(throttle.size() > 10_000);
    nanos.addAndGet(TimeUnit.SECONDS.toNanos(2));
    assertTrue(enters("another", ten));
    assertEquals(1, throttle.size());
  }
}
