package io.vudo.node.benchmark.pause;

import com.typesafe.config.Config;
import io.vudo.node.NodeSettings;
import io.vudo.node.VudoNode;
import io.vudo.protocol.SpiritId;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;

/** A VUDO node. Every ping is a turn with its record in the journal. */
final class VudoMember implements Member {
  private static final String TYPE = "pause";
  private static final byte[] NOTHING = {};
  private static final Duration FILL_TIMEOUT = Duration.ofSeconds(30);
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final VudoNode node;
  private final Cluster cluster;
  private final Duration timeout;
  private final Queue<Long> pauses = new ConcurrentLinkedQueue<>();

  VudoMember(Config config, Path data, Duration timeout) {
    this.timeout = timeout;
    this.node = VudoNode.start(NodeSettings.of(config).withData(data).withHttpPort(0).withPort(0));
    this.cluster = Cluster.get(node.system());
    // For as long as the process.
    AutoCloseable unused =
        node.spirits().relocations().watch(moved -> pauses.add(moved.pauseMicros()));
  }

  @Override
  public String address() {
    return cluster.selfMember().address().getHost().orElseThrow()
        + ":"
        + cluster.selfMember().address().getPort().orElseThrow();
  }

  @Override
  public int membersUp() {
    if (!cluster.state().getUnreachable().isEmpty()) {
      return 0;
    }
    return (int)
        StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
            .filter(member -> member.status().equals(MemberStatus.up()))
            .count();
  }

  @Override
  public void prepare() throws IOException, InterruptedException {
    HttpResponse<String> response =
        HTTP.send(
            post("/v1/deployments/" + TYPE, PauseGuest.module()),
            HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() >= 300) {
      throw new IOException(response.body());
    }
  }

  private HttpRequest post(String path, byte[] body) {
    return HttpRequest.newBuilder(URI.create(node.httpAddress().toString()).resolve(path))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofByteArray(body))
        .build();
  }

  private static SpiritId spirit(int entity) {
    return new SpiritId(TYPE, Integer.toString(entity));
  }

  @Override
  public CompletionStage<?> fill(int entity, int bytes) {
    byte[] payload =
        ByteBuffer.allocate(8)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(bytes)
            .putInt(entity + 1)
            .array();
    return node.spirits().ask(spirit(entity), "fill", payload, "", FILL_TIMEOUT);
  }

  @Override
  public CompletionStage<?> ping(int entity) {
    return node.spirits().ask(spirit(entity), "ping", NOTHING, "", timeout);
  }

  @Override
  public Set<Integer> residents() {
    return node.spirits().resident().stream()
        .map(status -> status.id())
        .filter(id -> id.type().equals(TYPE))
        .map(id -> Integer.valueOf(id.id()))
        .collect(Collectors.toSet());
  }

  @Override
  public CompletionStage<?> move(int entity, String address) {
    byte[] body = ("{\"node\": \"" + address + "\"}").getBytes(StandardCharsets.UTF_8);
    return HTTP.sendAsync(
            post("/v1/spirits/" + spirit(entity) + "/migrate", body),
            HttpResponse.BodyHandlers.ofString())
        .thenApply(
            response -> {
              if (response.statusCode() >= 300) {
                throw new CompletionException(new IOException(response.body()));
              }
              return response.body();
            });
  }

  @Override
  public List<Long> takePauses() {
    List<Long> taken = new ArrayList<>();
    for (Long one = pauses.poll(); one != null; one = pauses.poll()) {
      taken.add(one);
    }
    return taken;
  }

  @Override
  public void leave() {
    node.close();
  }
}
