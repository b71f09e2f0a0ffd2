package io.vudo.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Lease;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The client against a real node, also through connections that are lost. */
class TuplespaceClientTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final Template ANY_JOB = Template.of("job", FieldType.INT);
  private static final Template OPEN = Template.of(Template.ANY, Template.ANY);

  private static TuplespaceClient client() {
    return TuplespaceClient.of(NODE.uri().toString());
  }

  private static <T> T join(CompletionStage<T> stage) {
    return stage.toCompletableFuture().orTimeout(1, TimeUnit.MINUTES).join();
  }

  private static VudoException failure(CompletionStage<?> stage) {
    return assertInstanceOf(
        VudoException.class, assertThrows(CompletionException.class, () -> join(stage)).getCause());
  }

  private static void assertFails(ErrorCode code, CompletionStage<?> stage) {
    assertEquals(code, failure(stage).code());
  }

  private static String nowhere() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return "http://127.0.0.1:" + socket.getLocalPort();
    }
  }

  @Test
  void tuplesAreWrittenReadAndTaken() {
    TuplespaceClient spaces = client();
    assertEquals(Optional.empty(), join(spaces.read("basic", ANY_JOB)));
    Lease lease = join(spaces.write("basic", Tuple.of("job", 1), 0));
    assertEquals(Lease.FOR_EVER, lease.endsAtMillis());
    List<Lease> leases =
        join(spaces.writeAll("basic", List.of(Tuple.of("job", 2), Tuple.of("x", 3)), 3_600_000));
    assertTrue(leases.get(1).endsAtMillis() < Lease.FOR_EVER, leases.toString());
    assertEquals(2, join(spaces.count("basic", ANY_JOB)));
    assertEquals(Optional.of(Tuple.of("job", 1)), join(spaces.read("basic", ANY_JOB)));
    assertEquals(
        List.of(Tuple.of("job", 1), Tuple.of("job", 2)), join(spaces.readAll("basic", ANY_JOB, 9)));
    assertEquals(
        Optional.of(Tuple.of("job", 1)),
        join(spaces.compareAndSwap("basic", Template.of("job", 1), Tuple.of("job", 5), 0)));
    assertEquals(
        Optional.empty(),
        join(spaces.compareAndSwap("basic", Template.of("job", 1), Tuple.of("other", 5), 0)));
    assertEquals(leases.get(0).name(), join(spaces.renew("basic", leases.get(0).name(), 0)).name());
    join(spaces.cancelLease("basic", leases.get(0).name()));
    assertFails(ErrorCode.LEASE_UNKNOWN, spaces.renew("basic", leases.get(0).name(), 0));
    assertEquals(Optional.of(Tuple.of("job", 5)), join(spaces.take("basic", ANY_JOB)));
    assertEquals(List.of(Tuple.of("x", 3)), join(spaces.takeAll("basic", OPEN, 10)));
    assertEquals(Optional.empty(), join(spaces.take("basic", OPEN)));
  }

  @Test
  void everyKindOfFieldComesBackAsItWent() {
    Tuple tuple =
        Tuple.of(
            "k",
            null,
            true,
            Long.MIN_VALUE,
            -0.0,
            Double.NaN,
            "ä\"\\\u2028",
            new byte[] {-1},
            Tuple.of(1, 1.0));
    join(client().write("kinds", tuple, 0));
    assertEquals(
        Optional.of(tuple),
        join(
            client()
                .take(
                    "kinds",
                    Template.of(
                        "k",
                        null,
                        FieldType.BOOL,
                        Long.MIN_VALUE,
                        Template.ANY,
                        Template.ANY,
                        "ä\"\\\u2028",
                        Template.ANY,
                        FieldType.TUPLE))));
  }

  @Test
  void failuresAreThoseOfTheCatalogue() {
    TuplespaceClient spaces = client();
    assertFails(ErrorCode.SPACE_NAME_INVALID, spaces.read("1st", ANY_JOB));
    assertFails(ErrorCode.LEASE_INVALID, spaces.write("bad", Tuple.of(1), -1));
    assertFails(ErrorCode.LEASE_UNKNOWN, spaces.cancelLease("bad", "\"x\""));
    assertFails(ErrorCode.BATCH_TOO_LARGE, spaces.writeAll("bad", List.of(), 0));
    assertFails(ErrorCode.BATCH_TOO_LARGE, spaces.readAll("bad", ANY_JOB, 0));
    assertFails(ErrorCode.BATCH_TOO_LARGE, spaces.takeAll("bad", ANY_JOB, 10_001));
    assertFails(ErrorCode.BARRIER_INVALID, spaces.barrier("bad", "", 2, Duration.ZERO));
    assertFails(ErrorCode.REQUEST_INVALID, spaces.begin("bad", Duration.ZERO));
    assertFails(ErrorCode.REQUEST_INVALID, spaces.read("bad", ANY_JOB, Duration.ofMillis(-1)));
    assertFails(ErrorCode.REQUEST_INVALID, spaces.take("bad", OPEN, Duration.ZERO, "key"));
    assertFails(ErrorCode.REQUEST_INVALID, spaces.take("bad", ANY_JOB, Duration.ZERO, "a\nb"));
    assertFails(ErrorCode.TRANSACTION_UNKNOWN, spaces.transaction("bad", "x").commit());
    assertThrows(VudoException.class, () -> TuplespaceClient.of("127.0.0.1:7070"));
    assertThrows(VudoException.class, () -> TuplespaceClient.builder().build());
  }

  @Test
  void aFailureArrivesUnwrapped() {
    CompletableFuture<Throwable> seen = new CompletableFuture<>();
    client().write("bad", Tuple.of(1), -1).whenComplete((lease, failure) -> seen.complete(failure));
    assertInstanceOf(VudoException.class, join(seen));
  }

  @Test
  void oneWaitsForTuplesAndAtBarriers() {
    CompletionStage<Optional<Tuple>> taken = client().take("waits", ANY_JOB, PATIENCE);
    CompletionStage<Optional<Tuple>> open = client().take("waits", OPEN, PATIENCE);
    join(client().writeAll("waits", List.of(Tuple.of("job", 1), Tuple.of("x", "y")), 0));
    // Whoever comes first: the one with the open template may have got the job.
    join(CompletableFuture.anyOf(taken.toCompletableFuture(), open.toCompletableFuture()));
    join(client().writeAll("waits", List.of(Tuple.of("job", 2), Tuple.of("x", "y")), 0));
    assertEquals("job", ((Field.Text) join(taken).orElseThrow().field(0)).value());
    assertTrue(join(open).isPresent());
    assertEquals(Optional.empty(), join(client().take("none", ANY_JOB, Duration.ofMillis(50))));

    CompletionStage<Optional<Integer>> one = client().barrier("waits", "b", 2, PATIENCE);
    Optional<Integer> other = join(client().barrier("waits", "b", 2, PATIENCE));
    assertEquals(1, join(one).orElseThrow() + other.orElseThrow());
    assertEquals(Optional.empty(), join(client().barrier("waits", "b", 2, Duration.ofMillis(50))));
  }

  @Test
  void aTransactionHappensAsAWholeOrNotAtAll() {
    TuplespaceClient spaces = client();
    join(spaces.write("tx", Tuple.of("job", 1), 0));
    Transaction aborted = join(spaces.begin("tx", PATIENCE));
    assertEquals(Optional.of(Tuple.of("job", 1)), join(aborted.take(ANY_JOB)));
    join(aborted.write(Tuple.of("done", 1), 0));
    join(aborted.abort());
    assertEquals(List.of(Tuple.of("job", 1)), join(spaces.readAll("tx", OPEN, 10)));
    assertFails(ErrorCode.TRANSACTION_ABORTED, aborted.commit());

    Transaction begun = join(spaces.begin("tx", PATIENCE));
    Transaction found = client().transaction(begun.space(), begun.id());
    assertEquals(List.of(Tuple.of("job", 1)), join(found.takeAll(ANY_JOB, 10)));
    join(found.writeAll(List.of(Tuple.of("done", 1), Tuple.of("done", 2)), 0));
    assertEquals(2, join(found.readAll(Template.of("done", Template.ANY), 10)).size());
    assertEquals(
        Optional.of(Tuple.of("done", 1)), join(found.read(Template.of("done", 1), PATIENCE)));
    assertEquals(0, join(spaces.count("tx", OPEN)));
    join(begun.commit());
    join(begun.commit());
    assertEquals(2, join(spaces.count("tx", OPEN)));
  }

  @Test
  void theNextNodeIsAskedWhenOneDoesNotAnswer() throws IOException {
    TuplespaceClient spaces =
        TuplespaceClient.builder().node(nowhere()).node(NODE.uri().toString()).build();
    // Also what cannot be repeated: nothing was sent.
    assertEquals(List.of(), join(spaces.takeAll("failover", OPEN, 1)));
    join(spaces.write("failover", Tuple.of("job", 1), 0));
    Recorder recorder = new Recorder();
    TuplespaceClient watching =
        TuplespaceClient.builder().node(nowhere()).node(NODE.uri().toString()).build();
    Watch watch = join(watching.watch("failover", ANY_JOB, recorder));
    join(spaces.take("failover", ANY_JOB));
    assertEquals("removed [\"job\",1]", recorder.next());
    watch.close();
    TuplespaceClient lost = TuplespaceClient.of(nowhere());
    assertFails(ErrorCode.NODE_UNREACHABLE, lost.read("failover", ANY_JOB));
    assertFails(ErrorCode.NODE_UNREACHABLE, lost.watch("failover", ANY_JOB, recorder));
  }

  @Test
  void whatIsRepeatedCountsOnce() throws IOException {
    try (CuttableProxy proxy = new CuttableProxy(NODE.uri())) {
      TuplespaceClient spaces = TuplespaceClient.of(proxy.url());
      proxy.loseAnswers(1);
      join(spaces.write("once", Tuple.of("job", 1), 0));
      proxy.loseAnswers(1);
      join(spaces.writeAll("once", List.of(Tuple.of("job", 2), Tuple.of("job", 3)), 0));
      assertEquals(3, join(client().count("once", ANY_JOB)));
      proxy.loseAnswers(1);
      assertEquals(Optional.of(Tuple.of("job", 1)), join(spaces.take("once", ANY_JOB)));
      proxy.loseAnswers(1);
      assertEquals(Optional.of(Tuple.of("job", 2)), join(spaces.take("once", ANY_JOB, PATIENCE)));
      proxy.loseAnswers(1);
      assertEquals(
          Optional.of(Tuple.of("job", 3)),
          join(spaces.compareAndSwap("once", ANY_JOB, Tuple.of("job", 4), 0)));
      assertEquals(0, proxy.answersToLose());
      assertEquals(List.of(Tuple.of("job", 4)), join(client().readAll("once", OPEN, 10)));
      // Without a key it is not sent again, and the caller learns that it does not know.
      proxy.loseAnswers(1);
      String detail = failure(spaces.takeAll("once", OPEN, 10)).detail();
      assertTrue(detail.contains("may have been done"), detail);
    }
  }

  /** A handler that keeps what it is told. */
  private static final class Recorder implements WatchHandler {
    private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

    @Override
    public void changed(TupleChange change) {
      heard.add(change.kind().text() + change.tuple().map(tuple -> " " + tuple).orElse(""));
    }

    @Override
    public void ended(VudoError error) {
      heard.add("ended " + error.code());
    }

    String next() {
      try {
        return String.valueOf(heard.poll(1, TimeUnit.MINUTES));
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Test
  void aWatchGoesOnAfterAConnectionIsLost() throws IOException {
    try (CuttableProxy proxy = new CuttableProxy(NODE.uri())) {
      Recorder recorder = new Recorder();
      Watch watch = join(TuplespaceClient.of(proxy.url()).watch("watched", ANY_JOB, recorder));
      join(client().write("watched", Tuple.of("job", 1), 0));
      assertEquals("added [\"job\",1]", recorder.next());
      join(client().write("watched", Tuple.of("job", 2), 100));
      assertEquals("added [\"job\",2]", recorder.next());
      assertEquals("expired [\"job\",2]", recorder.next());
      for (int i = 0; i < 3; i++) {
        proxy.cut();
        assertEquals("missed", recorder.next());
      }
      join(client().take("watched", ANY_JOB));
      assertEquals("removed [\"job\",1]", recorder.next());
      watch.close();
      // Whatever was on its way has come when a second watch has heard of what follows it.
      Recorder second = new Recorder();
      Watch other = join(client().watch("watched", ANY_JOB, second));
      join(client().write("watched", Tuple.of("job", 3), 0));
      assertEquals("added [\"job\",3]", second.next());
      other.close();
      assertTrue(recorder.heard.isEmpty(), recorder.heard.toString());
    }
  }

  @Test
  void aHandlerThatThrowsEndsItsWatch() {
    Recorder recorder = new Recorder();
    WatchHandler bad =
        new WatchHandler() {
          @Override
          public void changed(TupleChange change) {
            throw new IllegalStateException("no");
          }

          @Override
          public void ended(VudoError error) {
            recorder.ended(error);
          }
        };
    join(client().watch("bad", ANY_JOB, bad));
    join(client().write("bad", Tuple.of("job", 1), 0));
    assertEquals("ended INTERNAL_ERROR", recorder.next());
    assertFails(ErrorCode.SPACE_NAME_INVALID, client().watch("1st", ANY_JOB, bad));
  }
}
