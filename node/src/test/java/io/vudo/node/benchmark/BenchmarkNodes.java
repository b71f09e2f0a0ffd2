package io.vudo.node.benchmark;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.typesafe.config.ConfigFactory;
import io.vudo.node.NodeSettings;
import io.vudo.node.VudoNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Nodes to measure, and what runs on them. */
final class BenchmarkNodes {
  private static final String COUNTER =
      """
      (module
        (memory (export "memory") 1)
        (global $n (mut i64) (i64.const 0))
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param i32 i32) (result i64)
          (global.set $n (i64.add (global.get $n) (i64.const 1)))
          (i64.store (i32.const 0) (global.get $n))
          (i64.const 8)))
      """;

  private BenchmarkNodes() {}

  /** A counter that replies its count. */
  static byte[] counter() {
    return Wat2Wasm.parse(COUNTER);
  }

  /** A node on free ports with this HOCON above the defaults. */
  static VudoNode start(Path data, String config) {
    return VudoNode.start(
        NodeSettings.of(ConfigFactory.parseString(config))
            .withData(data)
            .withHttpPort(0)
            .withPort(0));
  }

  static void deploy(VudoNode node, String type, String query, byte[] module)
      throws IOException, InterruptedException {
    deploy(node.httpAddress(), type, query, module);
  }

  static void deploy(URI node, String type, String query, byte[] module)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(node + "/v1/deployments/" + type + query))
                    .POST(HttpRequest.BodyPublishers.ofByteArray(module))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() >= 300) {
      throw new IOException(response.body());
    }
  }

  static void delete(Path directory) throws IOException {
    List<Path> paths = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(directory)) {
      walk.sorted(Comparator.reverseOrder()).forEach(paths::add);
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }
}
