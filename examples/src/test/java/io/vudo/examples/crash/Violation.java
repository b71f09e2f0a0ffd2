package io.vudo.examples.crash;

/**
 * A promise that was broken.
 *
 * @param kind which
 * @param workload where
 * @param detail what was seen
 */
public record Violation(Kind kind, String workload, String detail) {
  /** The promises. */
  public enum Kind {
    /** Something that was acknowledged is not there. */
    LOST,
    /** Something is there twice. */
    DUPLICATED,
    /** Something is there in another order than it was done. */
    REORDERED,
    /** Something is there that nobody did, or that failed. */
    INVENTED,
    /** An acknowledged operation that was sent again was answered otherwise. */
    ANSWERED_OTHERWISE,
    /** An operation failed that must not. */
    FAILED
  }

  @Override
  public String toString() {
    return kind + " in " + workload + ": " + detail;
  }
}
