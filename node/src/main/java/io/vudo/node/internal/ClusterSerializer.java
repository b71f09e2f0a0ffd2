package io.vudo.node.internal;

import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.node.internal.wire.DeployAnswered;
import io.vudo.node.internal.wire.DeployAsked;
import io.vudo.node.internal.wire.Deployed;
import io.vudo.node.internal.wire.DeploymentsSeen;
import io.vudo.node.internal.wire.DeploymentsUpdate;
import io.vudo.node.internal.wire.ModulePart;
import io.vudo.node.internal.wire.ModuleWanted;
import io.vudo.protocol.ModuleDigest;
import io.vudo.spirit.Deployment;
import java.io.NotSerializableException;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What nodes say to each other about deployments and modules, as Protobuf. Manifests and the
 * identifier never change.
 */
public final class ClusterSerializer extends SerializerWithStringManifest {
  /** Bound in pekko.conf under the same number. */
  static final int IDENTIFIER = 7_355_011;

  private static final String DEPLOY = "D";
  private static final String OUTCOME = "O";
  private static final String SEEN = "S";
  private static final String UPDATE = "U";
  private static final String WANTED = "W";
  private static final String PART = "P";

  private final ActorRefResolver references;

  /** Pekko makes it by this constructor. */
  public ClusterSerializer(ExtendedActorSystem system) {
    this.references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object message) {
    if (message instanceof DeploymentRegister.Deploy) {
      return DEPLOY;
    } else if (message instanceof Deployments.Outcome) {
      return OUTCOME;
    } else if (message instanceof DeploymentRegister.Seen) {
      return SEEN;
    } else if (message instanceof DeploymentsUpdate) {
      return UPDATE;
    } else if (message instanceof ModuleExchange.Wanted) {
      return WANTED;
    } else if (message instanceof ModulePart) {
      return PART;
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  @Override
  public byte[] toBinary(Object message) {
    if (message instanceof DeploymentRegister.Deploy deploy) {
      return DeployAsked.newBuilder()
          .setDeployment(
              DeploymentFormat.write(unrecorded(deploy))
                  .setSwap(deploy.swap())
                  .setRequestId(deploy.requestId()))
          .setReplyTo(references.toSerializationFormat(deploy.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof Deployments.Outcome outcome) {
      return DeployAnswered.newBuilder()
          .setDeployment(DeploymentFormat.write(outcome.deployment()))
          .setChanged(outcome.changed())
          .build()
          .toByteArray();
    } else if (message instanceof DeploymentRegister.Seen seen) {
      return DeploymentsSeen.newBuilder()
          .setRevision(seen.revision())
          .setNode(seen.node())
          .setView(references.toSerializationFormat(seen.view()))
          .build()
          .toByteArray();
    } else if (message instanceof DeploymentsUpdate update) {
      return update.toByteArray();
    } else if (message instanceof ModuleExchange.Wanted wanted) {
      return ModuleWanted.newBuilder()
          .setDigest(wanted.digest().hex())
          .setOffset(wanted.offset())
          .setReplyTo(references.toSerializationFormat(wanted.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof ModulePart part) {
      return part.toByteArray();
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  /** What is asked for, without the revision and time that the register gives it. */
  private static Deployment unrecorded(DeploymentRegister.Deploy deploy) {
    DeploymentRequest request = deploy.request();
    return new Deployment(
        request.type(),
        deploy.digest(),
        request.engine(),
        request.limits(),
        request.capabilities(),
        request.durable(),
        0,
        0,
        request.supervision(),
        request.remembered());
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return switch (manifest) {
        case DEPLOY -> deploy(DeployAsked.parseFrom(bytes));
        case OUTCOME -> {
          DeployAnswered answered = DeployAnswered.parseFrom(bytes);
          yield new Deployments.Outcome(
              DeploymentFormat.read(answered.getDeployment()), answered.getChanged());
        }
        case SEEN -> {
          DeploymentsSeen seen = DeploymentsSeen.parseFrom(bytes);
          yield new DeploymentRegister.Seen(
              seen.getRevision(), seen.getNode(), references.resolveActorRef(seen.getView()));
        }
        case UPDATE -> DeploymentsUpdate.parseFrom(bytes);
        case WANTED -> {
          ModuleWanted wanted = ModuleWanted.parseFrom(bytes);
          yield new ModuleExchange.Wanted(
              new ModuleDigest(wanted.getDigest()),
              wanted.getOffset(),
              references.resolveActorRef(wanted.getReplyTo()));
        }
        case PART -> ModulePart.parseFrom(bytes);
        default -> throw new NotSerializableException("Unknown manifest " + manifest);
      };
    } catch (InvalidProtocolBufferException e) {
      throw new NotSerializableException(manifest + ": " + e.getMessage());
    }
  }

  private DeploymentRegister.Deploy deploy(DeployAsked asked) {
    Deployed written = asked.getDeployment();
    Deployment deployment = DeploymentFormat.read(written);
    return new DeploymentRegister.Deploy(
        new DeploymentRequest(
            deployment.type(),
            deployment.engine(),
            deployment.limits(),
            deployment.capabilities(),
            deployment.durable(),
            deployment.supervision(),
            deployment.remembered()),
        deployment.digest(),
        written.getSwap(),
        written.getRequestId(),
        references.resolveActorRef(asked.getReplyTo()));
  }
}
