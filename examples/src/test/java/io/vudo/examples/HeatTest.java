package io.vudo.examples;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Heat on a plate in strips, each a Spirit, that meet at a barrier in every step: the same bits as
 * one loop over the whole plate, also when the node is killed on the way.
 */
class HeatTest {
  private static final int STRIPS = 4;
  private static final int COLUMNS = 32;
  private static final int STEPS = 24;
  private static final double CONDUCTIVITY = 0.1;

  /** Strips need not be equal. */
  private static final int[] ROWS = {6, 3, 8, 5};

  @Test
  void theSameBitsAsOneLoop(@TempDir Path directory) throws IOException {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("HeatTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    double[] plate = random.doubles((long) IntStream.of(ROWS).sum() * COLUMNS, 0, 100).toArray();
    int killAt = 1 + random.nextInt(STEPS / 2);
    try (TestNode node = TestNode.start(directory, "vudo.tuplespace.hold-age = 1 s")) {
      node.deploy(
          "heat-strip",
          Guests.prebuilt("heat-strip"),
          "grant=tuplespace_read:heat",
          "grant=tuplespace_write:heat",
          "grant=tuplespace_take:heat",
          "grant=cross_sandbox_call");
      int from = 0;
      for (int i = 0; i < STRIPS; i++) {
        int to = from + ROWS[i] * COLUMNS;
        byte[] start = start(i, Arrays.copyOfRange(plate, from, to));
        assertEquals("started", new String(node.askBytes(strip(i), "start", start), UTF_8));
        from = to;
      }
      awaitStep(node, 0, killAt);
      node.killAndRestart();

      ByteArrayOutputStream result = new ByteArrayOutputStream();
      for (int i = 0; i < STRIPS; i++) {
        awaitStep(node, i, STEPS);
        result.write(node.askBytes(strip(i), "rows", new byte[0]));
      }
      assertArrayEquals(bytes(diffuse(plate)), result.toByteArray(), "bit for bit");
      assertEquals(
          0,
          node.count(
              "heat",
              "[{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"}]"),
          "no edge is left");
    }
  }

  private static String strip(int i) {
    return "heat-strip/" + i;
  }

  private static void awaitStep(TestNode node, int strip, int step) {
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () -> Integer.parseInt(node.askUntilAnswered(strip(strip), "status", "", "")) >= step);
  }

  private static byte[] start(int strip, double[] rows) {
    byte[] line = (strip + " " + STRIPS + " " + COLUMNS + " " + STEPS + "\n").getBytes(US_ASCII);
    return ByteBuffer.allocate(line.length + rows.length * Double.BYTES)
        .put(line)
        .put(bytes(rows))
        .array();
  }

  private static double[] diffuse(double[] plate) {
    double[] now = plate.clone();
    int rows = now.length / COLUMNS;
    for (int step = 0; step < STEPS; step++) {
      double[] next = now.clone();
      for (int i = 1; i < rows - 1; i++) {
        for (int j = 1; j < COLUMNS - 1; j++) {
          int at = i * COLUMNS + j;
          double around = now[at - COLUMNS] + now[at + COLUMNS] + now[at - 1] + now[at + 1];
          next[at] = now[at] + CONDUCTIVITY * (around - 4 * now[at]);
        }
      }
      now = next;
    }
    return now;
  }

  private static byte[] bytes(double[] numbers) {
    ByteBuffer bytes =
        ByteBuffer.allocate(numbers.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    DoubleStream.of(numbers).forEach(bytes::putDouble);
    return bytes.array();
  }
}
