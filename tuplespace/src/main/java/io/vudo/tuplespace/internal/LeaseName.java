package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;

/**
 * What a lease is called outside: the partition, and either the place of its tuple there or the
 * operation of the Spirit that wrote it. {@code 3.1042} or {@code 3.worker/alice#12#0}.
 *
 * @param partition the partition that has the tuple
 * @param name what the partition finds the tuple by
 */
public record LeaseName(int partition, String name) {
  private static final int MAX_LENGTH = 512;

  /** The lease of the tuple with this id. */
  static LeaseName ofEntry(int partition, long entryId) {
    return new LeaseName(partition, Long.toString(entryId));
  }

  /**
   * Reads the text that {@link #toString} makes.
   *
   * @throws VudoException {@code LEASE_UNKNOWN}
   */
  public static LeaseName parse(String text) {
    int dot = text.indexOf('.');
    if (dot == 1 && text.length() > 2 && text.length() <= MAX_LENGTH) {
      int partition = text.charAt(0) - '0';
      if (partition >= 0 && partition < Partitions.COUNT) {
        return new LeaseName(partition, text.substring(2));
      }
    }
    throw new VudoException(ErrorCode.LEASE_UNKNOWN, "It is no name of a lease.");
  }

  /** The id of the tuple, or -1 when the name is an operation of a Spirit. */
  long entryId() {
    try {
      return Long.parseLong(name);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  @Override
  public String toString() {
    return partition + "." + name;
  }
}
