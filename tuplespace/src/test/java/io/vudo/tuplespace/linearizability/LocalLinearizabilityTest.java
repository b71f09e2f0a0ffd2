package io.vudo.tuplespace.linearizability;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.LocalTuplespace;
import io.vudo.tuplespace.linearizability.Operation.Item;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * The space within one process: threads that run against each other, in short rounds, each of which
 * is checked exactly, with all first fields and templates that leave them open.
 */
final class LocalLinearizabilityTest {
  private static final int ROUNDS = Integer.getInteger("linearizability.local-rounds", 3_000);
  private static final int THREADS = 3;
  private static final int OPERATIONS_EACH = 12;
  private static final int VALUES = 3;
  private static final List<String> FIRSTS = List.of("a", "b", "c");
  private static final String SPACE = "local";

  @Test
  void everyRoundOfThreadsHasAnOrder() throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("LocalLinearizabilityTest: -Dvudo.test.seed=" + seed);
    LinearizabilityChecker<List<Item>> checker = new LinearizabilityChecker<>(new SpaceModel());
    long operations = 0;
    ExecutorService executor = Executors.newFixedThreadPool(THREADS);
    try {
      for (int round = 0; round < ROUNDS; round++) {
        List<Operation> history = round(executor, seed + 31L * round);
        operations += history.size();
        assertEquals(Optional.empty(), checker.check(history), "round " + round);
      }
    } finally {
      executor.shutdownNow();
    }
    System.out.println("LocalLinearizabilityTest: " + operations + " operations, 0 violations");
  }

  private static List<Operation> round(ExecutorService executor, long seed) throws Exception {
    LocalTuplespace space = LocalTuplespace.builder().stripes(4).build();
    AtomicInteger ready = new AtomicInteger();
    List<Future<List<Operation>>> threads = new ArrayList<>();
    for (int thread = 1; thread <= THREADS; thread++) {
      int process = thread;
      threads.add(
          executor.submit(
              () -> {
                Random random = new Random(seed * THREADS + process);
                List<Operation> mine = new ArrayList<>();
                // They are to begin at the same moment, so nobody sleeps.
                ready.incrementAndGet();
                while (ready.get() < THREADS) {
                  Thread.onSpinWait();
                }
                for (int i = 0; i < OPERATIONS_EACH; i++) {
                  mine.add(run(space, choose(random).by(process), random));
                }
                return mine;
              }));
    }
    List<Operation> history = new ArrayList<>();
    for (Future<List<Operation>> thread : threads) {
      history.addAll(thread.get());
    }
    return history;
  }

  private static Operation choose(Random random) {
    String first = FIRSTS.get(random.nextInt(FIRSTS.size()));
    long value = 1L + random.nextInt(VALUES);
    return switch (random.nextInt(12)) {
      case 0, 1, 2 -> Operation.write(SPACE, first, value);
      case 3 -> Operation.take(SPACE, first);
      case 4 -> Operation.take(SPACE, first).withValue(value);
      case 5 -> Operation.takeAny(SPACE);
      case 6 -> Operation.takeAny(SPACE).withValue(value);
      case 7 -> Operation.read(SPACE, first);
      case 8 -> Operation.count(SPACE, Optional.empty());
      default ->
          Operation.swap(
              SPACE,
              first,
              value,
              new Item(FIRSTS.get(random.nextInt(FIRSTS.size())), 1L + random.nextInt(VALUES)));
    };
  }

  private static Operation run(LocalTuplespace space, Operation asked, Random random)
      throws InterruptedException {
    Template template = template(asked);
    // A few wait; most rounds have one that gives up and one that is served.
    Duration wait =
        random.nextInt(8) == 0 ? Duration.ofMillis(1 + random.nextInt(2)) : Duration.ZERO;
    long begin = System.nanoTime();
    Operation ended =
        switch (asked.kind()) {
          case WRITE -> {
            space.write(tuple(asked.written()));
            yield asked.done();
          }
          case READ ->
              found(asked, wait.isZero() ? space.read(template) : space.read(template, wait));
          case TAKE ->
              found(asked, wait.isZero() ? space.take(template) : space.take(template, wait));
          case COUNT -> asked.counted(space.count(template));
          case SWAP -> {
            Tuple replacement = tuple(asked.replacement().orElseThrow());
            yield space.compareAndSwap(template, replacement).isPresent()
                ? asked.done()
                : asked.empty();
          }
        };
    return ended.at(begin, System.nanoTime());
  }

  private static Operation found(Operation asked, Optional<Tuple> tuple) {
    if (tuple.isEmpty()) {
      return asked.empty();
    }
    List<Field> fields = tuple.get().fields();
    return asked.found(((Field.Text) fields.get(0)).value(), ((Field.Int64) fields.get(1)).value());
  }

  private static Tuple tuple(Item item) {
    return Tuple.of(item.first(), item.value());
  }

  private static Template template(Operation asked) {
    return Template.of(
        asked.first().isPresent() ? asked.first().get() : FieldType.STRING,
        asked.value().isPresent() ? (Object) asked.value().getAsLong() : FieldType.INT);
  }
}
