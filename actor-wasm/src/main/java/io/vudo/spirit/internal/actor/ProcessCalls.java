package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.ProcessWait;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.Wait;
import io.vudo.spirit.Processes;
import io.vudo.spirit.internal.turn.GuestStatus;
import java.time.Duration;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Brings a turn that waits in {@code process} to what stands behind the name, and the answer back
 * to its address. Asked again, it does not call again what is under way on this node.
 */
final class ProcessCalls {
  private ProcessCalls() {}

  /**
   * Calls, or looks for the answer again.
   *
   * @param id the Spirit that waits
   * @param patience how long it still does
   * @param refusals where a Spirit that does not take the question answers
   */
  static void request(
      SpiritContext spirits,
      SpiritId id,
      Wait wait,
      Duration patience,
      ActorRef<DeliveryReply> refusals) {
    ProcessWait process = wait.getProcess();
    try {
      Processes.Route route = spirits.processes().route(process.getName());
      if (route instanceof Processes.Route.ToSpirit spirit) {
        Message question = process.getMessage().toBuilder().setType(spirit.messageType()).build();
        spirits.send(spirit.to().toString(), new SpiritCommand.Deliver(question, refusals));
        return;
      }
      var unused =
          spirits
              .processes()
              .call(
                  new Processes.Call(
                      wait.getId(),
                      process.getName(),
                      process.getMessage().getPayload().toByteArray(),
                      id.toString(),
                      patience))
              .whenComplete(
                  (result, failure) -> answer(spirits, id, wait, answer(result, failure)));
    } catch (RuntimeException failure) {
      answer(spirits, id, wait, answer(null, failure));
    }
  }

  private static void answer(SpiritContext spirits, SpiritId id, Wait wait, Answer answer) {
    spirits.send(id.toString(), new SpiritCommand.Answered(wait.getId(), answer));
  }

  private static Answer answer(byte[] result, Throwable failure) {
    if (failure == null) {
      return processed(GuestStatus.OK, ByteString.copyFrom(result));
    }
    VudoError error = Courier.error(failure);
    return failed(error.code(), error.detail());
  }

  /** What the guest is told when the call failed: a status, and the text that all failures have. */
  static Answer failed(ErrorCode code, String detail) {
    return processed(
        status(code),
        ByteString.copyFromUtf8(ProcessException.of(new VudoError(code, detail)).text()));
  }

  private static int status(ErrorCode code) {
    return switch (code) {
      case PROCESS_FAILED -> GuestStatus.FAILED;
      case PROCESS_UNKNOWN, SCRIPT_UNAVAILABLE -> GuestStatus.NOT_FOUND;
      case ASK_TIMEOUT -> GuestStatus.TIMEOUT;
      case PROCESS_BUSY -> GuestStatus.LIMIT;
      default -> Waits.statusOf(code);
    };
  }

  /** The answer of a Spirit that stands behind the name. */
  static Answer ofSpirit(Reply reply) {
    if (reply.getStatus() != GuestStatus.FAILED) {
      return processed(reply.getStatus(), reply.getPayload());
    }
    String text = reply.getPayload().toStringUtf8();
    int colon = text.indexOf(": ");
    VudoError error =
        colon < 0
            ? new VudoError(ErrorCode.INTERNAL_ERROR, text)
            : error(text.substring(0, colon), text.substring(colon + 2));
    return processed(
        GuestStatus.FAILED, ByteString.copyFromUtf8(ProcessException.of(error).text()));
  }

  /** An actor's own code is none of the catalogue. */
  private static VudoError error(String code, String detail) {
    ErrorCode known = ErrorCode.of(code);
    return known.name().equals(code)
        ? new VudoError(known, detail)
        : new VudoError(ErrorCode.ACTOR_FAILED, code + ": " + detail);
  }

  private static Answer processed(int status, ByteString payload) {
    return Answer.newBuilder()
        .setProcessed(Reply.newBuilder().setStatus(status).setPayload(payload))
        .build();
  }
}
