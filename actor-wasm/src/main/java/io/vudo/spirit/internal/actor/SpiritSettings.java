package io.vudo.spirit.internal.actor;

import com.typesafe.config.Config;
import io.vudo.spirit.internal.turn.TurnLimits;
import java.time.Duration;

/**
 * {@code vudo.spirit} of the configuration, where each value is explained.
 *
 * @param journalPlugin id of the Pekko journal plugin
 * @param snapshotPlugin id of the Pekko snapshot store plugin
 * @param dispatcher on which guests run
 * @param snapshotEveryEvents events between two snapshots
 * @param idleTimeout after which a Spirit leaves memory
 * @param batchMessages messages that may share one commit
 * @param batchBytes bytes that turns may record before what they did is committed
 * @param batchRunTime how long turns may run before what they did is committed
 * @param redeliveryMin first wait before an effect is delivered again
 * @param redeliveryMax longest wait
 * @param waitRedeliveryMax longest wait before a turn that waits asks again
 * @param maxSenders senders whose position an inbox remembers
 * @param maxIdempotencyKeys outcomes that an inbox remembers
 * @param maxIdempotencyKeyBytes bytes of them
 * @param restartMin first pause before a message that failed is tried again
 * @param restartMax longest pause
 * @param maxDeadLetters that a partition of the register keeps
 * @param maxDeadLetterBytes bytes of them
 * @param maxMailboxBytes bytes of the messages that wait for one Spirit
 * @param maxNodeMailboxBytes bytes of the messages that wait for all Spirits of the node
 * @param stateHashEveryTurns turns between two hashes of the state; 0 to let their cost decide
 * @param queryPlugin id of the Pekko read journal plugin
 * @param maxRunningReplays replays of histories that run at once
 * @param maxWaitingReplays those that may wait
 * @param replayTimeout how long one may take, waiting not counted
 * @param maxSavedBytes what {@code spirit_save} may answer
 * @param maxMoves Spirits that are on their way from this node to others at once
 * @param maxPaused how many of them may have stopped for it at once
 * @param moveTimeout how long a move may take until the Spirit stops for it
 * @param movePauseTimeout how long it may stop
 * @param drainTimeout how long a node that stops may take to move its Spirits away
 * @param maxMeteredTypes of how many types turns are counted apart
 * @param turnLimits bounds of one turn
 */
record SpiritSettings(
    String journalPlugin,
    String snapshotPlugin,
    String dispatcher,
    int snapshotEveryEvents,
    Duration idleTimeout,
    int batchMessages,
    long batchBytes,
    Duration batchRunTime,
    Duration redeliveryMin,
    Duration redeliveryMax,
    Duration waitRedeliveryMax,
    int maxSenders,
    int maxIdempotencyKeys,
    int maxIdempotencyKeyBytes,
    Duration restartMin,
    Duration restartMax,
    int maxDeadLetters,
    long maxDeadLetterBytes,
    long maxMailboxBytes,
    long maxNodeMailboxBytes,
    int stateHashEveryTurns,
    String queryPlugin,
    int maxRunningReplays,
    int maxWaitingReplays,
    Duration replayTimeout,
    int maxSavedBytes,
    int maxMoves,
    int maxPaused,
    Duration moveTimeout,
    Duration movePauseTimeout,
    Duration drainTimeout,
    int maxMeteredTypes,
    TurnLimits turnLimits) {

  private static final int HEAP_PARTS = 4;

  /** What still fits into one event of the journal. */
  private static final long MOST_SAVED_BYTES = 256 << 20;

  /** 0 stands for a quarter of the heap. */
  private static long ofHeap(long bytes) {
    return bytes == 0 ? Runtime.getRuntime().maxMemory() / HEAP_PARTS : bytes;
  }

  static SpiritSettings from(Config config) {
    Config spirit = config.getConfig("vudo.spirit");
    Config turn = spirit.getConfig("turn");
    return new SpiritSettings(
        spirit.getString("journal-plugin"),
        spirit.getString("snapshot-plugin"),
        "vudo.spirit.dispatcher",
        spirit.getInt("snapshot-every-events"),
        spirit.getDuration("idle-timeout"),
        spirit.getInt("batch-messages"),
        spirit.getBytes("batch-bytes"),
        spirit.getDuration("batch-run-time"),
        spirit.getDuration("redelivery-min"),
        spirit.getDuration("redelivery-max"),
        spirit.getDuration("wait-redelivery-max"),
        spirit.getInt("max-senders"),
        spirit.getInt("max-idempotency-keys"),
        spirit.getBytes("max-idempotency-key-bytes").intValue(),
        spirit.getDuration("restart-min"),
        spirit.getDuration("restart-max"),
        spirit.getInt("max-dead-letters"),
        spirit.getBytes("max-dead-letter-bytes"),
        spirit.getBytes("max-mailbox-bytes"),
        ofHeap(spirit.getBytes("max-node-mailbox-bytes")),
        spirit.getInt("state-hash-every-turns"),
        spirit.getString("query-plugin"),
        spirit.getInt("replay.max-running"),
        spirit.getInt("replay.max-waiting"),
        spirit.getDuration("replay.timeout"),
        (int) Math.min(MOST_SAVED_BYTES, spirit.getBytes("swap.max-saved-bytes")),
        spirit.getInt("move.max-moving"),
        spirit.getInt("move.max-paused"),
        spirit.getDuration("move.timeout"),
        spirit.getDuration("move.pause-timeout"),
        spirit.getDuration("move.drain-timeout"),
        spirit.getInt("max-metered-types"),
        new TurnLimits(
            turn.getInt("max-effects"),
            turn.getBytes("max-effect-bytes").intValue(),
            turn.getInt("max-answers"),
            turn.getBytes("max-answer-bytes").intValue(),
            turn.getInt("max-log-lines"),
            turn.getBytes("max-log-line-bytes").intValue(),
            turn.getDuration("max-wait").toMillis(),
            turn.getInt("max-timers"),
            turn.getBytes("max-storage-bytes").intValue(),
            spirit.getInt("max-watchers"),
            Math.max(1, config.getDuration("vudo.process.deadline").toMillis())));
  }
}
