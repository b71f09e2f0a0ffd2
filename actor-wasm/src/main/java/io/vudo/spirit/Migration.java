package io.vudo.spirit;

import io.vudo.protocol.SpiritId;

/**
 * Where a Spirit runs after {@link Spirits#migrate}.
 *
 * @param id its address
 * @param engine the engine that runs it now
 * @param fromEngine the engine that ran it before; the same when it did not have to move
 * @param turn the last turn that ran before; the next one runs on {@code engine}
 * @param pauseMillis how long the Spirit handled no messages because of it, up to the moment when
 *     the move was durable
 * @param stateHash of the state that it moved with, 64 hexadecimal digits: SHA-256 over its memory,
 *     globals and tables. Equal on all engines for equal states
 */
public record Migration(
    SpiritId id, String engine, String fromEngine, long turn, long pauseMillis, String stateHash) {

  /** Whether the Spirit moved; not when it was there already. */
  public boolean moved() {
    return !engine.equals(fromEngine);
  }
}
