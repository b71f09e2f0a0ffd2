package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Which tuples a look-up walks. */
class ShelfTest {
  private static final int MANY = 2_000;

  private final Shelf shelf = new Shelf();
  private long nextEntryId = 1;

  private void write(Object... values) {
    shelf.add(new StoredTuple(nextEntryId++, Tuple.of(values), StoredTuple.FOR_EVER));
  }

  private void fill() {
    for (int i = 0; i < MANY; i++) {
      write("job", i, i % 7, "a", "b", "c", "d");
    }
  }

  private static Template template(int position, Object value) {
    Object[] slots = new Object[7];
    Arrays.fill(slots, Template.ANY);
    slots[0] = "job";
    slots[position] = value;
    return Template.of(slots);
  }

  private void read(Template template, int times) {
    for (int i = 0; i < times; i++) {
      shelf.read(template);
    }
  }

  @Test
  void oftenWalkedInVainIsWorthAnIndex() {
    fill();
    Template last = template(1, MANY - 1);
    assertEquals(MANY, shelf.candidateCount(last));
    read(last, 4);
    assertEquals(MANY, shelf.candidateCount(last), "that was as much as an index costs");
    read(last, 1);
    assertEquals(1, shelf.candidateCount(last));
    assertEquals(MANY - 1, shelf.read(last).entryId() - 1);
    assertEquals(0, shelf.candidateCount(template(1, MANY)), "and knows what is not there");
    assertEquals(
        1, shelf.candidateCount(Template.of("job", 5, 5, "a", "b", "c", FieldType.STRING)));
  }

  @Test
  void itIsKeptUpToDate() {
    fill();
    read(template(1, MANY - 1), 5);
    write("job", MANY, 0, "a", "b", "c", "d");
    assertEquals(1, shelf.candidateCount(template(1, MANY)));
    shelf.remove(shelf.read(template(1, MANY)));
    assertEquals(0, shelf.candidateCount(template(1, MANY)));
  }

  @Test
  void whatNoIndexWouldHelpMakesNone() {
    fill();
    Template typed = template(2, FieldType.STRING);
    read(typed, 20);
    assertEquals(MANY, shelf.candidateCount(typed));
    Template few = template(1, 0);
    read(few, 100);
    assertEquals(0, shelf.addedIndexes());
    assertEquals(MANY, shelf.candidateCount(few), "the oldest matches, nothing is walked");
  }

  @Test
  void whatIsNotUsedIsDropped() {
    fill();
    Template last = template(1, MANY - 1);
    read(last, 5);
    // Each of these look-ups saves a walk, and is worth some more writes.
    int written = 0;
    for (; written < 8 * MANY; written++) {
      read(last, written % 1_000 == 0 ? 1 : 0);
      write("job", -1, 0, "a", "b", "c", "d");
    }
    assertEquals(1, shelf.candidateCount(last));
    int stored = MANY + written;
    while (shelf.candidateCount(last) == 1) {
      write("job", -1, 0, "a", "b", "c", "d");
      assertTrue(++written < 100 * MANY);
    }
    assertEquals(MANY + written, shelf.candidateCount(last));
    assertTrue(MANY + written - stored <= 4 * stored + 1, "written since it was used");
  }

  @Test
  void thereAreOnlySoMany() {
    for (int i = 0; i < MANY; i++) {
      write("job", i, i, i, i, i, i);
    }
    for (int position = 1; position < 7; position++) {
      read(template(position, MANY - 1), 5);
    }
    int indexed = 0;
    for (int position = 1; position < 7; position++) {
      indexed += shelf.candidateCount(template(position, MANY - 1)) == 1 ? 1 : 0;
    }
    assertEquals(4, indexed);
    assertEquals(4, shelf.addedIndexes());
    // One that is wanted more than another takes its place.
    read(template(6, MANY - 1), 40);
    assertEquals(1, shelf.candidateCount(template(6, MANY - 1)));
  }
}
