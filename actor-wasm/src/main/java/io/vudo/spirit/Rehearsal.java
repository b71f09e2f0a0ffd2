package io.vudo.spirit;

import java.util.List;

/**
 * What became of a Spirit's history when another module ran it.
 *
 * @param state the state in which the other module ended
 * @param turns how many turns were run
 * @param differing how many of them ended otherwise than recorded
 * @param incomparable how many failed turns could not be run, because their records are of a
 *     version that did not keep the host's answers to them
 * @param differences the first of those that differ, ascending; at most {@value #MAX_DIFFERENCES}
 * @param fuelRecorded what the turns burnt then
 * @param fuelNow what they burnt now
 */
public record Rehearsal(
    StateSummary state,
    long turns,
    long differing,
    long incomparable,
    List<Difference> differences,
    long fuelRecorded,
    long fuelNow) {

  /** How many differences are kept. */
  public static final int MAX_DIFFERENCES = 1000;

  /**
   * A turn that ended otherwise.
   *
   * @param turn its number
   * @param messageType the type of its message
   * @param what the first thing that differs, in words
   */
  public record Difference(long turn, String messageType, String what) {}
}
