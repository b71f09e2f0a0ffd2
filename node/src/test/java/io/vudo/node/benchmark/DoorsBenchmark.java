package io.vudo.node.benchmark;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.client.Message;
import io.vudo.client.SpiritClient;
import io.vudo.client.VudoClient;
import io.vudo.node.VudoNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.SpiritService;
import io.vudo.spirit.Spirits;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Not a test: what each way to a Spirit costs, and durable asks over HTTP beside a Restate server.
 * docs/benchmarks.md has the command and what it printed.
 *
 * <p>A counter each time, asked by callers that send their next message when the last one was
 * answered; all sides take turns, round by round. The node is a process of its own, but for asks in
 * its own process.
 */
public final class DoorsBenchmark {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final byte[] NOTHING = {};
  private static final int[] CALLERS = {1, 64};
  private static final String DURABLE = "durable";
  private static final String FLEETING = "fleeting";

  private DoorsBenchmark() {}

  /**
   * Runs all.
   *
   * @param arguments rounds (5), seconds a round and side (3), and where {@code npm ci} has
   *     installed a Restate server; without that there is no comparison with it
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
    String restate = arguments.length > 2 ? arguments[2] : "";
    Path data = Files.createTempDirectory("vudo-benchmark-");
    ActorSystem<Void> system = null;
    int grpcPort = RestateServer.freePorts(1)[0];
    try (NodeProcess process =
            NodeProcess.start(data.resolve("process"), "--grpc-port", Integer.toString(grpcPort));
        GrpcCaller grpc = new GrpcCaller(grpcPort);
        VudoNode here = BenchmarkNodes.start(data.resolve("here"), "");
        VudoClient client = VudoClient.of(process.http().toString())) {
      system = ActorSystem.create(Behaviors.empty(), "vudo", member(process.http()));
      SpiritService service = SpiritService.join(system);
      deploy(process.http());
      deploy(here.httpAddress());
      for (int callers : CALLERS) {
        Sides sides = new Sides();
        for (String type : new String[] {DURABLE, FLEETING}) {
          sides
              .add(
                  "in the node's process, " + type,
                  s -> Load.run(s, callers, i -> inside(here.spirits(), type)))
              .add(
                  "SpiritRef of a service, " + type,
                  s -> Load.run(s, callers, i -> joined(service, type)))
              .add(
                  "gRPC, a stream of asks, " + type,
                  s -> Load.run(s, callers, i -> grpc.askInStream(type)))
              .add("gRPC, " + type, s -> Load.run(s, callers, i -> grpc.ask(type)))
              .add(
                  "VudoClient (HTTP), " + type,
                  s -> Load.run(s, callers, i -> outside(client.spirit(type, "one"))));
        }
        sides
            .run(rounds, seconds)
            .print(callers + " callers, median of " + rounds, "x in the process, durable");
      }
      if (restate.isEmpty()) {
        System.out.println(
            "No Restate server: run npm ci in node/src/test/restate, and this with"
                + " -Dbenchmark.restate=src/test/restate.");
      } else {
        compare(
            process.http(),
            Path.of(restate).toAbsolutePath(),
            data.resolve("restate"),
            rounds,
            seconds);
      }
    } finally {
      if (system != null) {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
      }
      BenchmarkNodes.delete(data);
    }
  }

  /** The settings of a service that joins this node. */
  private static Config member(URI node) throws IOException, InterruptedException {
    String status =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(node.resolve("/v1/status")).build(), BodyHandlers.ofString())
            .body();
    String address = Json.read(status.getBytes(UTF_8)).at("/members/0/address").asText();
    return ConfigFactory.parseMap(
            Map.of(
                "pekko.remote.artery.canonical.hostname",
                "127.0.0.1",
                "pekko.remote.artery.canonical.port",
                0,
                "pekko.coordinated-shutdown.exit-jvm",
                "off",
                "pekko.cluster.seed-nodes",
                List.of("pekko://" + address)))
        .withFallback(SpiritService.config())
        .withFallback(ConfigFactory.load());
  }

  private static void deploy(URI node) throws IOException, InterruptedException {
    BenchmarkNodes.deploy(node, DURABLE, "", BenchmarkNodes.counter());
    BenchmarkNodes.deploy(node, FLEETING, "?durability=off", BenchmarkNodes.counter());
  }

  private static CompletionStage<?> inside(Spirits spirits, String type) {
    return spirits.ask(new SpiritId(type, "one"), "add", NOTHING, "", TIMEOUT);
  }

  private static CompletionStage<?> joined(SpiritService service, String type) {
    return service.spirit(type + "/one").ask("add", NOTHING, "", TIMEOUT);
  }

  private static CompletionStage<?> outside(SpiritClient spirit) {
    return spirit.ask(Message.of("add"));
  }

  /** Both by the same HTTP client, without a key. */
  private static void compare(URI node, Path installed, Path data, int rounds, int seconds)
      throws Exception {
    HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    HttpRequest ask =
        HttpRequest.newBuilder(node.resolve("/v1/spirits/durable/beside/ask"))
            .header("X-Vudo-Type", "add")
            .POST(BodyPublishers.noBody())
            .build();
    try (RestateServer server = RestateServer.start(installed, data)) {
      HttpRequest call =
          HttpRequest.newBuilder(server.counter("beside")).POST(BodyPublishers.noBody()).build();
      for (int callers : CALLERS) {
        new Sides()
            .add("Restate", s -> Load.run(s, callers, i -> send(http, call)))
            .add("VUDO", s -> Load.run(s, callers, i -> send(http, ask)))
            .run(rounds, seconds)
            .print("HTTP, 1 counter, " + callers + " callers", "x Restate");
      }
    }
  }

  private static CompletionStage<?> send(HttpClient http, HttpRequest request) {
    return http.sendAsync(request, BodyHandlers.ofByteArray())
        .thenCompose(
            response ->
                response.statusCode() == 200
                    ? CompletableFuture.completedFuture(response)
                    : CompletableFuture.failedFuture(
                        new IOException("HTTP " + response.statusCode())));
  }
}
