package io.vudo.node.internal.grpc;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.vudo.node.internal.Failures;
import io.vudo.node.internal.Gateway;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.Error;
import io.vudo.protocol.gateway.v1.Place;
import io.vudo.protocol.gateway.v1.SwapCheck;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Translates answers of the gateway to messages and statuses. */
final class Answers {
  private static final Logger log = LoggerFactory.getLogger(Answers.class);

  /** The code, where nobody needs to read Protobuf for it. */
  static final Metadata.Key<String> CODE = CallContext.ascii("vudo-code");

  /** Who says what a code means: of {@link ErrorInfo}. */
  static final String DOMAIN = "vudo.io";

  /** Clients take 8 KiB of trailers by default; the detail is in them twice, encoded. */
  private static final int MAX_DETAIL = 1_000;

  private static final int MAX_CHECK_BYTES = 2_000;

  private Answers() {}

  /** Whether it tells an error. */
  static boolean isProblem(HttpResponse response) {
    return Gateway.code(response).isPresent() || response.status().intValue() >= 400;
  }

  /** The bytes of an answer that is there whole. */
  static byte[] bytes(HttpResponse response) {
    return ((HttpEntity.Strict) response.entity()).getData().toArrayUnsafe();
  }

  /** The message that an answer is which is no error. */
  static Message message(Operation operation, HttpResponse response) {
    Message.Builder builder = newAnswer(operation);
    byte[] bytes = bytes(response);
    Optional<FieldDescriptor> body = Operation.part(builder.getDescriptorForType(), Place::getBody);
    boolean nothing = response.status().intValue() == 204;
    if (body.isPresent()) {
      // No reply is not the same as an empty one.
      return nothing
          ? builder.build()
          : builder.setField(body.get(), ByteString.copyFrom(bytes)).build();
    }
    return bytes.length == 0
        ? builder.build()
        : MessageJson.read(Json.read(bytes), builder).build();
  }

  /** A builder of the operation's answer. */
  static Message.Builder newAnswer(Operation operation) {
    return prototype(operation.grpc().getResponseMarshaller()).newBuilderForType();
  }

  private static Message prototype(io.grpc.MethodDescriptor.Marshaller<Message> marshaller) {
    return ((io.grpc.MethodDescriptor.PrototypeMarshaller<Message>) marshaller)
        .getMessagePrototype();
  }

  /** An answer that tells an error, as a message. */
  static Error error(HttpResponse problem) {
    return MessageJson.read(Json.read(bytes(problem)), Error.newBuilder()).build();
  }

  /** An answer that tells an error, as what a call fails with. */
  static StatusRuntimeException failure(HttpResponse problem) {
    JsonNode json = Json.read(bytes(problem));
    Error error = MessageJson.read(json, Error.newBuilder()).build();
    ErrorCode code = Gateway.code(problem).orElse(ErrorCode.REQUEST_INVALID);
    String detail = shortened(error.getDetail());
    Status.Builder status =
        Status.newBuilder()
            .setCode(Statuses.of(code).value())
            .setMessage(detail)
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setReason(code.name())
                        .setDomain(DOMAIN)
                        .putMetadata("fix", error.getFix())
                        .build()));
    problem
        .getHeader("Retry-After")
        .map(HttpHeader::value)
        .ifPresent(
            seconds ->
                status.addDetails(
                    Any.pack(
                        RetryInfo.newBuilder()
                            .setRetryDelay(
                                com.google.protobuf.Duration.newBuilder()
                                    .setSeconds(Long.parseLong(seconds)))
                            .build())));
    if (json.has("check")) {
      SwapCheck check = MessageJson.read(json.get("check"), SwapCheck.newBuilder()).build();
      if (check.getSerializedSize() <= MAX_CHECK_BYTES) {
        status.addDetails(Any.pack(check));
      }
    }
    Metadata trailers = new Metadata();
    trailers.put(CODE, code.name());
    CallContext.addRequestId(trailers, problem);
    return StatusProto.toStatusRuntimeException(status.build(), trailers);
  }

  /** What a call fails with when this was thrown. */
  static StatusRuntimeException failure(Throwable thrown) {
    return failure(response(thrown));
  }

  /** How HTTP would tell what was thrown. */
  static HttpResponse response(Throwable thrown) {
    VudoException typed = Failures.typed(thrown);
    if (typed.code() == ErrorCode.INTERNAL_ERROR) {
      log.error("A call failed", thrown);
    }
    return Gateway.problem(typed);
  }

  /** What the data of an event that tells an error says. */
  static VudoException problem(JsonNode json) {
    return new VudoException(
        ErrorCode.of(json.path("code").asText()), json.path("detail").asText());
  }

  private static String shortened(String detail) {
    return detail.length() <= MAX_DETAIL ? detail : detail.substring(0, MAX_DETAIL) + "…";
  }
}
