package io.vudo.tuplespace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LocalTuplespaceTest {
  private static final Duration LONG = Duration.ofSeconds(50);
  private static final Template ANY_PAIR = Template.of(Template.ANY, Template.ANY);

  private final LocalTuplespace space = LocalTuplespace.create();

  private static void assertCode(ErrorCode code, Runnable call) {
    assertEquals(code, assertThrows(VudoException.class, call::run).code());
  }

  @Test
  void theOldestIsTakenWhateverStripeItIsIn() {
    for (int i = 0; i < 100; i++) {
      space.write(Tuple.of("key-" + i, i));
    }
    assertEquals(100, space.count(ANY_PAIR));
    assertEquals(
        IntStream.range(0, 40).mapToObj(i -> Tuple.of("key-" + i, i)).toList(),
        space.readAll(ANY_PAIR, 40));
    for (int i = 0; i < 50; i++) {
      assertEquals(Optional.of(Tuple.of("key-" + i, i)), space.take(ANY_PAIR));
    }
    assertEquals(50, space.takeAll(ANY_PAIR, 1_000).size());
    assertEquals(Optional.empty(), space.read(ANY_PAIR));
    assertCode(ErrorCode.REQUEST_INVALID, () -> space.takeAll(ANY_PAIR, 0));
  }

  @Test
  void swappingIsOneStepAcrossStripes() {
    space.write(Tuple.of("state", 1));
    assertEquals(
        Optional.of(Tuple.of("state", 1)),
        space.compareAndSwap(Template.of("state", FieldType.INT), Tuple.of("elsewhere", 2)));
    assertEquals(
        Optional.empty(), space.compareAndSwap(Template.of("state", 1), Tuple.of("state", 3)));
    assertEquals(List.of(Tuple.of("elsewhere", 2)), space.readAll(ANY_PAIR, 10));
  }

  @Test
  void aSwapOfManyThreadsLosesNoIncrement() throws Exception {
    space.write(Tuple.of("counter", 0));
    inThreads(
        4,
        thread -> {
          for (int done = 0; done < 1_000; ) {
            Tuple before = space.read(Template.of("counter", FieldType.INT)).orElseThrow();
            long value = ((Field.Int64) before.field(1)).value();
            Tuple after = Tuple.of("counter", value + 1);
            done += space.compareAndSwap(Template.exactly(before), after).isPresent() ? 1 : 0;
          }
        });
    assertEquals(List.of(Tuple.of("counter", 4_000)), space.readAll(ANY_PAIR, 10));
  }

  @Test
  void fullIsFullAndNothingOfABatchIsWritten() {
    Tuple tuple = Tuple.of("a", 1);
    long each = tuple.encodedBytes() + 256;
    LocalTuplespace small = LocalTuplespace.builder().maxBytes(3 * each).build();
    small.write(tuple);
    assertCode(
        ErrorCode.SPACE_FULL,
        () -> small.writeAll(List.of(tuple, Tuple.of("b", 1), Tuple.of("c", 1))));
    assertEquals(1, small.count(ANY_PAIR));
    small.writeAll(List.of(Tuple.of("b", 1), Tuple.of("c", 1)));
    assertCode(ErrorCode.SPACE_FULL, () -> small.write(tuple));
    assertCode(
        ErrorCode.SPACE_FULL,
        () -> small.compareAndSwap(Template.of("a", 1), Tuple.of("a", "longer")));
    assertEquals(Optional.of(tuple), small.compareAndSwap(Template.of("a", 1), Tuple.of("d", 2)));
    assertEquals(3, small.takeAll(ANY_PAIR, 10).size());
    small.writeAll(List.of(tuple, tuple, tuple));
  }

  @Test
  void whatEndedElsewhereMakesRoom() {
    Tuple tuple = Tuple.of("k", 1);
    LocalTuplespace small =
        LocalTuplespace.builder().maxBytes(2 * (tuple.encodedBytes() + 256)).build();
    small.write(Tuple.of("x", 1), Duration.ofSeconds(1));
    small.write(Tuple.of("y", 1), Duration.ofSeconds(1));
    assertCode(ErrorCode.SPACE_FULL, () -> small.write(tuple));
    Awaitility.await()
        .ignoreException(VudoException.class)
        .until(
            () -> {
              small.write(tuple);
              return true;
            });
  }

  @Test
  void aLeaseIsRenewedAndCancelled() {
    LocalTuplespace.Lease lease = space.write(Tuple.of("a", 1), Duration.ofSeconds(1));
    assertTrue(lease.renew(LONG));
    LocalTuplespace.Lease shortOne = space.write(Tuple.of("a", 2), Duration.ofSeconds(1));
    Awaitility.await().until(() -> space.count(ANY_PAIR) == 1);
    assertFalse(shortOne.renew(LONG));
    assertFalse(shortOne.cancel());
    assertEquals(Optional.of(Tuple.of("a", 1)), space.read(ANY_PAIR));
    assertTrue(lease.cancel());
    assertFalse(lease.cancel());
    assertFalse(lease.renew(LONG));
    assertEquals(0, space.count(ANY_PAIR));
    assertCode(ErrorCode.LEASE_INVALID, () -> space.write(Tuple.of("a", 1), Duration.ofMillis(-1)));
    assertTrue(space.write(Tuple.of("a", 3), Duration.ofSeconds(Long.MAX_VALUE)).cancel());
  }

  @Test
  void waitersAreServedInTheOrderInWhichTheyCame() {
    List<CompletableFuture<Optional<Tuple>>> takers = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      Template template =
          switch (i % 3) {
            case 0 -> Template.of("a", Template.ANY);
            case 1 -> ANY_PAIR;
            default -> Template.of(FieldType.STRING, FieldType.INT);
          };
      takers.add(space.takeAsync(template, LONG));
    }
    CompletableFuture<Optional<Tuple>> reader = space.readAsync(ANY_PAIR, LONG);
    for (int i = 0; i < 30; i++) {
      space.write(Tuple.of("a", i));
    }
    for (int i = 0; i < 30; i++) {
      assertEquals(Optional.of(Tuple.of("a", i)), takers.get(i).join());
    }
    assertEquals(Optional.of(Tuple.of("a", 0)), reader.join(), "before it is taken");
    assertEquals(0, space.count(ANY_PAIR));
  }

  @Test
  void aWaitEndsWithItsTimeAndNotBefore() {
    long begin = System.nanoTime();
    CompletableFuture<Optional<Tuple>> exact =
        space.takeAsync(Template.of("a"), Duration.ofMillis(30));
    CompletableFuture<Optional<Tuple>> open =
        space.takeAsync(Template.of(Template.ANY), Duration.ofMillis(30));
    assertEquals(Optional.empty(), exact.join());
    assertEquals(Optional.empty(), open.join());
    assertTrue(System.nanoTime() - begin >= TimeUnit.MILLISECONDS.toNanos(30));
    space.write(Tuple.of("a"));
    assertEquals(1, space.count(Template.of("a")));
    assertEquals(Optional.empty(), space.takeAsync(Template.of("b"), Duration.ofMillis(-1)).join());
  }

  @Test
  void whoGivesUpTakesNothing() throws Exception {
    CompletableFuture<Optional<Tuple>> cancelled = space.takeAsync(Template.of("a"), LONG);
    assertTrue(cancelled.cancel(false));
    CompletableFuture<Optional<Tuple>> completed = space.takeAsync(Template.of(Template.ANY), LONG);
    assertTrue(completed.complete(Optional.empty()));
    CompletableFuture<Optional<Tuple>> timedOut =
        space.takeAsync(Template.of("a"), LONG).orTimeout(1, TimeUnit.MILLISECONDS);
    assertThrows(CompletionException.class, timedOut::join);
    Thread interrupted =
        new Thread(
            () ->
                assertThrows(InterruptedException.class, () -> space.take(Template.of("a"), LONG)));
    interrupted.start();
    interrupted.interrupt();
    interrupted.join();
    CompletableFuture<Optional<Tuple>> served = space.takeAsync(Template.of("b"), LONG);
    space.write(Tuple.of("a"));
    space.write(Tuple.of("b"));
    assertFalse(served.cancel(true), "it has a tuple");
    assertFalse(served.complete(Optional.empty()));
    assertEquals(Optional.of(Tuple.of("b")), served.join());
    assertEquals(Optional.of(Tuple.of("a")), space.take(Template.of("a")));
  }

  @Test
  void soManyMayWait() {
    LocalTuplespace few = LocalTuplespace.builder().maxWaiters(2).stripes(3).build();
    CompletableFuture<Optional<Tuple>> first = few.takeAsync(Template.of("a"), LONG);
    CompletableFuture<Optional<Tuple>> second = few.readAsync(Template.of(Template.ANY), LONG);
    CompletionException full =
        assertThrows(CompletionException.class, () -> few.takeAsync(Template.of("b"), LONG).join());
    assertEquals(ErrorCode.WAITERS_FULL, ((VudoException) full.getCause()).code());
    assertCode(
        ErrorCode.WAITERS_FULL,
        () -> {
          try {
            few.take(Template.of("b"), LONG);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    few.write(Tuple.of("a"));
    assertEquals(first.join(), second.join());
    assertTrue(few.takeAsync(Template.of("b"), LONG).cancel(false));
    assertFalse(few.takeAsync(Template.of("b"), LONG).isDone());
    assertFalse(few.takeAsync(Template.of("b"), LONG).isDone());
    assertCode(ErrorCode.CONFIG_INVALID, () -> LocalTuplespace.builder().stripes(65).build());
  }

  /** Writers, and takers of all kinds; each tuple is taken once, those of a writer in order. */
  @Test
  void everyTupleIsTakenOnceAndInOrder() throws Exception {
    int writers = 3;
    int each = 3_000;
    List<List<Tuple>> taken = new ArrayList<>();
    AtomicInteger left = new AtomicInteger(writers * each);
    ExecutorService threads = Executors.newCachedThreadPool();
    List<Future<?>> done = new ArrayList<>();
    try {
      for (int t = 0; t < 4; t++) {
        List<Tuple> own = new ArrayList<>();
        taken.add(own);
        int kind = t;
        done.add(
            threads.submit(
                () -> {
                  Template template =
                      Template.of(kind < 3 ? "w" + kind : Template.ANY, FieldType.INT);
                  while (left.get() > 0) {
                    List<Tuple> found =
                        kind == 1
                            ? space.takeAll(template, 3)
                            : space.take(template, Duration.ofMillis(5)).stream().toList();
                    own.addAll(found);
                    left.addAndGet(-found.size());
                  }
                  return null;
                }));
      }
      for (int w = 0; w < writers; w++) {
        String name = "w" + w;
        done.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < each; i++) {
                    space.write(Tuple.of(name, i));
                  }
                }));
      }
      for (Future<?> one : done) {
        one.get();
      }
    } finally {
      threads.shutdownNow();
    }
    List<Tuple> all = new ArrayList<>();
    for (List<Tuple> own : taken) {
      all.addAll(own);
      for (int w = 0; w < writers; w++) {
        Field name = Field.of("w" + w);
        List<Long> order =
            own.stream()
                .filter(tuple -> tuple.field(0).equals(name))
                .map(tuple -> ((Field.Int64) tuple.field(1)).value())
                .toList();
        assertEquals(order.stream().sorted().toList(), order);
      }
    }
    assertEquals(writers * each, all.size());
    assertEquals(all.size(), all.stream().distinct().count());
  }

  /** Nobody passes by another that came earlier, whatever the threads do. */
  @Test
  void takersFromManyThreadsStarveNobody() throws Exception {
    CompletableFuture<Optional<Tuple>> patient = space.takeAsync(ANY_PAIR, LONG);
    ConcurrentLinkedQueue<Tuple> stolen = new ConcurrentLinkedQueue<>();
    CountDownLatch ready = new CountDownLatch(4);
    inThreads(
        4,
        thread -> {
          ready.countDown();
          if (thread == 0) {
            ready.await();
            space.write(Tuple.of("a", 1));
          } else {
            for (int i = 0; i < 10_000 && !patient.isDone(); i++) {
              space.take(Template.of("a", Template.ANY)).ifPresent(stolen::add);
            }
          }
        });
    assertEquals(Optional.of(Tuple.of("a", 1)), patient.join());
    assertTrue(stolen.isEmpty());
  }

  @Test
  void aBatchIsSeenAsAWhole() throws Exception {
    List<Tuple> batch = IntStream.range(0, 20).mapToObj(i -> Tuple.of("part-" + i, i)).toList();
    AtomicInteger rounds = new AtomicInteger();
    inThreads(
        2,
        thread -> {
          while (rounds.get() < 500) {
            if (thread == 0) {
              space.writeAll(batch);
              assertEquals(20, space.takeAll(ANY_PAIR, 100).size());
              rounds.incrementAndGet();
            } else {
              assertEquals(0, space.count(ANY_PAIR) % 20);
            }
          }
        });
  }

  private interface Work {
    void run(int thread) throws Exception;
  }

  private static void inThreads(int count, Work work) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(count);
    try {
      List<Future<?>> done = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int thread = i;
        done.add(
            threads.submit(
                () -> {
                  work.run(thread);
                  return null;
                }));
      }
      for (Future<?> one : done) {
        one.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
