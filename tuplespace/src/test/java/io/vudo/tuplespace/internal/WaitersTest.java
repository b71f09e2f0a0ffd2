package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.OperationId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
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

  @Test
  void whatAnotherSpaceHandsOverComesBackAtItsPlace() {
    waiters.put(caller("first"), Template.of("a"), true, 10);
    waiters.put(caller("second"), Template.of(Template.ANY), true, 10);
    waiters.put(caller("third"), Template.of("a"), false, 10);
    assertEquals(List.of("first", "second", "third"), ids(waiters.inOrder()));

    Waiters other = new Waiters(1, 1_000);
    other.advanceTo(0);
    List<Waiter> handedOver = waiters.inOrder();
    other.restore(handedOver.get(2));
    other.restore(handedOver.get(1));
    other.restore(handedOver.get(0));
    assertEquals(handedOver, other.inOrder());
    assertEquals(Optional.of("first"), other.removeTaker(Tuple.of("a")).map(WaitersTest::id));
    other.restore(handedOver.get(1));
    assertEquals(List.of("second", "third"), ids(other.inOrder()));
    other.remove(caller("second").id());
    other.remove(caller("third").id());
    other.put(caller("fourth"), Template.of("a"), true, 10);
    assertTrue(other.inOrder().get(0).arrival() > 3, "no arrival is given twice");
  }

  @Test
  void ofManyKindsOfTemplatesNoneIsOverlooked() {
    // More sets of positions than have groups of their own.
    for (int i = 0; i < 200; i++) {
      Object[] slots = new Object[8];
      for (int p = 0; p < slots.length; p++) {
        slots[p] = (i & (1 << p)) != 0 ? (Object) p : Template.ANY;
      }
      waiters.put(caller("w" + i), Template.of(slots), i % 2 == 0, 10);
    }
    Tuple tuple = Tuple.of(0, 1, 2, 3, 4, 5, 6, 7);
    for (int i = 0; i < 200; i += 6) {
      waiters.remove(caller("w" + i).id());
    }
    assertEquals(
        IntStream.range(0, 200).filter(i -> i % 2 == 1).mapToObj(i -> "w" + i).toList(),
        ids(waiters.removeReaders(tuple)));
    for (int i = 0; i < 200; i += 2) {
      if (i % 6 != 0) {
        assertEquals(Optional.of("w" + i), waiters.removeTaker(tuple).map(WaitersTest::id));
      }
    }
    assertEquals(0, waiters.size());
  }

  /** Against a list that is searched from its beginning. */
  @Test
  void answersAsAPlainListWould() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Waiters many = new Waiters(400, Long.MAX_VALUE);
    many.advanceTo(0);
    List<Waiter> plain = new ArrayList<>();
    long now = 0;
    for (int i = 0; i < 30_000; i++) {
      String step = "seed " + seed + ", step " + i;
      Tuple tuple = tuple(random);
      switch (random.nextInt(8)) {
        case 0, 1, 2 -> {
          Waiter.Caller party =
              new Waiter.Caller(
                  "w" + i,
                  random.nextInt(3) == 0
                      ? OperationId.key("k" + random.nextInt(5))
                      : OperationId.none(),
                  null);
          if (plain.size() < 400) {
            many.put(party, template(random), random.nextBoolean(), 1 + random.nextInt(3_000));
            plain.add(many.get(party.id()).orElseThrow());
          } else {
            assertFull(() -> many.put(party, Template.of(1), true, 1));
          }
        }
        case 3 -> {
          List<Waiter> readers =
              plain.stream().filter(w -> !w.take() && w.template().matches(tuple)).toList();
          assertEquals(readers, many.removeReaders(tuple), step);
          plain.removeAll(readers);
        }
        case 4 -> {
          Optional<Waiter> taker =
              plain.stream().filter(w -> w.take() && w.template().matches(tuple)).findFirst();
          assertEquals(taker, many.taker(tuple), step);
          assertEquals(taker, many.removeTaker(tuple), step);
          taker.ifPresent(plain::remove);
        }
        case 5 -> {
          now += random.nextInt(60);
          long moment = now;
          List<Waiter> over = new ArrayList<>(plain);
          over.removeIf(w -> w.deadlineMillis() > moment);
          over.sort(
              Comparator.comparingLong(Waiter::deadlineMillis).thenComparingLong(Waiter::arrival));
          assertEquals(over, many.advanceTo(now), step);
          plain.removeAll(over);
        }
        case 6 -> {
          if (random.nextInt(10) == 0) {
            String key = "k" + random.nextInt(5);
            List<Waiter> same = plain.stream().filter(w -> w.key().equals(key)).toList();
            assertEquals(same, many.removeByKey(key), step);
            plain.removeAll(same);
          }
        }
        default -> {
          if (!plain.isEmpty()) {
            Waiter one = plain.remove(random.nextInt(plain.size()));
            many.remove(one.party().id());
            if (random.nextInt(3) == 0) {
              many.restore(one);
              plain.add(one);
              plain.sort(Comparator.comparingLong(Waiter::arrival));
            }
          }
        }
      }
      assertEquals(plain.size(), many.size(), step);
      if (i % 100 == 0) {
        assertEquals(plain, many.inOrder(), step);
      }
    }
  }

  private static Tuple tuple(Random random) {
    return random.nextInt(5) == 0
        ? Tuple.of(random.nextInt(3))
        : Tuple.of(random.nextInt(3), random.nextInt(3), "s" + random.nextInt(2));
  }

  private static Template template(Random random) {
    if (random.nextInt(5) == 0) {
      return Template.of(random.nextBoolean() ? Template.ANY : random.nextInt(3));
    }
    Object[] slots = new Object[3];
    for (int i = 0; i < slots.length; i++) {
      slots[i] =
          switch (random.nextInt(5)) {
            case 0 -> Template.ANY;
            case 1 -> i == 2 ? FieldType.STRING : FieldType.INT;
            case 2 ->
                new Template.Predicate(
                    Template.Operator.NOT_EQUAL, Field.of(i == 2 ? "s0" : (Object) 1));
            default -> i == 2 ? "s" + random.nextInt(2) : random.nextInt(3);
          };
    }
    return Template.of(slots);
  }
}
