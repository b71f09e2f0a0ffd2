package io.vudo.spirit;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import java.util.List;
import java.util.Optional;

/**
 * What became of the last turns of some Spirits when another module ran them, beside the living
 * ones.
 *
 * @param spirits those that were looked at, those with the most recent activity first
 */
public record SwapCheck(List<CheckedSpirit> spirits) {
  /** A check that looked at nothing. */
  public static final SwapCheck NONE = new SwapCheck(List.of());

  public SwapCheck {
    spirits = List.copyOf(spirits);
  }

  /** How the state of a Spirit would go over. */
  public enum Transfer {
    /** It runs that module already, or does not live. */
    NOTHING,
    /** Memory and globals stay as they are. */
    KEEP,
    /** By {@code spirit_save} and {@code spirit_load}. */
    LOAD,
    /** It cannot; the Spirit would stay on its module. */
    REFUSED,
    /** Its history cannot be run again, so nothing is known. */
    UNKNOWN
  }

  /**
   * A Spirit that was looked at.
   *
   * @param id the Spirit
   * @param transfer how its state would go over
   * @param error why that is {@code REFUSED} or {@code UNKNOWN}
   * @param firstTurn the first of the turns that were run; 0 when there were none
   * @param turns how many were run
   * @param differing how many of them ended otherwise than recorded
   * @param incomparable how many of them could not be compared
   * @param differences the first of those that differ, ascending; at most {@value
   *     Rehearsal#MAX_DIFFERENCES}
   */
  public record CheckedSpirit(
      SpiritId id,
      Transfer transfer,
      Optional<VudoError> error,
      long firstTurn,
      long turns,
      long differing,
      long incomparable,
      List<Rehearsal.Difference> differences) {
    public CheckedSpirit {
      differences = List.copyOf(differences);
    }

    /** A Spirit of which nothing is known but why. */
    public static CheckedSpirit unknown(SpiritId id, VudoError why) {
      return new CheckedSpirit(id, Transfer.UNKNOWN, Optional.of(why), 0, 0, 0, 0, List.of());
    }
  }

  /** How many turns were run. */
  public long turns() {
    return spirits.stream().mapToLong(CheckedSpirit::turns).sum();
  }

  /** How many of them ended otherwise. */
  public long differing() {
    return spirits.stream().mapToLong(CheckedSpirit::differing).sum();
  }

  /** The Spirits that could not go over. */
  public List<CheckedSpirit> refused() {
    return spirits.stream().filter(one -> one.transfer() == Transfer.REFUSED).toList();
  }
}
