package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.Halted;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Retrying;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Supervised;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Supervision;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Decides what follows from a failed turn, and keeps what must be known for that: the message that
 * is being tried, what was given up lately, whether the Spirit is halted, and its parent.
 *
 * <p>It decides once, before the turn is journaled; the record says what was decided, and replaying
 * it only does so. Confined to its machine.
 */
final class Supervisor {
  static final String CHILD_FAILED = "child_failed";

  private final SpiritId self;
  private final Deque<Long> givenUp = new ArrayDeque<>();
  private Retrying retrying;
  private Halted halted;
  private String parent = "";

  Supervisor(SpiritId self) {
    this.self = self;
  }

  Optional<Retrying> retrying() {
    return Optional.ofNullable(retrying);
  }

  Optional<Halted> halted() {
    return Optional.ofNullable(halted);
  }

  /** TYPE/ID of the Spirit that began this life; empty when there is none. */
  String parent() {
    return parent;
  }

  // Deciding

  /** Adds what follows to the record of a turn that has just ended. */
  void decide(
      Turn.Builder record,
      Message following,
      Supervision supervision,
      Redelivery redelivery,
      long nowMillis) {
    Message subject = following == null ? record.getInput() : following;
    boolean again = isRetried(subject);
    int attempt = again ? retrying.getAttempts() + 1 : 1;
    if (record.hasCompleted()) {
      if (again) {
        record.setSupervised(Supervised.newBuilder().setAttempt(attempt));
      }
      return;
    }
    boolean fault = isFault(record.getFailed());
    boolean asker = Letters.hasAsker(subject);
    Supervised.Builder then = Supervised.newBuilder().setAttempt(attempt);
    if (fault
        && !asker
        && supervision.onFailure() == Supervision.OnFailure.RESTART
        && attempt <= supervision.maxRestarts()) {
      long pauseMillis = redelivery.pauseMillis(attempt);
      then.setPauseMillis(pauseMillis)
          .setRetryAtMillis(nowMillis + pauseMillis)
          .setReplyTo(redelivery.replyTo());
      if (following != null) {
        then.setFollowing(following);
      }
      record.setSupervised(then);
      return;
    }
    if (!asker) {
      record.addEffects(
          Letters.ofTurn(
              self,
              following,
              attempt,
              again ? retrying.getFirstMillis() : record.getTimeMillis(),
              nowMillis));
    }
    if (fault && halts(supervision, asker, record.getTimeMillis())) {
      then.setHalted(true);
      if (supervision.onFailure() == Supervision.OnFailure.ESCALATE) {
        tellParent(record);
      }
    }
    if (attempt > 1 || then.getHalted()) {
      record.setSupervised(then);
    }
  }

  private boolean halts(Supervision supervision, boolean asker, long nowMillis) {
    return switch (supervision.onFailure()) {
      case STOP, ESCALATE -> true;
      case RESUME -> false;
      case RESTART ->
          !asker
              && 1
                      + givenUp.stream()
                          .filter(then -> nowMillis - then < supervision.windowMillis())
                          .count()
                  > Supervision.MAX_GIVEN_UP;
    };
  }

  /** Halts the Spirit because one to which it is linked was halted; the record says so. */
  void haltWith(Turn.Builder record, String detail, Supervision supervision) {
    record
        .setFailed(Failed.newBuilder().setCode(ErrorCode.LINKED_FAILED.name()).setDetail(detail))
        .setSupervised(Supervised.newBuilder().setAttempt(1).setHalted(true));
    if (supervision.onFailure() == Supervision.OnFailure.ESCALATE) {
      tellParent(record);
    }
  }

  private void tellParent(Turn.Builder record) {
    String to = parentAt(record.getInput());
    if (to.isEmpty()) {
      return;
    }
    Failed reason = record.getFailed();
    Relations.send(
        record,
        self,
        to,
        Message.newBuilder()
            .setType(CHILD_FAILED)
            .setPayload(
                ByteString.copyFromUtf8(
                    self + " " + reason.getCode() + ": " + reason.getDetail())));
  }

  /** The parent, also while the birth is under way. */
  String parentAt(Message input) {
    return input.getKind() == Message.Kind.SPAWN ? input.getSender() : parent;
  }

  private static boolean isFault(Failed reason) {
    return !reason.getCode().equals(ErrorCode.APPLICATION_ERROR.name());
  }

  private boolean isRetried(Message subject) {
    return retrying != null && retrying.getMessage().getId().equals(subject.getId());
  }

  // What the records say

  /**
   * Does what the record of a turn says.
   *
   * @return whether the message of the turn needs no handling any more
   */
  boolean apply(Turn turn) {
    Message input = turn.getInput();
    if (turn.hasCompleted()) {
      if (input.getKind() == Message.Kind.SPAWN) {
        parent = input.getSender();
      }
      if (isRetried(input)) {
        retrying = null;
      }
      return true;
    }
    Supervised then = turn.getSupervised();
    if (then.getRetryAtMillis() > 0) {
      Message subject = then.hasFollowing() ? then.getFollowing() : input;
      retrying =
          Retrying.newBuilder()
              .setMessage(subject)
              .setAttempts(then.getAttempt())
              .setFirstMillis(isRetried(subject) ? retrying.getFirstMillis() : turn.getTimeMillis())
              .setRetryAtMillis(then.getRetryAtMillis())
              .setPauseMillis(then.getPauseMillis())
              .setReplyTo(then.getReplyTo())
              .build();
      return false;
    }
    Optional<Message> lost = Letters.givenUp(turn);
    if (lost.isPresent() || isRetried(input)) {
      retrying = null;
    }
    if (lost.isPresent() && isFault(turn.getFailed())) {
      givenUp.add(turn.getTimeMillis());
      if (givenUp.size() > Supervision.MAX_GIVEN_UP) {
        givenUp.remove();
      }
    }
    if (then.getHalted()) {
      halted =
          Halted.newBuilder()
              .setReason(turn.getFailed())
              .setTurn(turn.getNumber())
              .setTimeMillis(turn.getTimeMillis())
              .build();
    }
    return true;
  }

  /** The Spirit takes messages again. */
  void restart() {
    halted = null;
    givenUp.clear();
  }

  /** A life is over. */
  void end() {
    restart();
    retrying = null;
    parent = "";
  }

  void writeTo(SpiritHeader.Builder header) {
    if (retrying != null) {
      header.setRetrying(retrying);
    }
    if (halted != null) {
      header.setHalted(halted);
    }
    header.addAllGivenUpMillis(givenUp).setParent(parent);
  }

  void readFrom(SpiritHeader header) {
    retrying = header.hasRetrying() ? header.getRetrying() : null;
    halted = header.hasHalted() ? header.getHalted() : null;
    givenUp.clear();
    givenUp.addAll(header.getGivenUpMillisList());
    parent = header.getParent();
  }
}
