package io.vudo.protocol;

/**
 * What one Spirit may use. All limits hold per Spirit and, where it says so, per turn.
 *
 * @param fuelPerTurn units of fuel a turn may burn; one unit is about one Wasm instruction
 * @param maxMemoryBytes linear memory, a multiple of 64 KiB
 * @param maxTableEntries entries of all tables together
 * @param maxCallDepth nested guest calls
 * @param turnTimeoutMillis wall-clock time of one attempt at a turn
 * @param maxMailbox messages that may wait
 * @param maxPayloadBytes bytes of one message, and of one reply
 */
public record SpiritLimits(
    long fuelPerTurn,
    long maxMemoryBytes,
    int maxTableEntries,
    int maxCallDepth,
    long turnTimeoutMillis,
    int maxMailbox,
    int maxPayloadBytes) {

  /** A Wasm page. */
  public static final int PAGE_BYTES = 65_536;

  public static final SpiritLimits DEFAULTS =
      new SpiritLimits(1_000_000_000L, 64L << 20, 100_000, 10_000, 30_000L, 10_000, 1 << 20);

  /**
   * Checks every range.
   *
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public SpiritLimits {
    check("fuel", fuelPerTurn, 1, Long.MAX_VALUE / 4);
    check("memory", maxMemoryBytes, PAGE_BYTES, 2L << 30);
    check("table entries", maxTableEntries, 0, 10_000_000);
    check("call depth", maxCallDepth, 1, 50_000);
    check("turn timeout (ms)", turnTimeoutMillis, 1, 3_600_000);
    check("mailbox", maxMailbox, 1, 10_000_000);
    check("payload", maxPayloadBytes, 1, 64 << 20);
    maxMemoryBytes = maxMemoryBytes / PAGE_BYTES * PAGE_BYTES;
  }

  public int maxMemoryPages() {
    return (int) (maxMemoryBytes / PAGE_BYTES);
  }

  public SpiritLimits withFuelPerTurn(long value) {
    return new SpiritLimits(
        value,
        maxMemoryBytes,
        maxTableEntries,
        maxCallDepth,
        turnTimeoutMillis,
        maxMailbox,
        maxPayloadBytes);
  }

  public SpiritLimits withMaxMemoryBytes(long value) {
    return new SpiritLimits(
        fuelPerTurn,
        value,
        maxTableEntries,
        maxCallDepth,
        turnTimeoutMillis,
        maxMailbox,
        maxPayloadBytes);
  }

  public SpiritLimits withMaxCallDepth(int value) {
    return new SpiritLimits(
        fuelPerTurn,
        maxMemoryBytes,
        maxTableEntries,
        value,
        turnTimeoutMillis,
        maxMailbox,
        maxPayloadBytes);
  }

  public SpiritLimits withTurnTimeoutMillis(long value) {
    return new SpiritLimits(
        fuelPerTurn,
        maxMemoryBytes,
        maxTableEntries,
        maxCallDepth,
        value,
        maxMailbox,
        maxPayloadBytes);
  }

  public SpiritLimits withMaxMailbox(int value) {
    return new SpiritLimits(
        fuelPerTurn,
        maxMemoryBytes,
        maxTableEntries,
        maxCallDepth,
        turnTimeoutMillis,
        value,
        maxPayloadBytes);
  }

  public SpiritLimits withMaxPayloadBytes(int value) {
    return new SpiritLimits(
        fuelPerTurn,
        maxMemoryBytes,
        maxTableEntries,
        maxCallDepth,
        turnTimeoutMillis,
        maxMailbox,
        value);
  }

  private static void check(String name, long value, long least, long most) {
    if (value < least || value > most) {
      throw new VudoException(
          ErrorCode.LIMIT_INVALID,
          name + " is " + value + "; it must lie between " + least + " and " + most + ".");
    }
  }
}
