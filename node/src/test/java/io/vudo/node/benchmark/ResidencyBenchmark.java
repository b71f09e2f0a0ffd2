package io.vudo.node.benchmark;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.node.NodeSettings;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import io.vudo.protocol.SpiritId;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Locale;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Not a test that runs by itself: addresses many more Spirits in turn than an engine has room for,
 * twice, on one node with default settings. Each must answer what it has counted, and the process
 * must live. docs/benchmarks.md has the command and what it printed.
 */
public final class ResidencyBenchmark {
  private static final int CALLERS = 16;
  private static final int ROUNDS = 2;
  private static final int REPORT_EVERY = 1_000;
  private static final Duration TIMEOUT = Duration.ofMinutes(1);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final VudoNode node;
  private final String engine;
  private final int spirits;
  private final AtomicLong slowestNanos = new AtomicLong();
  private final AtomicInteger wrong = new AtomicInteger();
  private int peakInstances;
  private int peakResident;
  private long peakMappings;
  private long peakRssKib;

  private ResidencyBenchmark(VudoNode node, String engine, int spirits) {
    this.node = node;
    this.engine = engine;
    this.spirits = spirits;
  }

  /**
   * Runs it.
   *
   * @param arguments the engine (wasmtime) and how many Spirits (20000)
   */
  public static void main(String[] arguments) throws Exception {
    String engine = arguments.length > 0 ? arguments[0] : "wasmtime";
    int spirits = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20_000;
    Path data = Files.createTempDirectory("vudo-residency-");
    boolean right;
    try (VudoNode node =
        VudoNode.start(NodeSettings.defaults().withData(data).withHttpPort(0).withPort(0))) {
      right = new ResidencyBenchmark(node, engine, spirits).run();
    } finally {
      try (Stream<Path> files = Files.walk(data)) {
        files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
      }
    }
    System.exit(right ? 0 : 1);
  }

  private boolean run() throws IOException, InterruptedException {
    send(
        HttpRequest.newBuilder(uri("/v1/deployments/counter?engine=" + engine))
            .POST(HttpRequest.BodyPublishers.ofByteArray(TestModules.example("counter"))));
    System.out.printf(
        Locale.ROOT,
        "%d Spirits in turn on engine %s, which holds %d%n",
        spirits,
        engine,
        engineStatus().path("maxInstances").asInt());
    for (int round = 1; round <= ROUNDS; round++) {
      round(round);
    }
    return wrong.get() == 0;
  }

  private void round(int round) throws IOException, InterruptedException {
    slowestNanos.set(0);
    long start = System.nanoTime();
    Semaphore callers = new Semaphore(CALLERS);
    for (int i = 0; i < spirits; i++) {
      callers.acquire();
      ask(new SpiritId("counter", Integer.toString(i)), Integer.toString(round), callers);
      if (i % REPORT_EVERY == 0) {
        observe();
      }
    }
    callers.acquire(CALLERS);
    observe();
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    System.out.printf(
        Locale.ROOT,
        "round %d: %d s, %d asks/s, slowest %d ms, %d wrong; peaks so far: %d instances,"
            + " %d resident, %d mappings, RSS %d MiB%n",
        round,
        millis / 1_000,
        spirits * 1_000L / Math.max(1, millis),
        TimeUnit.NANOSECONDS.toMillis(slowestNanos.get()),
        wrong.get(),
        peakInstances,
        peakResident,
        peakMappings,
        peakRssKib >> 10);
  }

  private void ask(SpiritId spirit, String expected, Semaphore callers) {
    long asked = System.nanoTime();
    var unused =
        node.spirits()
            .ask(spirit, "add", "1".getBytes(UTF_8), "", TIMEOUT)
            .whenComplete(
                (reply, failure) -> {
                  slowestNanos.accumulateAndGet(System.nanoTime() - asked, Math::max);
                  String answer =
                      failure == null
                          ? new String(reply.orElse(new byte[0]), UTF_8)
                          : reason(failure);
                  if (!answer.equals(expected) && wrong.incrementAndGet() <= 10) {
                    System.out.println(spirit + " answered " + answer + ", not " + expected);
                  }
                  callers.release();
                });
  }

  private static String reason(Throwable failure) {
    return String.valueOf(
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure);
  }

  private void observe() throws IOException, InterruptedException {
    peakInstances = Math.max(peakInstances, engineStatus().path("liveInstances").asInt());
    peakResident = Math.max(peakResident, node.spirits().resident().size());
    Path maps = Path.of("/proc/self/maps");
    if (Files.isReadable(maps)) {
      try (Stream<String> lines = Files.lines(maps)) {
        peakMappings = Math.max(peakMappings, lines.count());
      }
      try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
        peakRssKib =
            Math.max(
                peakRssKib,
                lines
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                    .sum());
      }
    }
  }

  private JsonNode engineStatus() throws IOException, InterruptedException {
    JsonNode status = JSON.readTree(send(HttpRequest.newBuilder(uri("/v1/status")).GET()));
    for (JsonNode one : status.path("engines")) {
      if (one.path("name").asText().equals(engine)) {
        return one;
      }
    }
    throw new IllegalStateException("There is no engine " + engine);
  }

  private URI uri(String path) {
    return URI.create(node.httpAddress() + path);
  }

  private static byte[] send(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        HTTP.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    if (response.statusCode() / 100 != 2) {
      throw new IllegalStateException(new String(response.body(), UTF_8));
    }
    return response.body();
  }
}
