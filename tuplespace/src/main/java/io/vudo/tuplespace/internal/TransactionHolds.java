package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.HoldResolver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Knows who can tell what becomes of a hold: its transaction, its caller, or its Spirit. */
public final class TransactionHolds implements HoldResolver {
  private final String space;
  private final SpaceClient client;
  private final HoldResolver spirits;

  public TransactionHolds(String space, SpaceClient client, HoldResolver spirits) {
    this.space = space;
    this.client = client;
    this.spirits = spirits;
  }

  /**
   * The partition that decides about a transaction.
   *
   * @throws VudoException {@code TRANSACTION_UNKNOWN}
   */
  public static int homeOf(String transaction) {
    int home = transaction.length() > 2 ? transaction.charAt(0) - '0' : -1;
    if (home < 0
        || home >= Partitions.COUNT
        || transaction.charAt(1) != '.'
        || transaction.length() > 64) {
      throw new VudoException(ErrorCode.TRANSACTION_UNKNOWN, "It is no id of a transaction.");
    }
    return home;
  }

  @Override
  public CompletionStage<HoldOutcome> resolve(String holder, String holdId) {
    if (holder.startsWith(SpaceState.TRANSACTION_HOLDER)) {
      String transaction = holder.substring(SpaceState.TRANSACTION_HOLDER.length());
      return client.ask(
          space,
          homeOf(transaction),
          replyTo -> new SpaceCommand.AskOutcome(transaction, replyTo),
          reply -> ((SpaceReply.Outcome) reply).outcome());
    }
    if (holder.equals(SpaceState.CALLER_HOLDER)) {
      // It had its time; if it lives, it will hear that the hold is over.
      return CompletableFuture.completedFuture(HoldOutcome.ABORTED);
    }
    return spirits.resolve(holder, holdId);
  }
}
