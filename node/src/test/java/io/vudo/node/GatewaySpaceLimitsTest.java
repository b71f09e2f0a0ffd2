package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.client.TuplespaceClient;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.WatchHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What callers over HTTP may ask of a space at most, with limits that are soon reached. */
class GatewaySpaceLimitsTest {
  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          """
          vudo.tuplespace { max-waiters = 1, max-watchers = 1, max-transactions = 1 }
          vudo.http.max-watch-behind = 64 KiB
          """);

  private static final String JOB = "{\"template\":[\"job\",{\"?\":\"any\"}]}";
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private static Answer post(String path, String body, String... headers) {
    return NODE.post("/v1/spaces/" + path, body, headers);
  }

  private static EventStream watch(String space) {
    return EventStream.open(
        NODE.request("/v1/spaces/" + space + "/watch").POST(BodyPublishers.ofString(JOB)));
  }

  @Test
  void tooManyWait() {
    CompletableFuture<Answer> first =
        CompletableFuture.supplyAsync(() -> post("wait/take", JOB, "X-Vudo-Timeout", "1min"));
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                post("wait/take", JOB, "X-Vudo-Timeout", "1ms")
                    .assertProblem(ErrorCode.WAITERS_FULL));
    Answer refused = post("wait/read", JOB, "X-Vudo-Timeout", "1s");
    refused.assertProblem(ErrorCode.WAITERS_FULL);
    assertEquals("1", refused.header("Retry-After"));
    post("wait/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    first.join().assertReply("{\"tuple\":[\"job\",1]}");
  }

  @Test
  void tooManyTransactions() {
    // One for each part of the space, and the part is chosen by chance.
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              Answer refused = post("tx/begin", "{\"timeoutMillis\":600000}");
              refused.assertProblem(ErrorCode.TRANSACTIONS_FULL);
              assertEquals("1", refused.header("Retry-After"));
            });
  }

  @Test
  void aClientThatGoesAwayWatchesNoLonger() {
    try (EventStream first = watch("gone")) {
      Answer refused = post("gone/watch", JOB);
      refused.assertProblem(ErrorCode.WATCHERS_FULL);
      assertEquals("1", refused.header("Retry-After"));
      post("gone/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
      assertEquals("added [\"job\",1]", first.next());
    }
    await()
        .atMost(PATIENCE)
        .ignoreExceptions()
        .until(
            () -> {
              watch("gone").close();
              return true;
            });
  }

  @Test
  void aClientThatDoesNotReadIsDroppedAndToldSo() throws IOException {
    String padding = "x".repeat(256 << 10);
    try (Socket slow = new Socket()) {
      slow.setReceiveBufferSize(4096);
      slow.setSoTimeout(Math.toIntExact(PATIENCE.toMillis()));
      slow.connect(new InetSocketAddress(NODE.uri().getHost(), NODE.uri().getPort()));
      slow.getOutputStream()
          .write(
              ("POST /v1/spaces/slow/watch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                      + JOB.length()
                      + "\r\n\r\n"
                      + JOB)
                  .getBytes(StandardCharsets.US_ASCII));
      InputStream in = slow.getInputStream();
      assertTrue(
          new String(in.readNBytes(15), StandardCharsets.US_ASCII).startsWith("HTTP/1.1 200"));
      // It reads no more, while others go on; when it is dropped, another may watch.
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .until(
              () -> {
                post("slow/write", "{\"tuple\":[\"job\",\"" + padding + "\"]}").assertWritten(1);
                assertEquals(200, post("slow/take", JOB).status());
                watch("slow").close();
                return true;
              });
      StringBuilder tail = new StringBuilder();
      byte[] buffer = new byte[64 << 10];
      while (tail.indexOf("WATCH_TOO_SLOW") < 0) {
        int read = in.read(buffer);
        assertTrue(read > 0, "ended without saying why");
        tail.append(new String(buffer, 0, read, StandardCharsets.ISO_8859_1));
        tail.delete(0, Math.max(0, tail.length() - (100 << 10)));
      }
      assertTrue(tail.indexOf("event: error\ndata: {") >= 0);
    }
  }

  @Test
  void aHandlerOfTheClientThatIsTooSlowIsToldSo() {
    CountDownLatch mayGoOn = new CountDownLatch(1);
    CompletableFuture<VudoError> ended = new CompletableFuture<>();
    TuplespaceClient.of(NODE.uri().toString())
        .watch(
            "handled",
            Template.of("job", Template.ANY),
            new WatchHandler() {
              @Override
              public void changed(TupleChange change) {
                try {
                  assertTrue(mayGoOn.await(PATIENCE.toSeconds(), TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              }

              @Override
              public void ended(VudoError error) {
                ended.complete(error);
              }
            })
        .toCompletableFuture()
        .join();
    String padding = "x".repeat(256 << 10);
    await()
        .atMost(PATIENCE)
        .ignoreExceptions()
        .until(
            () -> {
              post("handled/write", "{\"tuple\":[\"job\",\"" + padding + "\"]}").assertWritten(1);
              assertEquals(200, post("handled/take", JOB).status());
              watch("handled").close();
              return true;
            });
    mayGoOn.countDown();
    assertEquals(ErrorCode.WATCH_TOO_SLOW, ended.orTimeout(1, TimeUnit.MINUTES).join().code());
  }
}
