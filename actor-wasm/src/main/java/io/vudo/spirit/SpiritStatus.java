package io.vudo.spirit;

import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;

/**
 * What a node knows of a Spirit that is resident on it.
 *
 * @param id its address
 * @param phase where in its life it is
 * @param digest the module it runs
 * @param engine the engine that runs it
 * @param turns how many turns its history has
 * @param memoryBytes its linear memory
 * @param waiting messages of the batch at hand that are not handled yet
 * @param replayedTurns how many turns were replayed when it was last activated
 * @param recoveryMillis how long that activation took
 * @param waitsFor what its suspended turn waits for, in words; empty when none does
 */
public record SpiritStatus(
    SpiritId id,
    Phase phase,
    ModuleDigest digest,
    String engine,
    long turns,
    long memoryBytes,
    int waiting,
    long replayedTurns,
    long recoveryMillis,
    String waitsFor) {

  /**
   * The phases of a Spirit's stay in memory. One that failed to recover, or that has left, is not
   * resident and has none.
   */
  public enum Phase {
    /** Its snapshot and turns are being read. */
    INITIALIZING,
    /** It waits for a message. */
    READY,
    /** It handles messages. */
    RUNNING,
    /** A turn waits for a reply, a tuple or the time. */
    SUSPENDED,
    /** It has failed and takes no messages until it is restarted. */
    FAILED
  }
}
