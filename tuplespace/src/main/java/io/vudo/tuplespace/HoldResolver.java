package io.vudo.tuplespace;

import java.util.concurrent.CompletionStage;

/**
 * Answers a space that holds a tuple for a Spirit and has not heard how the Spirit's turn ended.
 *
 * <p>The Spirit coordinates: its turn record decides. {@link HoldOutcome#COMMITTED} and {@link
 * HoldOutcome#ABORTED} are final; a resolver that gave one of them must never give the other for
 * the same hold, and a Spirit must not commit a turn whose hold was answered as aborted. A stage
 * that fails, or takes longer than {@code vudo.tuplespace.hold-check-timeout}, counts as {@link
 * HoldOutcome#PENDING}: a hold is never released because nobody answered.
 *
 * <p>Called from several threads at once; must not block.
 */
@FunctionalInterface
public interface HoldResolver {
  /**
   * How the turn ended.
   *
   * @param holder the Spirit, as {@code type/id}
   * @param holdId the hold, as the Spirit named it
   */
  CompletionStage<HoldOutcome> resolve(String holder, String holdId);
}
