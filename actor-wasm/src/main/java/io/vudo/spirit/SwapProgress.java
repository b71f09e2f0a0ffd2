package io.vudo.spirit;

import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import java.util.List;

/**
 * How far the last swap of a type has come, as this node has seen it since it started.
 *
 * @param type the Spirit type
 * @param revision of the deployment that is the swap
 * @param digest of the module that its Spirits go over to
 * @param moved how many Spirits have gone over
 * @param refused how many stay on their module
 * @param waiting how many of those in memory have not come to it yet
 * @param later how many Spirits the journal knows beside those; each goes over when it is next
 *     brought to memory, before its next turn, if it lives and runs another module
 * @param refusals the first of those that stay, and why; at most {@value #MAX_REFUSALS}
 */
public record SwapProgress(
    String type,
    long revision,
    ModuleDigest digest,
    long moved,
    long refused,
    long waiting,
    long later,
    List<Refusal> refusals) {
  /** How many refusals are kept. */
  public static final int MAX_REFUSALS = 100;

  public SwapProgress {
    refusals = List.copyOf(refusals);
  }

  /**
   * A Spirit that stays on its module.
   *
   * @param id the Spirit
   * @param why the reason
   */
  public record Refusal(SpiritId id, VudoError why) {}
}
