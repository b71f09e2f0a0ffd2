package io.vudo.node.benchmark.pause;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/** What plain entities are told, as bytes. */
public final class StockSerializer extends SerializerWithStringManifest {
  private final ActorRefResolver references;

  /** Made by Pekko. */
  public StockSerializer(ExtendedActorSystem system) {
    this.references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return 7_399_001;
  }

  @Override
  public String manifest(Object message) {
    return message instanceof StockEntity.Fill ? "F" : "P";
  }

  @Override
  public byte[] toBinary(Object message) {
    StockEntity.Command command = (StockEntity.Command) message;
    byte[] reference = references.toSerializationFormat(command.replyTo()).getBytes(UTF_8);
    int bytes = command instanceof StockEntity.Fill fill ? fill.bytes() : 0;
    return ByteBuffer.allocate(4 + reference.length).putInt(bytes).put(reference).array();
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    int size = ByteBuffer.wrap(bytes).getInt();
    String reference = new String(bytes, 4, bytes.length - 4, UTF_8);
    return manifest.equals("F")
        ? new StockEntity.Fill(size, references.resolveActorRef(reference))
        : new StockEntity.Ping(references.resolveActorRef(reference));
  }
}
