package io.vudo.spirit.internal.ghost;

import com.google.protobuf.MessageLite;
import io.vudo.protocol.journal.v1.GhostEvent;
import io.vudo.protocol.wire.v1.GhostAnswer;
import io.vudo.protocol.wire.v1.GhostRequest;
import java.io.IOException;
import java.io.NotSerializableException;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What runs of Ghosts are told, say and keep, as Protobuf. Manifests and the identifier never
 * change.
 */
public final class GhostSerializer extends SerializerWithStringManifest {
  private static final int IDENTIFIER = 7_356_104;

  private static final String REQUEST = "R";
  private static final String ANSWER = "A";
  private static final String EVENT = "E";
  private static final String WAKE = "W";

  private final ActorRefResolver references;

  /** Made by Pekko. */
  public GhostSerializer(ExtendedActorSystem system) {
    this.references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object message) {
    if (message instanceof GhostCommand.Request) {
      return REQUEST;
    } else if (message instanceof GhostAnswer) {
      return ANSWER;
    } else if (message instanceof GhostEvent) {
      return EVENT;
    } else if (message instanceof GhostCommand.Wake) {
      return WAKE;
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  @Override
  public byte[] toBinary(Object message) {
    if (message instanceof GhostCommand.Request request) {
      return request.body().toBuilder()
          .setReplyTo(references.toSerializationFormat(request.replyTo()))
          .build()
          .toByteArray();
    }
    return manifest(message).equals(WAKE) ? new byte[0] : ((MessageLite) message).toByteArray();
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return switch (manifest) {
        case REQUEST -> {
          GhostRequest body = GhostRequest.parseFrom(bytes);
          yield new GhostCommand.Request(body, references.resolveActorRef(body.getReplyTo()));
        }
        case ANSWER -> GhostAnswer.parseFrom(bytes);
        case EVENT -> GhostEvent.parseFrom(bytes);
        case WAKE -> GhostCommand.Wake.INSTANCE;
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
