package io.vudo.spirit;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * What dotted names stand for on a node: functions of the host, and Spirits. Guests call them by
 * {@code process}. Implementations are thread-safe and never block.
 */
public interface Processes {
  /** Knows no name. */
  Processes NONE =
      new Processes() {
        @Override
        public Route route(String name) {
          throw new VudoException(ErrorCode.PROCESS_UNKNOWN, "Got \"" + name + "\".");
        }

        @Override
        public CompletionStage<byte[]> call(Call call) {
          return CompletableFuture.failedFuture(
              new VudoException(ErrorCode.PROCESS_UNKNOWN, "Got \"" + call.name() + "\"."));
        }

        @Override
        public void forget(String callId) {}
      };

  /** Where a call goes. */
  sealed interface Route {
    /**
     * To a Spirit, or to an actor of a JVM service, as a message.
     *
     * @param to the address
     * @param messageType of the message
     */
    record ToSpirit(SpiritId to, String messageType) implements Route {}

    /** To a function of the host: {@link Processes#call}. */
    enum ToHost implements Route {
      INSTANCE
    }
  }

  /**
   * A call of a function of the host.
   *
   * @param id unique for ever; a call that is repeated under the same id is made once as long as it
   *     is remembered. Empty: it is never repeated
   * @param name as the caller wrote it
   * @param args a JSON or MessagePack array; no bytes are an empty one
   * @param caller TYPE/ID of the Spirit that calls; empty for none
   * @param patience how long it may take
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Call(String id, String name, byte[] args, String caller, Duration patience) {}

  /**
   * What a name stands for now.
   *
   * @throws VudoException {@code PROCESS_NAME_INVALID}, {@code PROCESS_UNKNOWN}, {@code
   *     SCRIPT_UNAVAILABLE}
   */
  Route route(String name);

  /**
   * Calls a function of the host.
   *
   * @return the result, encoded as the arguments were; fails with a {@link VudoException} only:
   *     {@code PROCESS_FAILED} when the function did, {@code ASK_TIMEOUT} when it took too long,
   *     {@code PAYLOAD_TOO_LARGE} when its result is, {@code PROCESS_BUSY}, {@code PROCESS_UNKNOWN}
   */
  CompletionStage<byte[]> call(Call call);

  /** The call of this id needs no answer any more, and is not repeated. */
  void forget(String callId);
}
