package io.vudo.node.internal.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.Place;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.RequestEntity;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.OverflowStrategy;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.javadsl.SourceQueueWithComplete;

/**
 * A call whose request comes in parts: a head, and a body that streams to whoever answers. The next
 * part is asked for when the one before was taken; a caller who may not do it, or sends too much,
 * is refused while he sends. Confined to the call.
 */
final class Upload implements StreamObserver<Message> {
  private final ServerCallStreamObserver<Message> client;
  private final FieldDescriptor head;
  private final FieldDescriptor body;
  private final ActorSystem<?> system;
  private final Beginning beginning;

  /** Null before the head. */
  private SourceQueueWithComplete<org.apache.pekko.util.ByteString> parts;

  private boolean refused;

  /** Has the call answered. */
  interface Beginning {
    void begin(Message head, RequestEntity body);
  }

  Upload(
      Operation operation,
      ServerCallStreamObserver<Message> client,
      ActorSystem<?> system,
      Beginning beginning) {
    Descriptor type = operation.schema().getInputType();
    this.client = client;
    this.head = Operation.part(type, Place::getHead).orElseThrow();
    this.body = Operation.part(type, Place::getBody).orElseThrow();
    this.system = system;
    this.beginning = beginning;
    client.disableAutoRequest();
    client.request(1);
    client.setOnCancelHandler(this::cancelled);
  }

  @Override
  public void onNext(Message part) {
    if (refused) {
      return;
    }
    if (parts == null && part.hasField(head)) {
      begin((Message) part.getField(head));
      client.request(1);
    } else if (parts != null && part.hasField(body)) {
      byte[] bytes = ((ByteString) part.getField(body)).toByteArray();
      parts
          .offer(org.apache.pekko.util.ByteString.fromArrayUnsafe(bytes))
          // When nobody reads the body any more, the answer is on its way.
          .whenComplete((taken, failure) -> client.request(1));
    } else {
      refuse("The first message has the head, and all after it a chunk of the body.");
    }
  }

  private void begin(Message parameters) {
    Pair<
            SourceQueueWithComplete<org.apache.pekko.util.ByteString>,
            Source<org.apache.pekko.util.ByteString, NotUsed>>
        queue =
            Source.<org.apache.pekko.util.ByteString>queue(1, OverflowStrategy.backpressure())
                .preMaterialize(system);
    parts = queue.first();
    beginning.begin(
        parameters, HttpEntities.create(ContentTypes.APPLICATION_OCTET_STREAM, queue.second()));
  }

  private void refuse(String detail) {
    refused = true;
    VudoException why = new VudoException(ErrorCode.REQUEST_INVALID, detail);
    if (parts == null) {
      client.onError(Answers.failure(why));
    } else {
      // Whoever reads the body answers with it.
      parts.fail(why);
    }
  }

  @Override
  public void onError(Throwable failure) {
    cancelled();
  }

  private void cancelled() {
    if (parts != null) {
      parts.fail(Status.CANCELLED.asRuntimeException());
    }
  }

  @Override
  public void onCompleted() {
    if (refused) {
      return;
    }
    if (parts == null) {
      refuse("There is no message.");
    } else {
      parts.complete();
    }
  }
}
