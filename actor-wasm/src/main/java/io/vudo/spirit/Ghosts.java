package io.vudo.spirit;

import io.vudo.ghost.Ghost;
import io.vudo.protocol.SpiritId;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/**
 * Runs Ghosts over the Spirits of the cluster. A run is durable: once it is confirmed it comes to
 * its end without whoever began it, also when its node dies, and each step of it is handled once by
 * its Spirit. Its time is the clock's and goes on while nobody runs it.
 *
 * <p>A step is a message to its member's Spirit: the function is its type, the arguments are its
 * payload, see {@link io.vudo.ghost.GhostValue}. Failures that pass ({@code SPIRIT_UNAVAILABLE},
 * {@code MAILBOX_FULL}, {@code JOURNAL_UNAVAILABLE} and the like) are tried again within the step's
 * and the Ghost's time; any other one ends the Ghost.
 *
 * <p>Thread-safe, never blocks. Stages fail with a {@link io.vudo.protocol.VudoException}.
 */
public interface Ghosts {
  /** The longest name of a run. */
  int MAX_RUN_CHARS = 128;

  /**
   * Runs a Ghost, or joins its run. How it ended is kept for {@code vudo.ghost.retention}; until
   * then the same name answers the same and runs nothing.
   *
   * <p>The stage fails with {@code REQUEST_INVALID} for a name that cannot be, or members that are
   * not those of the Ghost; {@code GHOST_TOO_LARGE}; {@code GHOSTS_FULL}; {@code
   * GHOST_RUN_MISMATCH} when something else was run under this name; {@code OUTCOME_FORGOTTEN} when
   * it may have been, too long ago; {@code SPIRIT_UNAVAILABLE} and {@code JOURNAL_UNAVAILABLE} when
   * it was not confirmed, and may run or not. A Ghost that fails is no failure of the stage.
   *
   * @param run its name, the idempotency key of the whole: 1 to {@link #MAX_RUN_CHARS} visible
   *     ASCII characters
   * @param ghost what to run
   * @param members the Spirit of each member
   * @param inputs as {@link Ghost#accept} answers them
   * @param sentBefore how long ago it may have been begun first; zero for not before
   * @param wait how long to wait for its end
   * @return how it is then; it may run on
   */
  CompletionStage<GhostRunStatus> run(
      String run,
      Ghost ghost,
      Map<String, SpiritId> members,
      Map<String, Object> inputs,
      Duration sentBefore,
      Duration wait);

  /**
   * How a run is. The stage fails with {@code GHOST_RUN_NOT_FOUND} when there is none, and {@code
   * SPIRIT_UNAVAILABLE}.
   *
   * @param wait how long to wait for its end
   */
  CompletionStage<GhostRunStatus> status(String run, Duration wait);
}
