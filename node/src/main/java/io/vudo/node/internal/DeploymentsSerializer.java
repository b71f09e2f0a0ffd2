package io.vudo.node.internal;

import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.node.internal.wire.DeploymentEvent;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.NotSerializableException;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/** Writes {@link DeploymentEvent} as Protobuf; the manifest carries the format's version. */
public final class DeploymentsSerializer extends SerializerWithStringManifest {
  /** Bound in pekko.conf under the same number; it is on disk and never changes. */
  static final int IDENTIFIER = 7_355_010;

  private static final String DEPLOYMENT_EVENT_1 = "vudo.DeploymentEvent/1";

  /** Pekko makes it by this constructor. */
  public DeploymentsSerializer(ExtendedActorSystem system) {}

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object event) {
    if (event instanceof DeploymentEvent) {
      return DEPLOYMENT_EVENT_1;
    }
    throw new IllegalArgumentException("No deployment event: " + event.getClass().getName());
  }

  @Override
  public byte[] toBinary(Object event) {
    if (event instanceof DeploymentEvent deploymentEvent) {
      return deploymentEvent.toByteArray();
    }
    throw new IllegalArgumentException("No deployment event: " + event.getClass().getName());
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    if (!manifest.equals(DEPLOYMENT_EVENT_1)) {
      throw new NotSerializableException("A newer version wrote " + manifest);
    }
    try {
      return DeploymentEvent.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new VudoException(ErrorCode.JOURNAL_CORRUPT, "A deployment event: " + e, e);
    }
  }
}
