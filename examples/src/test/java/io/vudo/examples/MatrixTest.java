package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A master and its workers multiply matrices through a space; a worker ends and the node is killed
 * on the way, and the product is what one loop computes.
 */
class MatrixTest {
  private static final String MASTER = "matrix-master/main";
  private static final int N = 96;
  private static final int WORKERS = 3;

  @Test
  void theProductIsThatOfOneLoop(@TempDir Path directory) throws IOException {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("MatrixTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    double[] left = random.doubles(N * N, -1, 1).toArray();
    double[] right = random.doubles(N * N, -1, 1).toArray();
    int quitAt = random.nextInt(N / 3);
    int killAt = quitAt + random.nextInt(N / 3);
    try (TestNode node = TestNode.start(directory, "vudo.tuplespace.hold-age = 1 s")) {
      node.deploy(
          "matrix-master",
          Guests.prebuilt("matrix-master"),
          "grant=tuplespace_write:matrix",
          "grant=tuplespace_take:matrix",
          "grant=cross_sandbox_call");
      node.deploy(
          "matrix-worker",
          Guests.prebuilt("matrix-worker"),
          "grant=tuplespace_read:matrix",
          "grant=tuplespace_take:matrix",
          "grant=tuplespace_write:matrix",
          "grant=cross_sandbox_call");
      // From now on each waits, in a turn that is suspended, before there is work.
      for (int i = 1; i <= WORKERS; i++) {
        node.ask(worker(i), "work", "1000");
      }
      byte[] matrices =
          ByteBuffer.allocate(2 * N * N * Double.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .put(bytes(left))
              .put(bytes(right))
              .array();
      assertEquals(
          Integer.toString(N),
          new String(TestNode.join(node.askLater(MASTER, "multiply", matrices, "m")), UTF_8));
      node.fails(ErrorCode.APPLICATION_ERROR, MASTER, "product", "");

      awaitRows(node, quitAt);
      assertEquals("bye", node.ask(worker(1), "quit", "", "quit"));
      awaitRows(node, killAt);
      node.killAndRestart();
      awaitRows(node, N);
      assertEquals(N + " " + N, node.ask(MASTER, "status", ""), "each row came once");

      byte[] product = node.askBytes(MASTER, "product", new byte[0]);
      assertArrayEquals(bytes(multiply(left, right)), product, "bit for bit");
      await()
          .atMost(TestNode.PATIENCE)
          .until(
              () -> node.count("matrix", "[{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"}]") == 0);
      assertEquals(
          0,
          node.count("matrix", "[{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"}]"),
          "no row is left");
    }
  }

  private static String worker(int i) {
    return "matrix-worker/" + i;
  }

  private static void awaitRows(TestNode node, int rows) {
    await()
        .atMost(TestNode.PATIENCE)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> {
              String status = node.askUntilAnswered(MASTER, "status", "", "");
              return Integer.parseInt(status.split(" ", 2)[0]) >= rows;
            });
  }

  private static double[] multiply(double[] left, double[] right) {
    double[] product = new double[N * N];
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) {
          sum += left[i * N + k] * right[k * N + j];
        }
        product[i * N + j] = sum;
      }
    }
    return product;
  }

  private static byte[] bytes(double[] numbers) {
    ByteBuffer bytes =
        ByteBuffer.allocate(numbers.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    DoubleStream.of(numbers).forEach(bytes::putDouble);
    return bytes.array();
  }
}
