package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.OperationId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WaitersTest {
  private final Waiters waiters = new Waiters(1_000, 1_000_000);

  WaitersTest() {
    waiters.advanceTo(0);
  }

  private static Waiter.Caller caller(String id) {
    return new Waiter.Caller(id, OperationId.none(), null);
  }

  private static String id(Waiter waiter) {
    return waiter.party().id().text();
  }

  private static List<String> ids(List<Waiter> waiters) {
    return waiters.stream().map(WaitersTest::id).toList();
  }

  @Test
  void theOldestTakerThatMatchesIsServedWhereverItStands() {
    waiters.put(caller("other"), Template.of("x", Template.ANY), true, 10);
    waiters.put(caller("open"), Template.of(Template.ANY, 1), true, 10);
    waiters.put(caller("exact"), Template.of("a", Template.ANY), true, 10);
    waiters.put(caller("typed"), Template.of(FieldType.STRING, 2), true, 10);
    assertEquals(Optional.of("open"), waiters.removeTaker(Tuple.of("a", 1)).map(WaitersTest::id));
    assertEquals(Optional.of("exact"), waiters.removeTaker(Tuple.of("a", 2)).map(WaitersTest::id));
    assertEquals(Optional.of("typed"), waiters.removeTaker(Tuple.of("a", 2)).map(WaitersTest::id));
    assertEquals(Optional.empty(), waiters.removeTaker(Tuple.of("a", 2)));
    assertEquals(Optional.empty(), waiters.removeTaker(Tuple.of("x")));
    assertEquals(1, waiters.size());
  }

  @Test
  void aRepetitionKeepsItsPlaceAndGetsNewTime() {
    waiters.put(caller("first"), Template.of("a"), true, 10);
    waiters.put(caller("second"), Template.of("a"), true, 15);
    assertEquals(10, waiters.nextEndInMillis());
    waiters.put(caller("first"), Template.of("a"), true, 30);
    assertEquals(15, waiters.nextEndInMillis());
    assertEquals(List.of("second"), ids(waiters.advanceTo(29)));
    assertEquals(Optional.of("first"), waiters.removeTaker(Tuple.of("a")).map(WaitersTest::id));
    assertEquals(Long.MAX_VALUE, waiters.nextEndInMillis());
  }

  @Test
  void aWaitCanBeForEver() {
    waiters.put(caller("patient"), Template.of("a"), false, Long.MAX_VALUE);
    assertEquals(List.of(), waiters.advanceTo(Long.MAX_VALUE / 8));
  }

  @Test
  void thereIsRoomForSoManyAndSoManyBytes() {
    Waiters few = new Waiters(2, 10_000);
    few.advanceTo(0);
    few.put(caller("1"), Template.of("a"), false, 10);
    few.put(caller("2"), Template.of("a"), false, 10);
    few.put(caller("2"), Template.of("a"), false, 10);
    assertFull(() -> few.put(caller("3"), Template.of("a"), false, 10));
    few.remove(caller("1").id());
    assertFull(() -> few.put(caller("3"), Template.of("x".repeat(10_000)), false, 10));
    few.put(caller("3"), Template.of("a"), false, 10);
  }

  private static void assertFull(Runnable put) {
    assertEquals(ErrorCode.WAITERS_FULL, assertThrows(VudoException.class, put::run).code());
  }

  /** Against a list that is searched from its beginning. */
  @Test
  void answersAsAPlainListWould() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<Waiter> plain = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      String step = "seed " + seed + ", step " + i;
      Tuple tuple = Tuple.of(random.nextInt(3), random.nextInt(3));
      switch (random.nextInt(5)) {
        case 0, 1 -> {
          Object first = random.nextBoolean() ? Template.ANY : random.nextInt(3);
          Object second = random.nextBoolean() ? Template.ANY : random.nextInt(3);
          Waiter.Caller party = caller("w" + i);
          if (plain.size() < 900) {
            waiters.put(party, Template.of(first, second), random.nextBoolean(), 1_000_000);
            plain.add(waiters.get(party.id()).orElseThrow());
          }
        }
        case 2 -> {
          List<Waiter> readers =
              plain.stream().filter(w -> !w.take() && w.template().matches(tuple)).toList();
          assertEquals(readers, waiters.removeReaders(tuple), step);
          plain.removeAll(readers);
        }
        case 3 -> {
          Optional<Waiter> taker =
              plain.stream().filter(w -> w.take() && w.template().matches(tuple)).findFirst();
          assertEquals(taker, waiters.removeTaker(tuple), step);
          taker.ifPresent(plain::remove);
        }
        default -> {
          if (!plain.isEmpty()) {
            waiters.remove(plain.remove(random.nextInt(plain.size())).party().id());
          }
        }
      }
      assertEquals(plain.size(), waiters.size(), step);
    }
  }
}
