package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A store against the plainest thing that does the same: a list that is walked. */
class TupleStoreModelTest {
  private static final String[] HOLDERS = {"worker/a", "worker/b", "transaction/1"};

  /** Of one hash and different. */
  private static final Object[] FIRSTS = {"AaAa", "BBBB", "AaBB", "BBAa", 1, 1.0, null};

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private TupleStore store = new TupleStore();

  // The model.
  private final TreeMap<Long, StoredTuple> visible = new TreeMap<>();
  private final Map<String, HeldTuple> holds = new LinkedHashMap<>();
  private long now;
  private long arrivals;

  @Test
  void behavesLikeAList() {
    for (int step = 0; step < 20_000; step++) {
      // The store grows to hundreds, is emptied, and grows again.
      boolean grows = step / 2_000 % 4 != 3;
      try {
        switch (random.nextInt(20)) {
          case 0, 1, 2, 3, 4, 5 -> {
            if (grows) {
              write();
            }
          }
          case 6 -> take(grows ? 1 : 3);
          case 7, 8 -> hold(step);
          case 9 -> pend(step);
          case 10, 11 -> end();
          case 12 -> renew();
          case 13 -> advance();
          case 14 -> {
            Template template = template();
            assertEquals(matching(template).count(), store.count(template));
          }
          case 15 -> {
            Template template = template();
            int limit = random.nextInt(20);
            long after = random.nextInt((int) store.nextEntryId());
            assertEquals(
                matching(template).filter(s -> s.entryId() > after).limit(limit).toList(),
                store.readAll(template, limit, after));
          }
          case 16 -> {
            Template template = template();
            String holder = HOLDERS[random.nextInt(HOLDERS.length)];
            List<HeldTuple> own =
                holds.values().stream().filter(h -> h.holder().equals(holder)).toList();
            assertEquals(own, store.holdsOf(holder));
            assertEquals(
                own.stream()
                    .filter(h -> h.written() && template.matches(h.stored().tuple()))
                    .min(Comparator.comparingLong(h -> h.stored().entryId())),
                store.readPended(holder, template));
          }
          case 17 -> {
            if (random.nextInt(200) == 0) {
              restart();
            }
          }
          default -> {
            Template template = template();
            assertEquals(matching(template).findFirst(), store.read(template));
          }
        }
        check(step);
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed + ", step " + step, e);
      }
    }
  }

  private void check(int step) {
    assertEquals(visible.size() + holds.size(), counted());
    assertEquals(everything().mapToLong(StoredTuple::storedBytes).sum(), store.storedBytes());
    assertEquals(arrivals, store.arrivals());
    assertEquals(
        visible.values().stream()
            .mapToLong(StoredTuple::leaseEndsAtMillis)
            .min()
            .orElse(StoredTuple.FOR_EVER),
        store.nextLeaseEndMillis());
    long id = 1L + random.nextInt((int) store.nextEntryId());
    Optional<StoredTuple> there = everything().filter(s -> s.entryId() == id).findFirst();
    assertEquals(there, store.anywhere(id));
    assertEquals(Optional.ofNullable(visible.get(id)), store.visible(id));
    String name = "lease-" + id;
    assertEquals(
        there.filter(s -> s.leaseName().equals(name)).map(StoredTuple::entryId),
        store.byLeaseName(name));
    if (step % 100 == 0) {
      assertEquals(List.copyOf(visible.values()), List.copyOf(store.visible()));
      assertEquals(List.copyOf(holds.values()), List.copyOf(store.holds()));
    }
  }

  private int counted() {
    return store.visible().size() + store.holds().size();
  }

  private Stream<StoredTuple> everything() {
    return Stream.concat(visible.values().stream(), holds.values().stream().map(HeldTuple::stored));
  }

  private Stream<StoredTuple> matching(Template template) {
    return visible.values().stream().filter(stored -> template.matches(stored.tuple()));
  }

  private Object first() {
    return FIRSTS[random.nextInt(FIRSTS.length)];
  }

  private Tuple tuple() {
    return random.nextInt(10) == 0
        ? Tuple.of(first())
        : Tuple.of(first(), random.nextInt(60), "s" + random.nextInt(3), random.nextInt(3));
  }

  private Template template() {
    return switch (random.nextInt(10)) {
      case 0 -> Template.of(first());
      case 1 -> Template.of(Template.ANY);
      case 2 -> Template.exactly(tuple());
      default ->
          Template.of(
              random.nextInt(3) == 0
                  ? random.nextBoolean() ? Template.ANY : FieldType.STRING
                  : first(),
              switch (random.nextInt(4)) {
                case 0 -> FieldType.INT;
                case 1 ->
                    new Template.Predicate(Template.Operator.LESS, Field.of(random.nextInt(60)));
                default -> random.nextInt(60);
              },
              switch (random.nextInt(4)) {
                case 0 -> Template.ANY;
                case 1 ->
                    new Template.Predicate(
                        Template.Operator.NOT_EQUAL, Field.of("s" + random.nextInt(3)));
                default -> "s" + random.nextInt(3);
              },
              random.nextInt(3) == 0 ? random.nextInt(3) : Template.ANY);
    };
  }

  private long leaseEnd() {
    return random.nextInt(3) == 0 ? now + 1 + random.nextInt(4_000) : StoredTuple.FOR_EVER;
  }

  private StoredTuple fresh() {
    long id = store.nextEntryId() + (random.nextInt(10) == 0 ? random.nextInt(5) : 0);
    return new StoredTuple(id, tuple(), leaseEnd(), random.nextInt(3) == 0 ? "lease-" + id : "");
  }

  private void write() {
    if (random.nextBoolean()) {
      Tuple tuple = tuple();
      long end = leaseEnd();
      long id = store.write(tuple, end);
      visible.put(id, new StoredTuple(id, tuple, end));
    } else {
      StoredTuple stored = fresh();
      store.add(stored);
      visible.put(stored.entryId(), stored);
    }
    arrivals++;
  }

  private void take(int times) {
    for (int i = 0; i < times; i++) {
      Template template = template();
      Optional<StoredTuple> expected = matching(template).findFirst();
      assertEquals(expected, store.take(template));
      expected.ifPresent(taken -> visible.remove(taken.entryId()));
    }
  }

  private void hold(int step) {
    Template template = template();
    Optional<StoredTuple> found = matching(template).findFirst();
    if (found.isPresent()) {
      String holder = HOLDERS[random.nextInt(HOLDERS.length)];
      HeldTuple held = new HeldTuple("h" + step, holder, store.nowMillis(), found.get());
      assertEquals(held, store.hold(found.get().entryId(), "h" + step, holder));
      visible.remove(found.get().entryId());
      holds.put(held.holdId(), held);
    }
  }

  private void pend(int step) {
    StoredTuple stored = fresh();
    String holder = HOLDERS[random.nextInt(HOLDERS.length)];
    HeldTuple pended = new HeldTuple("p" + step, holder, store.nowMillis(), stored, true);
    assertEquals(pended, store.pend(stored, "p" + step, holder));
    holds.put(pended.holdId(), pended);
  }

  private void end() {
    if (holds.isEmpty()) {
      assertEquals(false, store.confirm("none") || store.release("none"));
      return;
    }
    HeldTuple held = List.copyOf(holds.values()).get(random.nextInt(holds.size()));
    assertEquals(Optional.of(held), store.held(held.holdId()));
    if (random.nextInt(3) == 0) {
      assertEquals(true, store.confirm(held.holdId()));
    } else {
      assertEquals(true, store.release(held.holdId()));
      if (!held.stored().endsBy(now)) {
        visible.put(held.stored().entryId(), held.stored());
        arrivals++;
      }
    }
    holds.remove(held.holdId());
  }

  private void renew() {
    long id = random.nextInt((int) store.nextEntryId());
    long end = leaseEnd();
    Optional<StoredTuple> there = everything().filter(s -> s.entryId() == id).findFirst();
    assertEquals(there.isPresent(), store.renew(id, end));
    if (there.isPresent()) {
      StoredTuple renewed = new StoredTuple(id, there.get().tuple(), end, there.get().leaseName());
      visible.replace(id, renewed);
      holds.replaceAll(
          (holdId, held) ->
              held.stored().entryId() == id
                  ? new HeldTuple(
                      holdId, held.holder(), held.sinceMillis(), renewed, held.written())
                  : held);
    }
  }

  private void advance() {
    now += random.nextInt(40);
    List<StoredTuple> ended =
        visible.values().stream()
            .filter(stored -> stored.leaseEndsAtMillis() <= now)
            .sorted(
                Comparator.comparingLong(StoredTuple::leaseEndsAtMillis)
                    .thenComparingLong(StoredTuple::entryId))
            .toList();
    assertEquals(ended, store.advanceTo(now));
    ended.forEach(stored -> visible.remove(stored.entryId()));
  }

  /** As a snapshot brings it back. */
  private void restart() {
    long next = store.nextEntryId();
    TupleStore restarted = new TupleStore();
    store.visible().forEach(restarted::add);
    store.holds().forEach(restarted::restore);
    restarted.skipTo(next);
    assertEquals(List.of(), restarted.advanceTo(now));
    store = restarted;
    arrivals = visible.size();
  }
}
