package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TupleStoreTest {
  private static final String HOLDER = "worker/alice";
  private static final Template JOB = Template.of("job", FieldType.INT);

  private final TupleStore store = new TupleStore();

  private void write(Object... values) {
    store.write(Tuple.of(values), StoredTuple.FOR_EVER);
  }

  private Optional<Tuple> take(Template template) {
    return store.take(template).map(StoredTuple::tuple);
  }

  private HeldTuple hold(Template template, String holdId) {
    return store.hold(store.read(template).orElseThrow().entryId(), holdId, HOLDER);
  }

  @Test
  void equalTuplesAreDistinct() {
    write("job", 1);
    write("job", 1);

    assertEquals(2, store.count(JOB));
    assertEquals(Optional.of(Tuple.of("job", 1)), take(JOB));
    assertEquals(Optional.of(Tuple.of("job", 1)), take(JOB));
    assertEquals(Optional.empty(), take(JOB));
  }

  @Test
  void theOldestMatchIsServedFirstWhateverTheTemplate() {
    write("job", 1);
    write("other", 2);
    write("job", 3);
    write("job", "x");

    assertEquals(Optional.of(Tuple.of("job", 1)), take(JOB));
    assertEquals(Optional.of(Tuple.of("other", 2)), take(Template.of(Template.ANY, Template.ANY)));
    assertEquals(Optional.of(Tuple.of("job", "x")), take(Template.of("job", FieldType.STRING)));
    assertEquals(Optional.of(Tuple.of("job", 3)), take(Template.of(FieldType.STRING, 3)));
  }

  @Test
  void readingLeavesTheTuple() {
    write("job", 1);
    assertEquals(store.read(JOB), store.read(JOB));
    assertEquals(1, store.count(JOB));
  }

  @Test
  void anIntIsNoFloat() {
    write("job", 1);
    assertTrue(store.read(Template.of("job", 1.0)).isEmpty());
    assertTrue(store.read(Template.of("job", FieldType.FLOAT)).isEmpty());
    write(1, "x");
    assertTrue(store.read(Template.of(1.0, Template.ANY)).isEmpty(), "in the index, too");
  }

  @Test
  void anExactFirstFieldWalksOnlyItsOwn() {
    for (int i = 0; i < 1_000; i++) {
      write("key-" + i, i);
      write("key-" + i, i, "longer");
    }

    assertEquals(1, store.candidateCount(Template.of("key-7", Template.ANY)));
    assertEquals(0, store.candidateCount(Template.of("none", Template.ANY)));
    assertEquals(0, store.candidateCount(Template.of("key-7")));
    assertEquals(1_000, store.candidateCount(Template.of(Template.ANY, 7)));
  }

  @Test
  void aLeaseEndsAtItsMomentNotBeforeAndNotAfter() {
    store.advanceTo(1_000);
    store.write(Tuple.of("job", 1), 1_500);
    store.write(Tuple.of("job", 2), StoredTuple.FOR_EVER);

    store.advanceTo(1_499);
    assertEquals(2, store.count(JOB));
    assertEquals(1_500, store.nextLeaseEndMillis());
    store.advanceTo(1_500);
    assertEquals(Optional.of(Tuple.of("job", 2)), store.read(JOB).map(StoredTuple::tuple));
    assertEquals(1, store.count(JOB));
    assertEquals(StoredTuple.FOR_EVER, store.nextLeaseEndMillis());
  }

  @Test
  void aClockThatGoesBackRevivesNothing() {
    store.advanceTo(1_000);
    store.write(Tuple.of("job", 1), 1_500);
    store.advanceTo(1_500);
    store.advanceTo(1_200);
    assertEquals(0, store.count(JOB));
    assertEquals(1_500, store.nowMillis());
  }

  @Test
  void aHeldTupleIsOutOfSight() {
    write("job", 1);
    hold(JOB, "h");

    assertTrue(store.read(JOB).isEmpty());
    assertEquals(0, store.count(JOB));
    assertTrue(store.confirm("h"));
    assertFalse(store.confirm("h"));
    assertFalse(store.release("h"), "what was confirmed does not come back");
    assertEquals(0, store.count(JOB));
  }

  @Test
  void aReleasedTupleIsBackAtItsOldPlace() {
    write("job", 1);
    write("job", 2);
    write("job", 3);
    hold(JOB, "first");
    hold(JOB, "second");
    write("job", 4);

    assertTrue(store.release("second"));
    assertTrue(store.release("first"));
    assertFalse(store.release("first"));

    List<Optional<Tuple>> order = List.of(take(JOB), take(JOB), take(JOB), take(JOB));
    assertEquals(
        List.of(
            Optional.of(Tuple.of("job", 1)),
            Optional.of(Tuple.of("job", 2)),
            Optional.of(Tuple.of("job", 3)),
            Optional.of(Tuple.of("job", 4))),
        order);
  }

  @Test
  void aTupleWhoseLeaseEndsWhileItIsHeldDoesNotComeBack() {
    store.write(Tuple.of("job", 1), 1_000);
    hold(JOB, "h");
    store.advanceTo(1_000);

    assertTrue(store.held("h").isPresent(), "the turn that holds it may still commit");
    assertTrue(store.release("h"));
    assertEquals(0, store.count(JOB));
    assertEquals(0, store.storedBytes());
  }

  @Test
  void bytesAreCountedExactly() {
    Tuple small = Tuple.of("job", 1);
    Tuple large = Tuple.of("blob", new byte[1_000]);
    long smallBytes = small.encodedBytes() + StoredTuple.OVERHEAD_BYTES;
    long largeBytes = large.encodedBytes() + StoredTuple.OVERHEAD_BYTES;

    store.write(small, StoredTuple.FOR_EVER);
    store.write(large, StoredTuple.FOR_EVER);
    store.write(small, 1_000);
    assertEquals(2 * smallBytes + largeBytes, store.storedBytes());
    hold(Template.of("blob", Template.ANY), "h");
    assertEquals(2 * smallBytes + largeBytes, store.storedBytes(), "held tuples count");
    store.advanceTo(1_000);
    assertEquals(smallBytes + largeBytes, store.storedBytes());
    store.confirm("h");
    assertEquals(smallBytes, store.storedBytes());
    store.take(JOB);
    assertEquals(0, store.storedBytes());
  }

  @Test
  void anEntryThatIsNotThereIsADamagedJournal() {
    VudoException e = assertThrows(VudoException.class, () -> store.remove(7));
    assertEquals(ErrorCode.JOURNAL_CORRUPT, e.code());
  }

  /** Against the plainest thing that does the same: a list that is walked. */
  @Test
  void behavesLikeAList() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Object[] firsts = {"a", "b", 1, 1.0, null, Tuple.of("n", 1)};
    List<StoredTuple> model = new ArrayList<>();
    List<HeldTuple> held = new ArrayList<>();
    long now = 0;
    for (int step = 0; step < 20_000; step++) {
      Object first = firsts[random.nextInt(firsts.length)];
      Template template =
          switch (random.nextInt(4)) {
            case 0 -> Template.of(Template.ANY, Template.ANY);
            case 1 -> Template.of(Template.ANY, random.nextInt(4));
            case 2 -> Template.of(first, FieldType.INT);
            default -> Template.of(first, random.nextInt(4));
          };
      Optional<StoredTuple> expected =
          model.stream().filter(stored -> template.matches(stored.tuple())).findFirst();
      switch (random.nextInt(7)) {
        case 0, 1 -> {
          Tuple tuple = Tuple.of(first, random.nextInt(4));
          long endsAt = random.nextBoolean() ? StoredTuple.FOR_EVER : now + 1 + random.nextInt(200);
          model.add(new StoredTuple(store.write(tuple, endsAt), tuple, endsAt));
        }
        case 2 -> assertEquals(expected, store.read(template), "seed " + seed);
        case 3 -> {
          assertEquals(expected, store.take(template), "seed " + seed);
          expected.ifPresent(model::remove);
        }
        case 4 -> {
          if (expected.isPresent()) {
            held.add(hold(template, "h" + step));
            assertEquals(expected.get(), held.get(held.size() - 1).stored(), "seed " + seed);
            model.remove(expected.get());
          }
        }
        case 5 -> {
          if (!held.isEmpty()) {
            HeldTuple over = held.remove(random.nextInt(held.size()));
            if (random.nextBoolean()) {
              store.confirm(over.holdId());
            } else {
              store.release(over.holdId());
              if (!over.stored().endsBy(now)) {
                model.add(over.stored());
                model.sort((a, b) -> Long.compare(a.entryId(), b.entryId()));
              }
            }
          }
        }
        default -> {
          now += random.nextInt(20);
          store.advanceTo(now);
          long ended = now;
          model.removeIf(stored -> stored.endsBy(ended));
        }
      }
      assertEquals(model.size(), store.count(Template.of(Template.ANY, Template.ANY)));
    }
    assertEquals(model, List.copyOf(store.visible()), "seed " + seed);
    assertEquals(
        model.stream().mapToLong(StoredTuple::storedBytes).sum()
            + held.stream().mapToLong(h -> h.stored().storedBytes()).sum(),
        store.storedBytes(),
        "seed " + seed);
  }
}
