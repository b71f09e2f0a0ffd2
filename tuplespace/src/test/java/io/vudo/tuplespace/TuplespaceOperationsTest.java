package io.vudo.tuplespace;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Lease;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every operation of a space beyond the single write, read and take; on two nodes. */
class TuplespaceOperationsTest {
  private static final OperationId NONE = OperationId.none();
  private static final Duration LONG = Duration.ofMinutes(1);

  /** Any two fields, wherever they are. */
  private static final Template PAIR = Template.of(Template.ANY, Template.ANY);

  private static ActorTestKit oneNode;
  private static ActorTestKit otherNode;
  private static Tuplespace one;
  private static Tuplespace other;

  @BeforeAll
  static void start() {
    oneNode = ActorTestKit.create("vudo", TuplespaceTest.config());
    otherNode = ActorTestKit.create("vudo", TuplespaceTest.config());
    Cluster first = Cluster.get(oneNode.system());
    first.manager().tell(Join.create(first.selfMember().address()));
    Cluster second = Cluster.get(otherNode.system());
    second.manager().tell(Join.create(first.selfMember().address()));
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () ->
                first.selfMember().status().equals(MemberStatus.up())
                    && second.selfMember().status().equals(MemberStatus.up()));
    HoldResolver undecided =
        (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.PENDING);
    one = Tuplespace.start(oneNode.system(), undecided).withTimeout(Duration.ofSeconds(20));
    other = Tuplespace.start(otherNode.system(), undecided).withTimeout(Duration.ofSeconds(20));
  }

  @AfterAll
  static void stop() {
    otherNode.shutdownTestKit();
    oneNode.shutdownTestKit();
  }

  private static <T> T get(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }

  private static ErrorCode refused(CompletionStage<?> stage) {
    CompletionException e =
        assertThrows(CompletionException.class, () -> stage.toCompletableFuture().join());
    return assertInstanceOf(VudoException.class, e.getCause()).code();
  }

  private static Lease write(String space, Object... values) {
    return get(one.write(space, Tuple.of(values), 0, NONE));
  }

  private static List<Tuple> pairs(int count) {
    return IntStream.range(0, count).mapToObj(i -> Tuple.of("k" + i, i)).toList();
  }

  // Open first fields

  @Test
  void aTemplateThatLeavesTheFirstFieldOpenFindsTheOldestOfAll() {
    for (int i = 0; i < 40; i++) {
      write("open", "k" + i, i);
      // The order across first fields is that of the clock.
      long now = System.currentTimeMillis();
      await().pollInterval(Duration.ofMillis(1)).until(() -> System.currentTimeMillis() > now);
    }
    assertEquals(40L, get(other.count("open", PAIR)));
    assertEquals(Optional.of(Tuple.of("k0", 0)), get(other.read("open", PAIR)));
    for (int i = 0; i < 40; i++) {
      assertEquals(Optional.of(Tuple.of("k" + i, i)), get(other.take("open", PAIR, NONE)));
    }
    assertEquals(Optional.empty(), get(one.take("open", PAIR, NONE)));
    assertEquals(Optional.empty(), get(one.read("open", PAIR)));
  }

  @Test
  void whoWaitsWithAnOpenFirstFieldGetsOneTupleAndLeavesTheOthers() {
    for (int round = 0; round < 10; round++) {
      String space = "wide-" + round;
      CompletableFuture<Optional<Tuple>> taken =
          other.take(space, PAIR, NONE, LONG).toCompletableFuture();
      CompletableFuture<Optional<Tuple>> read = one.read(space, PAIR, LONG).toCompletableFuture();
      get(one.count(space, PAIR));
      get(one.writeAll(space, pairs(20), 0, NONE));
      assertTrue(pairs(20).contains(get(taken).orElseThrow()));
      assertTrue(get(read).isPresent());
      await().until(() -> get(one.count(space, PAIR)) == 19L);
      Set<Tuple> left = new HashSet<>(get(one.takeAll(space, PAIR, 100)));
      assertEquals(19, left.size());
      assertFalse(left.contains(get(taken).orElseThrow()));
    }
  }

  @Test
  void takersOfOpenTemplatesShareWhatThereIs() {
    List<CompletableFuture<Optional<Tuple>>> takers = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      takers.add((i % 2 == 0 ? one : other).take("shared", PAIR, NONE, LONG).toCompletableFuture());
    }
    get(one.writeAll("shared", pairs(60), 0, NONE));
    assertEquals(
        new HashSet<>(pairs(60)),
        new HashSet<>(takers.stream().map(taken -> get(taken).orElseThrow()).toList()));
    await().until(() -> get(one.count("shared", PAIR)) == 0L);
  }

  // Batches

  @Test
  void aBatchIsWrittenOnceUnderItsKey() {
    OperationId key = OperationId.key("batch");
    List<Lease> leases = get(one.writeAll("batch", pairs(30), 0, key));
    assertEquals(30, leases.stream().map(Lease::name).distinct().count());
    assertEquals(leases, get(other.writeAll("batch", pairs(30), 0, key)));
    assertEquals(30L, get(one.count("batch", PAIR)));
    assertEquals(new HashSet<>(pairs(30)), new HashSet<>(get(other.readAll("batch", PAIR, 100))));
    assertEquals(10, get(other.readAll("batch", PAIR, 10)).size());
  }

  @Test
  void oneFirstFieldComesInTheOrderOfWritingPageByPage() {
    // Three pages of a megabyte.
    List<Tuple> large = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      large.add(Tuple.of("big", i, new byte[60_000]));
      write("pages", "big", i, new byte[60_000]);
    }
    Template big = Template.of("big", Template.ANY, Template.ANY);
    assertEquals(large, get(other.readAll("pages", big, 100)));
    assertEquals(large.subList(0, 30), get(other.takeAll("pages", big, 30)));
    assertEquals(large.subList(30, 50), get(other.takeAll("pages", big, 10_000)));
    assertEquals(List.of(), get(other.takeAll("pages", big, 10_000)));
  }

  @Test
  void batchesHaveLimits() {
    assertEquals(ErrorCode.BATCH_TOO_LARGE, refused(one.writeAll("limits", List.of(), 0, NONE)));
    assertEquals(ErrorCode.BATCH_TOO_LARGE, refused(one.writeAll("limits", pairs(1_001), 0, NONE)));
    Tuple half = Tuple.of("k", new byte[600_000]);
    assertEquals(
        ErrorCode.BATCH_TOO_LARGE, refused(one.writeAll("limits", List.of(half, half), 0, NONE)));
    assertEquals(ErrorCode.BATCH_TOO_LARGE, refused(one.readAll("limits", PAIR, 0)));
    assertEquals(ErrorCode.BATCH_TOO_LARGE, refused(one.takeAll("limits", PAIR, 10_001)));
    assertEquals(0L, get(one.count("limits", PAIR)));
  }

  // Compare and swap

  @Test
  void aSwapReplacesWhatIsThereAndNothingElse() {
    write("swap", "n", 1);
    assertEquals(
        Optional.of(Tuple.of("n", 1)),
        get(other.compareAndSwap("swap", Template.of("n", 1), Tuple.of("n", 2), 0, NONE)));
    assertEquals(
        Optional.empty(),
        get(other.compareAndSwap("swap", Template.of("n", 1), Tuple.of("n", 3), 0, NONE)));
    assertEquals(List.of(Tuple.of("n", 2)), get(one.readAll("swap", PAIR, 10)));
    OperationId key = OperationId.key("swap");
    for (int i = 0; i < 2; i++) {
      assertEquals(
          Optional.of(Tuple.of("n", 2)),
          get(
              one.compareAndSwap(
                  "swap", Template.of("n", FieldType.INT), Tuple.of("n", 9), 0, key)));
    }
    assertEquals(List.of(Tuple.of("n", 9)), get(one.readAll("swap", PAIR, 10)));
  }

  @Test
  void aSwapMayChangeTheFirstFieldAndLeaveItOpen() {
    write("move", "from", 1);
    assertEquals(
        Optional.of(Tuple.of("from", 1)),
        get(one.compareAndSwap("move", Template.of("from", 1), Tuple.of("to", 1, true), 0, NONE)));
    assertEquals(0L, get(one.count("move", PAIR)));
    Template moved = Template.of(Template.ANY, 1, Template.ANY);
    assertEquals(
        Optional.of(Tuple.of("to", 1, true)),
        get(other.compareAndSwap("move", moved, Tuple.of("back", 1), 0, NONE)));
    assertEquals(List.of(Tuple.of("back", 1)), get(other.readAll("move", PAIR, 10)));
    assertEquals(
        Optional.empty(), get(other.compareAndSwap("move", moved, Tuple.of("no", 1), 0, NONE)));
    assertEquals(
        ErrorCode.REQUEST_INVALID,
        refused(one.compareAndSwap("move", moved, Tuple.of("no", 1), 0, OperationId.key("k"))));
  }

  @Test
  void manySwapsCountRight() {
    write("counter", "n", 0);
    int threads = 8;
    int each = 25;
    List<CompletableFuture<Void>> done = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      Tuplespace node = t % 2 == 0 ? one : other;
      done.add(
          CompletableFuture.runAsync(
              () -> {
                for (int i = 0; i < each; i++) {
                  boolean swapped = false;
                  while (!swapped) {
                    Tuple now =
                        get(node.read("counter", Template.of("n", Template.ANY))).orElseThrow();
                    long n = ((Field.Int64) now.field(1)).value();
                    swapped =
                        get(node.compareAndSwap(
                                "counter", Template.exactly(now), Tuple.of("n", n + 1), 0, NONE))
                            .isPresent();
                  }
                }
              },
              command -> new Thread(command).start()));
    }
    done.forEach(CompletableFuture::join);
    assertEquals(List.of(Tuple.of("n", threads * each)), get(one.readAll("counter", PAIR, 10)));
  }

  // Leases

  @Test
  void aLeaseIsRenewedAndCancelled() {
    Lease brief = get(one.write("leases", Tuple.of("a", 1), 300, NONE));
    Lease renewed = get(other.renew("leases", brief.name(), 600_000));
    assertEquals(brief.name(), renewed.name());
    assertTrue(renewed.endsAtMillis() > brief.endsAtMillis());
    Lease ends = get(one.write("leases", Tuple.of("b", 2), 300, NONE));
    await().until(() -> get(one.count("leases", PAIR)) == 1L);
    assertEquals(Optional.of(Tuple.of("a", 1)), get(one.read("leases", PAIR)));
    assertEquals(ErrorCode.LEASE_UNKNOWN, refused(one.renew("leases", ends.name(), 1_000)));

    assertEquals(Lease.FOR_EVER, get(other.renew("leases", brief.name(), 0)).endsAtMillis());
    get(other.cancelLease("leases", brief.name()));
    assertEquals(0L, get(one.count("leases", PAIR)));
    assertEquals(ErrorCode.LEASE_UNKNOWN, refused(one.cancelLease("leases", brief.name())));
    assertEquals(ErrorCode.LEASE_UNKNOWN, refused(one.renew("leases", "nonsense", 1_000)));
    assertEquals(ErrorCode.LEASE_UNKNOWN, refused(one.renew("leases", "9.1", 1_000)));

    Lease taken = write("leases", "c", 3);
    get(one.take("leases", Template.of("c", 3), NONE));
    assertEquals(ErrorCode.LEASE_UNKNOWN, refused(one.renew("leases", taken.name(), 1_000)));
    Lease there = write("leases", "d", 4);
    assertEquals(ErrorCode.LEASE_INVALID, refused(one.renew("leases", there.name(), -1)));
  }

  @Test
  void theLeaseOfASpiritIsKnownBeforeItWrites() {
    OperationId.Turn operation =
        (OperationId.Turn) OperationId.turn(SpiritId.parse("worker/alice"), 7, 1);
    Tuple tuple = Tuple.of("a", 1);
    String name = Tuplespace.leaseName(tuple, operation);
    assertEquals(name, get(one.write("spirits", tuple, 60_000, operation)).name());
    get(other.renew("spirits", name, 600_000));
    get(other.cancelLease("spirits", name));
    assertEquals(0L, get(one.count("spirits", PAIR)));
    assertEquals(ErrorCode.LEASE_UNKNOWN, refused(one.renew("spirits", name, 1_000)));
  }

  // Barriers

  @Test
  void aBarrierLetsAllThroughWhenTheLastArrives() {
    List<CompletableFuture<Optional<Integer>>> parties = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      parties.add(
          (i % 2 == 0 ? one : other)
              .barrier("step", "b", 5, "party-" + i, LONG)
              .toCompletableFuture());
      get(one.barrier("step", "order" + i, 1, LONG));
    }
    assertTrue(parties.stream().noneMatch(CompletableFuture::isDone));
    // The same one again is no other one.
    CompletableFuture<Optional<Integer>> again =
        other.barrier("step", "b", 5, "party-3", LONG).toCompletableFuture();
    assertEquals(
        ErrorCode.BARRIER_MISMATCH, refused(one.barrier("step", "b", 4, Duration.ofSeconds(5))));
    Optional<Integer> last = get(other.barrier("step", "b", 5, "last", LONG));
    assertEquals(Optional.of(4), last);
    Set<Integer> places = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      places.add(get(parties.get(i)).orElseThrow());
    }
    places.add(get(again).orElseThrow());
    assertEquals(Set.of(0, 1, 2, 3), places);
    // As new.
    assertEquals(Optional.of(0), get(one.barrier("step", "b", 1, LONG)));
    assertEquals(last, get(one.barrier("step", "b", 5, "last", LONG)), "repeated");
  }

  @Test
  void whoGivesUpDoesNotCount() {
    assertEquals(
        Optional.empty(), get(one.barrier("give-up", "b", 2, "a", Duration.ofMillis(100))));
    CompletableFuture<Optional<Integer>> waits =
        one.barrier("give-up", "b", 2, "b", LONG).toCompletableFuture();
    assertEquals(
        Optional.empty(),
        get(
            other
                .barrier("give-up", "b", 3, "x", Duration.ZERO)
                .handle((place, failure) -> Optional.empty())));
    assertFalse(waits.isDone());
    assertNotEquals(Optional.empty(), get(other.barrier("give-up", "b", 2, "c", LONG)));
    assertNotEquals(Optional.empty(), get(waits));
    assertEquals(ErrorCode.BARRIER_INVALID, refused(one.barrier("give-up", "b", 0, LONG)));
    assertEquals(ErrorCode.BARRIER_INVALID, refused(one.barrier("give-up", "", 1, LONG)));
  }

  // Transactions

  @Test
  void aTransactionHappensWithItsCommit() {
    get(one.writeAll("tx", pairs(10), 0, NONE));
    Transaction transaction = get(one.begin("tx", LONG));
    Transaction elsewhere = other.transaction("tx", transaction.id());
    for (int i = 0; i < 5; i++) {
      assertEquals(Optional.of(Tuple.of("k" + i, i)), get(elsewhere.take(Template.of("k" + i, i))));
      get(transaction.write(Tuple.of("new" + i, i), 0));
    }
    assertEquals(5L, get(one.count("tx", PAIR)), "taken ones are out of sight, new ones not in");
    assertEquals(10, get(transaction.readAll(PAIR, 100)).size(), "its own it sees");
    assertEquals(Optional.of(Tuple.of("new4", 4)), get(transaction.read(Template.of("new4", 4))));
    assertEquals(Optional.of(Tuple.of("new4", 4)), get(transaction.take(Template.of("new4", 4))));
    assertEquals(Optional.empty(), get(transaction.take(Template.of("new4", 4))));

    CompletableFuture<Optional<Tuple>> waits =
        other.take("tx", Template.of("new3", 3), NONE, LONG).toCompletableFuture();
    get(elsewhere.commit());
    assertEquals(Optional.of(Tuple.of("new3", 3)), get(waits));
    Set<Tuple> expected = new HashSet<>(pairs(10).subList(5, 10));
    for (int i = 0; i < 3; i++) {
      expected.add(Tuple.of("new" + i, i));
    }
    await().until(() -> get(one.count("tx", PAIR)) == 8L);
    assertEquals(expected, new HashSet<>(get(one.readAll("tx", PAIR, 100))));

    get(transaction.commit());
    assertEquals(ErrorCode.REQUEST_INVALID, refused(transaction.abort()));
    assertEquals(ErrorCode.TRANSACTION_UNKNOWN, refused(transaction.read(PAIR)));
    assertEquals(ErrorCode.TRANSACTION_UNKNOWN, refused(transaction.write(Tuple.of("x", 1), 0)));
  }

  @Test
  void anAbortedTransactionDidNotHappen() {
    get(one.writeAll("abort", pairs(10), 0, NONE));
    List<Tuple> before = get(one.readAll("abort", PAIR, 100));
    Transaction transaction = get(one.begin("abort", LONG));
    assertEquals(10, get(transaction.takeAll(PAIR, 100)).size());
    get(transaction.writeAll(List.of(Tuple.of("new", 1), Tuple.of("new", 2)), 0));
    assertEquals(0L, get(one.count("abort", PAIR)));
    get(transaction.abort());
    assertEquals(before, get(one.readAll("abort", PAIR, 100)), "at their old places");
    get(transaction.abort());
    assertEquals(ErrorCode.TRANSACTION_ABORTED, refused(transaction.commit()));
  }

  @Test
  void aTransactionEndsByItsTime() {
    get(one.writeAll("late", pairs(10), 0, NONE));
    Transaction transaction = get(one.begin("late", Duration.ofMillis(500)));
    assertEquals(10, get(transaction.takeAll(PAIR, 100)).size());
    await().until(() -> get(other.count("late", PAIR)) == 10L);
    assertEquals(ErrorCode.TRANSACTION_ABORTED, refused(transaction.commit()));
    assertEquals(ErrorCode.REQUEST_INVALID, refused(one.begin("late", Duration.ofHours(2))));
    assertEquals(ErrorCode.REQUEST_INVALID, refused(one.begin("late", Duration.ZERO)));
    assertThrows(VudoException.class, () -> one.transaction("late", "nonsense"));
    assertEquals(
        ErrorCode.TRANSACTION_UNKNOWN, refused(one.transaction("late", "3.nobody").commit()));
    Transaction nobody = one.transaction("late", "3.nobody");
    assertEquals(ErrorCode.TRANSACTION_UNKNOWN, refused(nobody.write(Tuple.of("x", 1), 0)));
    assertEquals(ErrorCode.TRANSACTION_UNKNOWN, refused(nobody.take(PAIR)));
    assertEquals(10L, get(other.count("late", PAIR)));
  }

  @Test
  void aTransactionWaits() {
    Transaction transaction = get(one.begin("patient", LONG));
    CompletableFuture<Optional<Tuple>> open = transaction.take(PAIR, LONG).toCompletableFuture();
    get(other.write("patient", Tuple.of("a", 1), 0, NONE));
    assertEquals(Optional.of(Tuple.of("a", 1)), get(open));
    CompletableFuture<Optional<Tuple>> exact =
        transaction.take(Template.of("b", Template.ANY), LONG).toCompletableFuture();
    get(other.write("patient", Tuple.of("b", 2), 0, NONE));
    assertEquals(Optional.of(Tuple.of("b", 2)), get(exact));
    assertEquals(Optional.empty(), get(transaction.take(PAIR, Duration.ofMillis(50))));
    get(transaction.abort());
    assertEquals(2L, get(one.count("patient", PAIR)));
  }

  // Watching

  private static class Recorder implements WatchHandler {
    final List<String> heard = new CopyOnWriteArrayList<>();
    volatile VudoError end;

    @Override
    public void changed(TupleChange change) {
      heard.add(change.kind().text() + change.tuple().map(tuple -> " " + tuple).orElse(""));
    }

    @Override
    public void ended(VudoError error) {
      end = error;
    }
  }

  @Test
  void whoWatchesHearsOfEveryChange() throws Exception {
    Recorder all = new Recorder();
    Recorder some = new Recorder();
    Watch watch = get(other.watch("watched", PAIR, all));
    Watch narrow = get(one.watch("watched", Template.of("a", Template.where(">", 1)), some));
    for (int i = 1; i <= 3; i++) {
      write("watched", "a", i);
    }
    get(one.take("watched", Template.of("a", 2), NONE));
    get(one.write("watched", Tuple.of("a", 4), 50, NONE));
    List<String> expected =
        List.of(
            "added [\"a\",1]",
            "added [\"a\",2]",
            "added [\"a\",3]",
            "removed [\"a\",2]",
            "added [\"a\",4]",
            "expired [\"a\",4]");
    await().until(() -> all.heard.equals(expected));
    await()
        .until(
            () ->
                some.heard.equals(expected.stream().filter(text -> !text.contains("1]")).toList()));

    Transaction transaction = get(one.begin("watched", LONG));
    get(transaction.write(Tuple.of("a", 5), 0));
    get(transaction.take(Template.of("a", 1)));
    write("watched", "a", 6);
    await().until(() -> all.heard.contains("added [\"a\",6]"));
    assertEquals(7, all.heard.size(), "nothing of the transaction");
    get(transaction.commit());
    await().until(() -> all.heard.size() == 9);
    assertEquals(
        Set.of("added [\"a\",5]", "removed [\"a\",1]"), new HashSet<>(all.heard.subList(7, 9)));
    narrow.close();
    watch.close();
    int before = all.heard.size();
    // Later than the end of the watch, in the order of the same partition.
    write("watched", "a", 7);
    Recorder third = new Recorder();
    get(one.watch("watched", PAIR, third));
    write("watched", "a", 8);
    await().until(() -> third.heard.size() == 1);
    assertTrue(all.heard.size() <= before + 1);
    assertEquals(null, all.end);
  }

  @Test
  void aWatcherThatIsTooSlowIsDroppedAndHoldsUpNobody() {
    CountDownLatch blocked = new CountDownLatch(1);
    Recorder slow =
        new Recorder() {
          @Override
          public void changed(TupleChange change) {
            super.changed(change);
            try {
              blocked.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    Recorder quick = new Recorder();
    get(one.watch("slow", PAIR, slow));
    get(one.watch("slow", PAIR, quick));
    for (int i = 0; i < 12; i++) {
      List<Tuple> batch =
          IntStream.range(i * 1_000, i * 1_000 + 1_000).mapToObj(n -> Tuple.of("a", n)).toList();
      get(one.writeAll("slow", batch, 0, NONE));
      int sofar = (i + 1) * 1_000;
      await().until(() -> quick.heard.size() == sofar);
    }
    await().until(() -> slow.end != null);
    assertEquals(ErrorCode.WATCH_TOO_SLOW, slow.end.code());
    assertEquals(null, quick.end);
    blocked.countDown();
  }

  @Test
  void aWatchGoesOnWhenTheSpaceRestarts() {
    Recorder watcher = new Recorder();
    get(one.watch("moving", PAIR, watcher));
    write("moving", "a", 1);
    await().until(() -> watcher.heard.size() == 1);
    TuplespaceTest.restart(oneNode, "moving");
    await().until(() -> watcher.heard.contains("missed"));
    await().ignoreExceptions().until(() -> get(one.count("moving", PAIR)) == 1L);
    await()
        .until(
            () -> {
              write("moving", "a", 2);
              return watcher.heard.contains("added [\"a\",2]");
            });
  }

  @Test
  void aHandlerThatFailsEndsItsWatchOnly() {
    Recorder failing =
        new Recorder() {
          @Override
          public void changed(TupleChange change) {
            throw new IllegalStateException("A handler that fails.");
          }
        };
    get(one.watch("failing", PAIR, failing));
    write("failing", "a", 1);
    await().until(() -> failing.end != null);
    assertEquals(ErrorCode.INTERNAL_ERROR, failing.end.code());
    assertEquals(1L, get(one.count("failing", PAIR)));
  }
}
