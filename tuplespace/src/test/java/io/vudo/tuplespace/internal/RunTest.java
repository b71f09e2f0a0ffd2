package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RunTest {
  private static final Tuple ONE = Tuple.of(1);

  /** Against the JDK's tree, in phases that grow, shrink and do both. */
  @Test
  void behavesLikeATree() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Run<StoredTuple> run = new Run<>();
    TreeMap<Long, StoredTuple> model = new TreeMap<>();
    long end = 0;
    for (int step = 0; step < 60_000; step++) {
      String at = "seed " + seed + ", step " + step;
      int growing = step / 5_000 % 3 == 0 ? 8 : step / 5_000 % 3 == 1 ? 5 : 1;
      if (random.nextInt(10) < growing) {
        end += 1 + random.nextInt(3);
        long place = random.nextInt(3) == 0 ? 1 + random.nextInt((int) end) : end;
        if (!model.containsKey(place)) {
          StoredTuple added = new StoredTuple(place, ONE, StoredTuple.FOR_EVER);
          run.add(added);
          model.put(place, added);
        }
      } else if (!model.isEmpty()) {
        long place =
            switch (random.nextInt(3)) {
              case 0 -> model.firstKey();
              case 1 -> model.ceilingKey(1 + (long) random.nextInt(model.lastKey().intValue()));
              default -> random.nextInt((int) end + 2);
            };
        assertEquals(model.remove(place), run.removeAt(place), at);
      }
      assertEquals(model.size(), run.size(), at);
      if (!model.isEmpty()) {
        assertEquals(model.firstEntry().getValue(), run.first(), at);
      }
      long any = random.nextInt((int) end + 2);
      assertEquals(model.get(any), run.at(any), at);
      if (step % 50 == 0) {
        List<StoredTuple> after = new ArrayList<>();
        run.iterator(any).forEachRemaining(after::add);
        assertEquals(List.copyOf(model.tailMap(any, false).values()), after, at);
        assertEquals(List.copyOf(model.values()), List.copyOf(run), at);
      }
    }
    for (Map.Entry<Long, StoredTuple> left : List.copyOf(model.entrySet())) {
      assertEquals(left.getValue(), run.removeAt(left.getKey()), "seed " + seed);
    }
    assertEquals(List.of(), List.copyOf(run), "seed " + seed);
  }
}
