package io.vudo.spirit;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * Puts another module under Spirits that live. Thread-safe, never blocks.
 *
 * <p>Which module that is, {@link DeploymentSource#swap} says: whoever deploys makes it durable
 * there first, and then calls {@link #begin}. A Spirit in memory goes over in the order of its
 * mailbox: what was sent to it before runs on the module before. Every other Spirit goes over when
 * it is next brought to memory, before its next turn; so nothing is lost when the node dies
 * between.
 *
 * <p>Memory and globals stay as they are where they mean the same to the new module. Otherwise
 * {@code spirit_save} of the module before answers the state and {@code spirit_load} of the new one
 * takes it, under the limits of a turn. A Spirit for which neither is possible stays on its module,
 * notes why in its journal, and does not try this swap again.
 */
public interface SpiritSwaps {
  /**
   * Runs the last turns of some Spirits of a type on another module, beside the living ones: those
   * in memory that were used last come first. Nothing is changed and no effect is performed.
   *
   * <p>Fails with what admission or the engine refuse of the module, and as {@link SpiritHistory}
   * when replaying takes too long or too many wait.
   *
   * @param target the deployment as it would be; its revision does not matter
   * @param module the bytes of its module
   * @param turns the most turns of each Spirit
   * @param spirits the most Spirits
   */
  CompletionStage<SwapCheck> check(Deployment target, byte[] module, int turns, int spirits);

  /**
   * Tells the Spirits in memory that there is a new swap.
   *
   * @param target what {@link DeploymentSource#swap} answers for its type now
   * @return the progress, once it is known how many Spirits there are
   */
  CompletionStage<SwapProgress> begin(Deployment target);

  /** How far the last swap has come; empty when there was none. */
  Optional<SwapProgress> progress(String type);

  /** Why a Spirit that is in this node's memory did not follow the last swap; empty if it did. */
  Optional<VudoError> refusal(SpiritId id);
}
