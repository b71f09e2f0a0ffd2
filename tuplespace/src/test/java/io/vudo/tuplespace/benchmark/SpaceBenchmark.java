package io.vudo.tuplespace.benchmark;

import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.LocalTuplespace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Not a test: what it costs to write and take tuples, beside other ways to hand over jobs, in the
 * same process and in alternating rounds; and what a space costs that holds many.
 * docs/benchmarks.md has the command and what it printed.
 *
 * <p>A further side is a class that implements {@link Side}, added in {@link #sides}.
 */
public final class SpaceBenchmark {
  /** Kinds of jobs; one of each lies there all the time. */
  static final int KINDS = 1_000;

  static final String PAYLOAD = "0123456789abcdef";

  private static final String[] NAMES = new String[KINDS];
  private static final Field[] FIELDS = new Field[KINDS];
  private static final Template[] TEMPLATES = new Template[KINDS];

  static {
    for (int i = 0; i < KINDS; i++) {
      NAMES[i] = "kind-" + i;
      FIELDS[i] = Field.of(NAMES[i]);
      TEMPLATES[i] = Template.of(NAMES[i], Template.ANY, Template.ANY);
    }
  }

  private SpaceBenchmark() {}

  /**
   * Prints all tables.
   *
   * @param arguments rounds (5) and seconds a round and side (3)
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
    List<Side> sides = sides();
    for (Side side : sides) {
      for (int kind = 0; kind < KINDS; kind++) {
        side.write(kind, kind);
      }
    }
    for (int threads : new int[] {1, 4}) {
      compare(sides, threads, rounds, seconds);
    }
    sides.forEach(Side::close);
    lookUps();
    memory();
  }

  private static List<Side> sides() throws Exception {
    List<Side> sides = new ArrayList<>();
    sides.add(new Space());
    sides.add(new HandWritten());
    try {
      // Compiled in profile benchmark only.
      Object hazelcast =
          Class.forName(SpaceBenchmark.class.getPackageName() + ".HazelcastSides")
              .getDeclaredConstructor()
              .newInstance();
      for (Object side : (List<?>) ((Supplier<?>) hazelcast).get()) {
        sides.add((Side) side);
      }
    } catch (ClassNotFoundException e) {
      System.out.println("Without Hazelcast: run it with -Pbenchmark.");
    }
    return sides;
  }

  static String kind(int kind) {
    return NAMES[kind];
  }

  static void check(boolean holds) {
    if (!holds) {
      throw new IllegalStateException("A job is missing.");
    }
  }

  private static Tuple job(int kind, long number) {
    return Tuple.of(FIELDS[kind], number, PAYLOAD);
  }

  private static final class Space implements Side {
    private final LocalTuplespace space = LocalTuplespace.create();

    @Override
    public String name() {
      return "LocalTuplespace";
    }

    @Override
    public void write(int kind, long number) {
      space.write(job(kind, number));
    }

    @Override
    public void take(int kind) {
      check(space.take(TEMPLATES[kind]).isPresent());
    }
  }

  /** What one would write for these jobs and no others. */
  private static final class HandWritten implements Side {
    private final Map<Field, Queue<Tuple>> jobs = new ConcurrentHashMap<>();

    @Override
    public String name() {
      return "hand-written map of queues";
    }

    @Override
    public void write(int kind, long number) {
      jobs.computeIfAbsent(FIELDS[kind], key -> new ConcurrentLinkedQueue<>())
          .add(job(kind, number));
    }

    @Override
    public void take(int kind) {
      check(jobs.get(FIELDS[kind]).poll() != null);
    }
  }

  private static void compare(List<Side> sides, int threads, int rounds, int seconds)
      throws Exception {
    Map<Side, double[][]> results = new LinkedHashMap<>();
    sides.forEach(side -> results.put(side, new double[3][rounds]));
    for (int round = -1; round < rounds; round++) {
      for (Side side : sides) {
        Latencies latencies = run(side, threads, seconds);
        if (round >= 0) {
          double[][] result = results.get(side);
          result[0][round] = latencies.total() / (double) seconds;
          result[1][round] = latencies.quantile(0.5) / 1_000;
          result[2][round] = latencies.quantile(0.99) / 1_000;
        }
      }
    }
    double[] first = results.get(sides.get(0))[0];
    System.out.printf(
        Locale.ROOT,
        "%n| write and take, %d %s, median of %d rounds of %d s | pairs/s | p50, µs | p99, µs |"
            + " LocalTuplespace is x as fast |%n|---|---|---|---|---|%n",
        threads,
        threads == 1 ? "thread" : "threads",
        rounds,
        seconds);
    results.forEach(
        (side, result) -> {
          double[] ratios = new double[rounds];
          Arrays.setAll(ratios, i -> first[i] / result[0][i]);
          System.out.printf(
              Locale.ROOT,
              "| %s | %,.0f | %.2f | %.2f | %.2f |%n",
              side.name(),
              median(result[0]),
              median(result[1]),
              median(result[2]),
              median(ratios));
        });
  }

  private static Latencies run(Side side, int threads, int seconds) throws Exception {
    Latencies all = new Latencies();
    List<CompletableFuture<Latencies>> running = new ArrayList<>();
    CountDownLatch ready = new CountDownLatch(threads);
    for (int t = 0; t < threads; t++) {
      CompletableFuture<Latencies> done = new CompletableFuture<>();
      running.add(done);
      SplittableRandom random = new SplittableRandom(t);
      new Thread(
              () -> {
                try {
                  ready.countDown();
                  ready.await();
                  Latencies own = new Latencies();
                  long end = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
                  long before = System.nanoTime();
                  for (long number = KINDS; before - end < 0; number++) {
                    int kind = random.nextInt(KINDS);
                    side.write(kind, number);
                    side.take(kind);
                    long now = System.nanoTime();
                    own.add(now - before);
                    before = now;
                  }
                  done.complete(own);
                } catch (Throwable e) {
                  done.completeExceptionally(e);
                }
              })
          .start();
    }
    for (CompletableFuture<Latencies> one : running) {
      all.add(one.get());
    }
    return all;
  }

  /** Reads in spaces of different sizes. */
  private static void lookUps() {
    System.out.printf(
        Locale.ROOT, "%n| one read, median, µs | 1,000 tuples | 1,000,000 tuples | ratio |%n");
    System.out.println("|---|---|---|---|");
    for (int asked : new int[] {1_000, 50_000}) {
      String which = asked == 1_000 ? "1,000" : "50,000";
      Template[] fewTemplates = templates(1_000, 1_000, false);
      Template[] manyTemplates = templates(asked, 1_000_000, false);
      LocalTuplespace few = filled(1_000, false);
      LocalTuplespace many = filled(1_000_000, false);
      printLookUps(
          "by first field, " + which + " of the tuples",
          () -> read(fewTemplates, template -> few.read(template).isPresent()),
          () -> read(manyTemplates, template -> many.read(template).isPresent()));
      Map<Field, Tuple> fewPlain = plain(1_000);
      Map<Field, Tuple> manyPlain = plain(1_000_000);
      printLookUps(
          "the same in a ConcurrentHashMap",
          () -> read(fewTemplates, template -> fewPlain.get(firstField(template)) != null),
          () -> read(manyTemplates, template -> manyPlain.get(firstField(template)) != null));
    }
    Template[] fewTemplates = templates(1_000, 1_000, true);
    Template[] manyTemplates = templates(1_000, 1_000_000, true);
    LocalTuplespace few = filled(1_000, true);
    LocalTuplespace many = filled(1_000_000, true);
    printLookUps(
        "by second field, all first fields equal",
        () -> read(fewTemplates, template -> few.read(template).isPresent()),
        () -> read(manyTemplates, template -> many.read(template).isPresent()));
  }

  private static Field firstField(Template template) {
    return template.exactFirstField().orElseThrow();
  }

  private static Map<Field, Tuple> plain(int tuples) {
    Map<Field, Tuple> plain = new ConcurrentHashMap<>();
    for (int i = 0; i < tuples; i++) {
      Tuple tuple = Tuple.of("job-" + i, i, PAYLOAD);
      plain.put(tuple.field(0), tuple);
    }
    return plain;
  }

  private static void printLookUps(String name, DoubleSupplier few, DoubleSupplier many) {
    double[] fewMicros = new double[9];
    double[] manyMicros = new double[9];
    for (int round = -2; round < 9; round++) {
      double one = few.getAsDouble();
      double other = many.getAsDouble();
      if (round >= 0) {
        fewMicros[round] = one;
        manyMicros[round] = other;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "| %s | %.3f | %.3f | %.2f |%n",
        name,
        median(fewMicros),
        median(manyMicros),
        median(manyMicros) / median(fewMicros));
  }

  private static LocalTuplespace filled(int tuples, boolean equalFirstFields) {
    LocalTuplespace space = LocalTuplespace.create();
    for (int i = 0; i < tuples; i++) {
      space.write(Tuple.of(equalFirstFields ? "job" : "job-" + i, i, PAYLOAD));
    }
    return space;
  }

  private static Template[] templates(int count, int tuples, boolean second) {
    SplittableRandom random = new SplittableRandom(1);
    Template[] templates = new Template[count];
    for (int i = 0; i < count; i++) {
      int chosen = random.nextInt(tuples);
      templates[i] =
          second
              ? Template.of("job", chosen, Template.ANY)
              : Template.of("job-" + chosen, Template.ANY, Template.ANY);
    }
    return templates;
  }

  /** The median of one read, in microseconds; 16 in a row are measured. */
  private static double read(Template[] templates, Predicate<Template> finds) {
    Latencies latencies = new Latencies();
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 20_000; i++) {
      long before = System.nanoTime();
      for (int j = 0; j < 16; j++) {
        check(finds.test(templates[random.nextInt(templates.length)]));
      }
      latencies.add(System.nanoTime() - before);
    }
    return latencies.quantile(0.5) / 16_000;
  }

  private static void memory() {
    System.out.printf(Locale.ROOT, "%n| memory, bytes for each | |%n|---|---|%n");
    int count = 1_000_000;
    Tuple[] tuples = new Tuple[count];
    for (int kinds : new int[] {1_000, count}) {
      Arrays.fill(tuples, null);
      long empty = usedBytes();
      Arrays.setAll(tuples, i -> Tuple.of("kind-" + i % kinds, i, PAYLOAD));
      long before = usedBytes();
      LocalTuplespace space = LocalTuplespace.create();
      for (Tuple tuple : tuples) {
        space.write(tuple);
      }
      long after = usedBytes();
      System.out.printf(
          Locale.ROOT,
          "| stored tuple, %,d first fields | %d, and %d the tuple itself |%n",
          kinds,
          (after - before) / count,
          (before - empty) / count);
      if (kinds == count) {
        // A template that leaves the first field open, until an index is worth it.
        for (int i = 0; i < 10; i++) {
          check(space.read(Template.of(Template.ANY, count - 1, Template.ANY)).isPresent());
        }
        System.out.printf(
            Locale.ROOT,
            "| and in an index made on demand | %d |%n",
            (usedBytes() - after) / count);
      }
      check(space.count(Template.of(FieldType.STRING, 1, Template.ANY)) == 1);
    }
    Arrays.fill(tuples, null);

    int waiters = 100_000;
    LocalTuplespace space = LocalTuplespace.create();
    List<CompletableFuture<Optional<Tuple>>> waiting = new ArrayList<>(waiters);
    long before = usedBytes();
    for (int i = 0; i < waiters; i++) {
      waiting.add(space.takeAsync(Template.of("reply", i), Duration.ofHours(1)));
    }
    System.out.printf(
        Locale.ROOT,
        "| one of 100,000 waiters, its template and future | %d |%n",
        (usedBytes() - before) / waiters);
    Latencies latencies = new Latencies();
    for (int i = 0; i < waiters; i++) {
      long start = System.nanoTime();
      space.write(Tuple.of("reply", i));
      latencies.add(System.nanoTime() - start);
      check(waiting.get(i).isDone());
    }
    System.out.printf(
        Locale.ROOT,
        "%nA write that serves one of 100,000 waiters: p50 %.2f µs, p99 %.2f µs%n",
        latencies.quantile(0.5) / 1_000,
        latencies.quantile(0.99) / 1_000);
  }

  private static long usedBytes() {
    for (int i = 0; i < 4; i++) {
      System.gc();
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
