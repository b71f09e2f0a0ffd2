package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.Objects;
import java.util.Optional;

/**
 * What a command failed with, as it is shown. The code is text, because a node may be newer than
 * this command and answer one that this version does not know.
 */
final class CommandFailure extends RuntimeException {
  private final String code;
  private final String title;
  private final String detail;
  private final String fix;
  private final transient JsonNode problem;

  CommandFailure(String code, String title, String detail, String fix) {
    this(code, title, detail, fix, null);
  }

  /**
   * A failure that a node answered.
   *
   * @param problem all that it answered
   */
  CommandFailure(String code, String title, String detail, String fix, JsonNode problem) {
    super(code + ": " + title + " " + detail, null, false, false);
    this.code = Objects.requireNonNull(code);
    this.title = title;
    this.detail = detail;
    this.fix = fix;
    this.problem = problem;
  }

  static CommandFailure of(VudoException failure) {
    ErrorCode code = failure.code();
    return new CommandFailure(code.name(), code.summary(), failure.detail(), code.fix());
  }

  /** A fault of the command itself: its one line, and for who wants it, a way to the rest. */
  static CommandFailure ofFault(Throwable fault) {
    return new CommandFailure(
        ErrorCode.INTERNAL_ERROR.name(),
        "A fault of vudo itself.",
        String.valueOf(fault),
        "Report it.");
  }

  String code() {
    return code;
  }

  /** What the node answered, if it was one. */
  Optional<JsonNode> problem() {
    return Optional.ofNullable(problem);
  }

  ObjectNode toJson() {
    ObjectNode node =
        Json.object().put("code", code).put("title", title).put("detail", detail).put("fix", fix);
    problem().map(all -> all.get("check")).ifPresent(check -> node.set("check", check));
    return node;
  }

  void print(Terminal terminal) {
    terminal.err().println(terminal.red("error[" + code + "]") + ": " + title);
    if (!detail.isEmpty()) {
      terminal.err().println("  " + terminal.bold("cause") + ": " + detail);
    }
    if (!fix.isEmpty()) {
      terminal.err().println("  " + terminal.bold("fix") + ": " + fix);
    }
  }
}
