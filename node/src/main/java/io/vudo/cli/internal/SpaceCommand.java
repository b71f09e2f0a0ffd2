package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** A command on one space. */
abstract class SpaceCommand extends VudoCommand {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final int NO_CONTENT = 204;

  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "SPACE", description = "The space's name.")
  private String space;

  SpaceCommand(Terminal terminal) {
    super(terminal);
  }

  NodeClient client() {
    return node.client(this);
  }

  String path(String operation) {
    return "/v1/spaces/" + NodeClient.encoded(space) + "/" + operation;
  }

  HttpResponse<byte[]> post(String operation, ObjectNode body) {
    return post(operation, body, Duration.ZERO);
  }

  /**
   * Posts an operation.
   *
   * @param wait how long the node may wait; zero for not at all
   */
  HttpResponse<byte[]> post(String operation, ObjectNode body, Duration wait) {
    return client()
        .postJson(
            path(operation),
            wait.isZero() ? Map.of() : Map.of("X-Vudo-Timeout", wait.toMillis() + "ms"),
            body,
            TIMEOUT.plus(wait));
  }

  static JsonNode tuple(String json) {
    return read(json, ErrorCode.TUPLE_INVALID);
  }

  static JsonNode template(String json) {
    return read(json, ErrorCode.TEMPLATE_INVALID);
  }

  private static JsonNode read(String json, ErrorCode otherwise) {
    try {
      return Json.read(json.getBytes(StandardCharsets.UTF_8));
    } catch (VudoException e) {
      throw new VudoException(otherwise, e.detail(), e);
    }
  }

  /** Prints the tuple of an answer; exits with 1 when there is none. */
  Integer printTuple(HttpResponse<byte[]> response) {
    if (response.statusCode() == NO_CONTENT) {
      return nothing("No tuple matches.", "tuple");
    }
    JsonNode answer = Json.read(response.body());
    print(isJson() ? answer : answer.path("tuple"));
    return 0;
  }

  /** Prints a member of an answer; exits with 1 when there is none. */
  Integer printText(HttpResponse<byte[]> response, String member, String otherwise) {
    if (response.statusCode() == NO_CONTENT) {
      return nothing(otherwise, member);
    }
    JsonNode answer = Json.read(response.body());
    if (isJson()) {
      print(answer);
    } else {
      print(answer.path(member).asText());
    }
    return 0;
  }

  /** Prints, for programs alone, that it is done. */
  Integer done(String member) {
    if (isJson()) {
      print(Json.object().put(member, true));
    }
    return 0;
  }

  /** Like grep: nothing found is no error, and yet a script can tell. */
  private int nothing(String line, String member) {
    terminal().progress(line);
    if (isJson()) {
      print(Json.object().putNull(member));
    }
    return 1;
  }
}
