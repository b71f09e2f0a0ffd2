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
import java.util.List;
import java.util.Optional;
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
}
