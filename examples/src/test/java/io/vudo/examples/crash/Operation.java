package io.vudo.examples.crash;

/**
 * What a caller did and what came of it.
 *
 * @param workload to which it belongs
 * @param caller who did it; one at a time
 * @param key its {@code Idempotency-Key}; several operations of one key are one operation, sent
 *     again after it was answered
 * @param kind what it does, in the workload's own words
 * @param target to what
 * @param argument with what
 * @param outcome how it ended
 * @param answer the answer, or the code of the error
 * @param startNanos when the caller sent it first
 * @param endNanos when the caller had the answer
 */
record Operation(
    String workload,
    int caller,
    String key,
    String kind,
    String target,
    String argument,
    Outcome outcome,
    String answer,
    long startNanos,
    long endNanos) {
  /** How an operation ended. */
  enum Outcome {
    /** It was done. */
    ANSWERED,
    /** It was refused or failed for good, so nothing of it may be seen. */
    FAILED,
    /** Nobody answered: it was done or not. */
    OPEN
  }

  boolean answered() {
    return outcome == Outcome.ANSWERED;
  }

  boolean open() {
    return outcome == Outcome.OPEN;
  }
}
