package io.vudo.spirit.internal.actor;

import com.google.protobuf.MessageLite;
import io.vudo.protocol.journal.v1.LetterEvent;
import io.vudo.protocol.journal.v1.LetterSnapshot;
import io.vudo.protocol.wire.v1.LetterAnswer;
import io.vudo.protocol.wire.v1.LetterRequest;
import java.io.IOException;
import java.io.NotSerializableException;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What the register of dead letters is told, says and keeps, as Protobuf. Manifests and the
 * identifier never change.
 */
public final class LetterSerializer extends SerializerWithStringManifest {
  private static final int IDENTIFIER = 7_356_102;

  private static final String REQUEST = "R";
  private static final String ANSWER = "A";
  private static final String EVENT = "E";
  private static final String SNAPSHOT = "S";

  private final ActorRefResolver references;

  /** Made by Pekko. */
  public LetterSerializer(ExtendedActorSystem system) {
    this.references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object message) {
    if (message instanceof LetterRegister.Request) {
      return REQUEST;
    } else if (message instanceof LetterAnswer) {
      return ANSWER;
    } else if (message instanceof LetterEvent) {
      return EVENT;
    } else if (message instanceof LetterSnapshot) {
      return SNAPSHOT;
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  @Override
  public byte[] toBinary(Object message) {
    if (message instanceof LetterRegister.Request request) {
      return request.body().toBuilder()
          .setReplyTo(references.toSerializationFormat(request.replyTo()))
          .build()
          .toByteArray();
    }
    manifest(message);
    return ((MessageLite) message).toByteArray();
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return switch (manifest) {
        case REQUEST -> {
          LetterRequest body = LetterRequest.parseFrom(bytes);
          yield new LetterRegister.Request(body, references.resolveActorRef(body.getReplyTo()));
        }
        case ANSWER -> LetterAnswer.parseFrom(bytes);
        case EVENT -> LetterEvent.parseFrom(bytes);
        case SNAPSHOT -> LetterSnapshot.parseFrom(bytes);
        default -> throw new NotSerializableException("Unknown manifest " + manifest);
      };
    } catch (NotSerializableException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Damaged bytes can be good Protobuf with an address in it that Pekko cannot read.
      NotSerializableException failure =
          new NotSerializableException("A damaged message " + manifest + ": " + e.getMessage());
      failure.initCause(e);
      throw failure;
    }
  }
}
