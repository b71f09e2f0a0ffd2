package io.vudo.ghost;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.ghost.internal.GhostToml;
import io.vudo.ghost.internal.StrictJson;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Ghosts and their inputs in JSON, as clients and nodes exchange them. A declaration has the keys
 * of the TOML form; see {@link io.vudo.ghost}. Thread-safe.
 */
public final class GhostJson {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private GhostJson() {}

  /**
   * A declaration as JSON. Read again it is the same Ghost, but for the Java types of constants:
   * JSON has one kind of integers and one of decimals.
   *
   * @throws VudoException {@code GHOST_INVALID} for a constant that JSON does not have: NaN or an
   *     infinity
   */
  public static String write(Ghost ghost) {
    ObjectNode node = NODES.objectNode().put("name", ghost.name());
    ArrayNode inputs = node.putArray("inputs");
    ghost
        .inputs()
        .forEach(
            input ->
                inputs.addObject().put("name", input.name()).put("type", input.type().toString()));
    ArrayNode steps = node.putArray("steps");
    ghost.steps().forEach(step -> steps.add(step(step)));
    ArrayNode outputs = node.putArray("output");
    ghost.outputs().forEach(outputs::add);
    return node.put("timeout-ms", ghost.timeout().toMillis()).toString();
  }

  private static ObjectNode step(Step step) {
    ObjectNode node =
        NODES
            .objectNode()
            .put("name", step.name())
            .put("member", step.member())
            .put("function", step.function());
    ArrayNode arguments = node.putArray("args");
    for (Step.Argument argument : step.arguments()) {
      arguments.add(
          argument instanceof Step.From from
              ? NODES.textNode("$" + from.name())
              : constant(step, ((Step.Constant) argument).value()));
    }
    if (!step.after().isEmpty()) {
      ArrayNode after = node.putArray("after");
      step.after().forEach(after::add);
    }
    step.result().ifPresent(type -> node.put("result", type.toString()));
    step.timeout().ifPresent(time -> node.put("timeout-ms", time.toMillis()));
    return node;
  }

  private static JsonNode constant(Step step, Object value) {
    if (value instanceof String text) {
      return NODES.textNode(text.startsWith("$") ? "$" + text : text);
    }
    try {
      return GhostValue.of(value).json().orElseThrow();
    } catch (VudoException e) {
      throw new VudoException(ErrorCode.GHOST_INVALID, step + ": " + e.detail(), e);
    }
  }

  /**
   * Reads a declaration.
   *
   * @throws VudoException {@code GHOST_INVALID}
   */
  public static Ghost read(String json) {
    try {
      return read(StrictJson.MAPPER.readTree(json));
    } catch (JsonProcessingException e) {
      throw new VudoException(
          ErrorCode.GHOST_INVALID, "This is no JSON: " + e.getOriginalMessage() + ".", e);
    }
  }

  /**
   * Reads a declaration.
   *
   * @throws VudoException {@code GHOST_INVALID}
   */
  public static Ghost read(JsonNode json) {
    return GhostToml.ghost(json);
  }

  /**
   * Reads what {@link #write} and {@link #writeInputs} wrote.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public static JsonNode tree(String json) {
    try {
      return StrictJson.MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "This is no JSON: " + e.getOriginalMessage() + ".", e);
    }
  }

  /**
   * Values of inputs as an object by their names, in the order of the inputs. Bytes are Base64.
   *
   * @param values as {@link Ghost#accept} answers them
   * @throws VudoException {@code ARGUMENT_INVALID} for a number that JSON does not have
   */
  public static ObjectNode writeInputs(Ghost ghost, Map<String, Object> values) {
    ObjectNode node = NODES.objectNode();
    for (Ghost.Input input : ghost.inputs()) {
      node.set(
          input.name(), GhostValue.of(values.get(input.name())).json().orElse(NODES.nullNode()));
    }
    return node;
  }

  /**
   * Reads values of inputs.
   *
   * @param json an object with one member for each input
   * @return as {@link Ghost#accept} answers them
   * @throws VudoException {@code ARGUMENT_INVALID}
   */
  public static Map<String, Object> readInputs(Ghost ghost, JsonNode json) {
    if (!json.isObject()) {
      throw invalid(ghost, "its inputs are an object by their names.");
    }
    Map<String, Object> values = new LinkedHashMap<>();
    for (Ghost.Input input : ghost.inputs()) {
      JsonNode value = json.path(input.name());
      if (value.isMissingNode()) {
        throw invalid(ghost, input.name() + " is missing.");
      }
      values.put(
          input.name(),
          GhostValue.read(input.type(), value)
              .orElseThrow(() -> invalid(ghost, input.name() + " is " + shortened(value) + ".")));
    }
    json.fieldNames()
        .forEachRemaining(
            name -> {
              if (!values.containsKey(name)) {
                throw invalid(ghost, "it has no input " + name + ".");
              }
            });
    return values;
  }

  private static String shortened(JsonNode value) {
    String text = value.toString();
    return text.length() > 40 ? text.substring(0, 40) + "…" : text;
  }

  private static VudoException invalid(Ghost ghost, String reason) {
    return new VudoException(ErrorCode.ARGUMENT_INVALID, ghost + ": " + reason);
  }
}
