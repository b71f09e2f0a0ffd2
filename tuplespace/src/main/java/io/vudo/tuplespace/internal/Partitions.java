package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;

/**
 * How a space is spread: which partition has which tuples, and what things of a partition are
 * called.
 *
 * <p>What it says is on disk: a tuple is looked for where it was written. So neither the number of
 * partitions nor the hash ever changes.
 */
public final class Partitions {
  /** Of every space. One digit, see {@link LeaseName}. */
  public static final int COUNT = 8;

  private static final int MAX_ID_LENGTH = 500;
  private static final List<Integer> ALL = IntStream.range(0, COUNT).boxed().toList();

  private Partitions() {}

  /** All of them. */
  public static List<Integer> all() {
    return ALL;
  }

  /** That of a tuple. */
  public static int of(Tuple tuple) {
    return of(tuple.arity(), tuple.field(0));
  }

  /** The only one that can have what matches; empty when all can. */
  public static OptionalInt of(Template template) {
    return template
        .exactFirstField()
        .map(first -> OptionalInt.of(of(template.arity(), first)))
        .orElse(OptionalInt.empty());
  }

  /** That of a name: a barrier, an idempotency key. */
  public static int of(String name) {
    return of(name.getBytes(StandardCharsets.UTF_8));
  }

  /** The id of the entity. */
  public static String entityId(String space, int partition) {
    return space + "/" + partition;
  }

  /**
   * A hold, or a wait, of this partition.
   *
   * @throws VudoException {@code REQUEST_INVALID} for an id that is empty or too long
   */
  public static String idAt(String id, int partition) {
    if (id.isEmpty() || id.length() > MAX_ID_LENGTH) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The id of a hold, a wait or a watch has 1 to " + MAX_ID_LENGTH + " characters.");
    }
    return id + "|" + partition;
  }

  /** The id of one of many things that {@code id} names together; at the same partition. */
  public static String idOfMany(String id, int index) {
    String many = baseOf(id) + "!" + index;
    OptionalInt partition = partitionOf(id);
    return partition.isPresent() ? idAt(many, partition.getAsInt()) : many;
  }

  /** The partition that {@link #idAt} put into an id; empty when it did not. */
  public static OptionalInt partitionOf(String id) {
    int at = id.length() - 2;
    if (at < 1 || id.charAt(at) != '|') {
      return OptionalInt.empty();
    }
    int partition = id.charAt(at + 1) - '0';
    return partition >= 0 && partition < COUNT ? OptionalInt.of(partition) : OptionalInt.empty();
  }

  /** What {@link #idAt} was given, and {@link #idOfMany} before. */
  public static String baseOf(String id) {
    String base = partitionOf(id).isPresent() ? id.substring(0, id.length() - 2) : id;
    int many = base.lastIndexOf('!');
    return many < 0 ? base : base.substring(0, many);
  }

  private static int of(int arity, Field first) {
    // The canonical encoding decides equality, and a checksum of it is the same in every version
    // of Java; hashCode need not be.
    return (of(TupleCodec.encode(new Tuple(List.of(first)))) + arity) % COUNT;
  }

  private static int of(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    long value = crc.getValue();
    // The low bits of a checksum of similar short texts are less mixed than all together.
    return (int) ((value ^ (value >>> 16)) % COUNT);
  }
}
