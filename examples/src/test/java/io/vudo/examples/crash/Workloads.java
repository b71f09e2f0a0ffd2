package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** All workloads, and what they share. */
final class Workloads {
  /** What says nothing of the operation: it may be done or not, and has to be sent again. */
  private static final Set<ErrorCode> PASSING =
      EnumSet.of(
          ErrorCode.NODE_UNREACHABLE,
          ErrorCode.SPIRIT_UNAVAILABLE,
          ErrorCode.SPIRIT_FENCED,
          ErrorCode.SPACE_UNAVAILABLE,
          ErrorCode.JOURNAL_UNAVAILABLE,
          ErrorCode.ASK_TIMEOUT);

  private Workloads() {}

  /** A new one of each kind. */
  static List<Workload> all() {
    return List.of(
        new CounterWorkload(),
        new KeyValueWorkload(),
        new LogWorkload(),
        new ForwardWorkload(),
        new TransferWorkload(),
        new TupleWorkload(),
        new QuestionWorkload(),
        new DeployWorkload());
  }

  static boolean isPassing(VudoException failure) {
    return PASSING.contains(failure.code());
  }

  /** Asks until there is an answer; for looking at a node that has just been started. */
  static <T> T patiently(Supplier<T> request) {
    long deadline = System.nanoTime() + CrashNode.PATIENCE.toNanos();
    while (true) {
      try {
        return request.get();
      } catch (VudoException e) {
        if (!isPassing(e) || System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
      }
    }
  }

  static String text(Door node, String spirit, String type) {
    return patiently(() -> node.ask(spirit, type, "", ""));
  }

  /** 8-byte words, little-endian, and a text. */
  static byte[] words(String text, long... words) {
    byte[] tail = text.getBytes(UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 * words.length + tail.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long word : words) {
      bytes.putLong(word);
    }
    return bytes.put(tail).array();
  }

  static List<Long> longs(byte[] bytes) {
    ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    List<Long> all = new ArrayList<>();
    while (words.hasRemaining()) {
      all.add(words.getLong());
    }
    return all;
  }

  /** Reads a list of {@link CrashGuests}, page by page. */
  static List<Long> list(Door node, String spirit) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (true) {
      byte[] from = words("", all.size());
      byte[] page = patiently(() -> node.askBytes(spirit, "read", from, ""));
      all.writeBytes(page);
      if (page.length < CrashGuests.PAGE_BYTES) {
        return longs(all.toByteArray());
      }
    }
  }

  /** A sender's number and one of its own, in one word. */
  static long entry(long sender, long number) {
    return sender << 32 | number;
  }

  static String entryText(long word) {
    return (word >>> 32) + ":" + (word & 0xffff_ffffL);
  }
}
