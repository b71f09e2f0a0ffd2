package io.vudo.spirit.internal.turn;

/**
 * Decides when the hash of a Spirit's state is taken. Hashing reads the whole memory, so by default
 * it waits until the turns since the last one have cost some twenty times as much. Not thread-safe.
 */
final class HashSchedule {
  /** The setting by which a hash is taken as often as it costs about a twentieth of the work. */
  static final int AMORTIZED = 0;

  /** What running a turn costs beside the guest's own instructions, in units of fuel. */
  private static final long FUEL_PER_TURN = 40_000;

  /** Twenty times what hashing a byte costs, in units of fuel. */
  private static final long FUEL_PER_BYTE = 40;

  /** Making a snapshot is work too: as much as hashing so many bytes. */
  private static final long BYTES_PER_SNAPSHOT = 1 << 16;

  /** The same with all that comes with leaving: two commits, and an instance that goes. */
  private static final long BYTES_PER_LEAVE = 1 << 20;

  private final int everyTurns;
  private long turns;
  private long fuel;

  /**
   * A schedule.
   *
   * @param everyTurns after so many turns; {@link #AMORTIZED} to let the cost decide
   */
  HashSchedule(int everyTurns) {
    this.everyTurns = everyTurns;
  }

  /** Notes a turn that completed. */
  void ran(long fuelUsed) {
    turns++;
    fuel += fuelUsed;
  }

  /** Whether to take the hash with the turn that was noted last. */
  boolean isDue(long memoryBytes) {
    return everyTurns == AMORTIZED
        ? turns * FUEL_PER_TURN + fuel >= memoryBytes * FUEL_PER_BYTE
        : turns >= everyTurns;
  }

  /** Whether to take the hash with a snapshot between turns. */
  boolean isDueWithSnapshot(long memoryBytes) {
    return isDue(memoryBytes - BYTES_PER_SNAPSHOT);
  }

  /** Whether to take the hash with the snapshot that a Spirit leaves behind. */
  boolean isDueWithLeave(long memoryBytes) {
    return isDue(memoryBytes - BYTES_PER_LEAVE);
  }

  /** Notes that the hash was taken. */
  void taken() {
    turns = 0;
    fuel = 0;
  }
}
