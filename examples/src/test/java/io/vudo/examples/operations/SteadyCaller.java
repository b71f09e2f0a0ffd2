package io.vudo.examples.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Counts with some Spirits, one ask after the other, through any node that answers; each ask again
 * with its key until it is answered.
 */
final class SteadyCaller implements AutoCloseable {
  private static final int SPIRITS = 20;
  private static final Duration ASK_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final long BETWEEN_MILLIS = 50;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(2))
          .build();
  private final List<URI> gateways;
  private final Thread thread = new Thread(this::run, "steady-caller");
  private volatile boolean stopped;
  private volatile Throwable failure;

  // Confined to the thread, and then to the test.
  private int asked;

  private SteadyCaller(List<URI> gateways) {
    this.gateways = gateways;
  }

  static SteadyCaller start(List<URI> gateways) {
    SteadyCaller caller = new SteadyCaller(gateways);
    caller.thread.start();
    return caller;
  }

  private void run() {
    try {
      while (!stopped) {
        askOnce();
        TimeUnit.MILLISECONDS.sleep(BETWEEN_MILLIS);
      }
    } catch (InterruptedException | RuntimeException | AssertionError e) {
      failure = e;
    }
  }

  /** Stops the asking; fails when it failed. */
  void pause() throws InterruptedException {
    stopped = true;
    thread.join();
    if (failure != null) {
      throw new AssertionError("The caller failed after " + asked + " asks", failure);
    }
  }

  /** Adds one, and sees that nothing was lost or done twice before. */
  void askOnce() throws InterruptedException {
    String spirit = "counter/steady-" + asked % SPIRITS;
    String reply = ask(spirit, "add", "1", "key-" + asked);
    assertEquals(Integer.toString(asked / SPIRITS + 1), reply, spirit);
    asked++;
  }

  /**
   * Asserts that the Spirits know of all asks.
   *
   * @param but those that came last
   */
  void assertCounted(int but) throws InterruptedException {
    int all = 0;
    for (int i = 0; i < Math.min(SPIRITS, asked); i++) {
      all += Integer.parseInt(ask("counter/steady-" + i, "get", "", "get-" + System.nanoTime()));
    }
    assertEquals(asked - but, all);
  }

  private String ask(String spirit, String type, String payload, String key)
      throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    String last = "";
    for (int i = asked; System.nanoTime() - end < 0; i++) {
      URI gateway = gateways.get(i % gateways.size());
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(gateway + "/v1/spirits/" + spirit + "/ask"))
              .header("X-Vudo-Type", type)
              .header("X-Vudo-Timeout", ASK_TIMEOUT.toMillis() + "ms")
              .header("Idempotency-Key", key)
              .timeout(ASK_TIMEOUT.multipliedBy(2))
              .POST(BodyPublishers.ofString(payload))
              .build();
      try {
        HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
        if (answer.statusCode() == 200) {
          return answer.body();
        }
        last = answer.body();
      } catch (IOException e) {
        last = e.toString();
      }
      TimeUnit.MILLISECONDS.sleep(BETWEEN_MILLIS);
    }
    throw new AssertionError(spirit + " does not answer: " + last);
  }

  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
