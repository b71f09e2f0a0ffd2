package io.vudo.tuplespace.internal;

import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;
import io.vudo.tuplespace.HoldOutcome;
import java.util.List;

/** What a partition of a space answers. */
public sealed interface SpaceReply {
  /** The operation is done, and durable. */
  enum Done implements SpaceReply {
    DONE
  }

  /**
   * The tuple that was read, taken or held.
   *
   * @param entryId its place in the order of writing, which can be compared among the partitions
   */
  record Found(Tuple tuple, long entryId) implements SpaceReply {}

  /**
   * No tuple matches.
   *
   * @param arrivals how many tuples have come into sight of the partition, since some moment before
   *     the answer that is the same for all answers with a number that is not 0
   */
  record NotFound(long arrivals) implements SpaceReply {
    static final NotFound NOT_FOUND = new NotFound(0);
  }

  /**
   * Tuples that match, oldest first.
   *
   * @param entryIds of each, in the same order
   * @param more whether more match
   */
  record FoundAll(List<Tuple> tuples, List<Long> entryIds, boolean more) implements SpaceReply {}

  /**
   * Tuples were written, or a lease renewed.
   *
   * @param entryIds of each tuple, in their order
   * @param leaseEndsAtMillis {@link StoredTuple#FOR_EVER} for none
   */
  record Written(List<Long> entryIds, long leaseEndsAtMillis) implements SpaceReply {}

  record Counted(long count) implements SpaceReply {}

  /**
   * All parties of a barrier have arrived.
   *
   * @param index in which place this party arrived, counting from 0
   */
  record Passed(int index) implements SpaceReply {}

  /** A partition has done what the end of a transaction means for it. */
  record Followed(String transaction, int partition) implements SpaceReply {}

  /** How a transaction ended, or that it has not. */
  record Outcome(HoldOutcome outcome) implements SpaceReply {}

  /** Nothing was done. */
  record Refused(VudoError error) implements SpaceReply {}
}
