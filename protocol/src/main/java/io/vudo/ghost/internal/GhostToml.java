package io.vudo.ghost.internal;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Ghosts in TOML, and in whatever has its keys. */
public final class GhostToml {
  private static final TomlMapper MAPPER = new TomlMapper();
  private static final int MAX_BYTES = 1 << 20;

  private GhostToml() {}

  /**
   * Reads a file.
   *
   * @throws VudoException {@code REQUEST_INVALID}, {@code GHOST_INVALID}
   */
  public static Ghost load(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw invalid(file + " is larger than " + MAX_BYTES + " bytes.", null);
      }
      return parse(Files.readString(file));
    } catch (NoSuchFileException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "There is no file " + file + ".", e);
    } catch (MalformedInputException e) {
      throw invalid(file + " is no UTF-8.", e);
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Cannot read " + file + ": " + e.getMessage() + ".", e);
    }
  }

  /**
   * Reads a text.
   *
   * @throws VudoException {@code GHOST_INVALID}
   */
  public static Ghost parse(String toml) {
    if (toml.length() > MAX_BYTES) {
      throw invalid("It has more than " + MAX_BYTES + " characters.", null);
    }
    return ghost(tree(toml));
  }

  private static JsonNode tree(String toml) {
    try {
      return MAPPER.readTree(toml);
    } catch (JacksonException e) {
      JsonLocation at = e.getLocation();
      throw invalid(
          (at == null ? "" : "Line " + at.getLineNr() + ", column " + at.getColumnNr() + ": ")
              + e.getOriginalMessage()
              + ".",
          e);
    }
  }

  /**
   * Reads what TOML or JSON says.
   *
   * @throws VudoException {@code GHOST_INVALID}
   */
  public static Ghost ghost(JsonNode root) {
    String name = new Table(root, "The Ghost").text("name");
    Table table = new Table(root, name);
    table.allow("name", "inputs", "steps", "output", "timeout-ms");
    Ghost.Builder builder = Ghost.named(name);
    // What a step without args takes.
    List<Object> piped = new ArrayList<>();
    for (Table input : table.tables("inputs")) {
      input.allow("name", "type");
      String called = input.text("name");
      builder.input(called, input.type("type").orElseThrow(() -> input.lacks("type")));
      piped.add(Step.from(called));
    }
    for (Table described : table.tables("steps")) {
      Step step = step(described, piped);
      builder.step(step);
      piped = List.of(Step.from(step.name()));
    }
    List<String> outputs = table.texts("output");
    if (!outputs.isEmpty()) {
      builder.output(outputs.toArray(String[]::new));
    }
    table.millis("timeout-ms").ifPresent(builder::timeout);
    return builder.build();
  }

  private static Step step(Table table, List<Object> piped) {
    String name = table.text("name");
    Table step = new Table(table.node, table.where + " (" + name + ")");
    step.allow("name", "member", "function", "args", "after", "result", "timeout-ms");
    List<Object> arguments = step.node.has("args") ? step.arguments() : piped;
    return step.refine(
        Step.call(name, step.text("member"), step.text("function"), arguments.toArray()));
  }

  private static VudoException invalid(String detail, Throwable cause) {
    return new VudoException(ErrorCode.GHOST_INVALID, detail, cause);
  }

  /** A table, and what to call it. */
  private record Table(JsonNode node, String where) {

    void allow(String... keys) {
      Set<String> unknown = new TreeSet<>();
      node.fieldNames().forEachRemaining(unknown::add);
      Arrays.asList(keys).forEach(unknown::remove);
      if (!unknown.isEmpty()) {
        throw wrong(
            "it has "
                + String.join(", ", unknown)
                + "; what can be there: "
                + String.join(", ", keys)
                + ".");
      }
    }

    VudoException wrong(String reason) {
      return invalid(where + ": " + reason, null);
    }

    VudoException lacks(String key) {
      return wrong(key + " is missing.");
    }

    String text(String key) {
      JsonNode value = node.path(key);
      if (value.isMissingNode()) {
        throw lacks(key);
      }
      if (!value.isTextual()) {
        throw wrong(key + " is no text.");
      }
      return value.textValue();
    }

    /** A text, or an array of them; none when the key is not there. */
    List<String> texts(String key) {
      JsonNode value = node.path(key);
      List<String> all = new ArrayList<>();
      if (value.isTextual()) {
        all.add(value.textValue());
      } else if (!value.isMissingNode()) {
        if (!value.isArray() || value.isEmpty()) {
          throw wrong(key + " is a text, or an array of texts that is not empty.");
        }
        for (JsonNode element : value) {
          if (!element.isTextual()) {
            throw wrong(key + " has something that is no text.");
          }
          all.add(element.textValue());
        }
      }
      return all;
    }

    List<Table> tables(String key) {
      JsonNode value = node.path(key);
      List<Table> all = new ArrayList<>();
      if (!value.isMissingNode() && !value.isArray()) {
        throw wrong(key + " is an array of tables: [[" + key + "]].");
      }
      for (Iterator<JsonNode> each = value.elements(); each.hasNext(); ) {
        JsonNode element = each.next();
        if (!element.isObject()) {
          throw wrong(key + " has something that is no table.");
        }
        all.add(new Table(element, where + ", number " + (all.size() + 1) + " of " + key));
      }
      return all;
    }

    Optional<Ghost.Type> type(String key) {
      if (!node.has(key)) {
        return Optional.empty();
      }
      String wanted = text(key);
      for (Ghost.Type type : Ghost.Type.values()) {
        if (type.toString().equals(wanted)) {
          return Optional.of(type);
        }
      }
      throw wrong(
          key
              + " is \""
              + wanted
              + "\"; types are "
              + Arrays.stream(Ghost.Type.values())
                  .map(Ghost.Type::toString)
                  .collect(Collectors.joining(", "))
              + ".");
    }

    Optional<Duration> millis(String key) {
      JsonNode value = node.path(key);
      if (value.isMissingNode()) {
        return Optional.empty();
      }
      if (!value.canConvertToLong() || !value.isIntegralNumber()) {
        throw wrong(key + " is no number of milliseconds.");
      }
      return Optional.of(Duration.ofMillis(value.longValue()));
    }

    List<Object> arguments() {
      JsonNode value = node.path("args");
      if (!value.isArray()) {
        throw wrong("args is no array.");
      }
      List<Object> all = new ArrayList<>();
      value.forEach(element -> all.add(argument(element)));
      return all;
    }

    private Object argument(JsonNode value) {
      if (value.isTextual()) {
        String text = value.textValue();
        if (text.startsWith("$$")) {
          return text.substring(1);
        }
        return text.startsWith("$") ? Step.from(text.substring(1)) : text;
      }
      if (value.isBoolean()) {
        return value.booleanValue();
      }
      if (value.isIntegralNumber() && value.canConvertToLong()) {
        if (value.canConvertToInt()) {
          return value.intValue();
        }
        return value.longValue();
      }
      if (value.isFloatingPointNumber()) {
        return value.doubleValue();
      }
      throw wrong("an argument is " + value + "; it must be a number, a boolean or a text.");
    }

    Step refine(Step step) {
      Step refined = step;
      List<String> after = texts("after");
      if (!after.isEmpty()) {
        refined = refined.runsAfter(after.toArray(String[]::new));
      }
      Optional<Ghost.Type> result = type("result");
      if (result.isPresent()) {
        refined = refined.answers(result.get());
      }
      Optional<Duration> timeout = millis("timeout-ms");
      return timeout.isPresent() ? refined.within(timeout.get()) : refined;
    }
  }
}
