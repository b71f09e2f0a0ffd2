package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "errors", description = "Explain an error code, or list them all.")
final class ErrorsCommand extends VudoCommand {

  @Parameters(arity = "0..1", paramLabel = "CODE", description = "Only this one.")
  private String code;

  @Option(names = "--markdown", description = "Print the page docs/errors.md.")
  private boolean markdown;

  ErrorsCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    List<ErrorCode> codes =
        Arrays.stream(ErrorCode.values())
            .filter(known -> code == null || known.name().equalsIgnoreCase(code))
            .toList();
    if (codes.isEmpty()) {
      throw usage("There is no error code \"" + code + "\"; vudo errors lists them");
    }
    if (markdown) {
      terminal().out().print(page());
    } else if (isJson()) {
      ObjectNode node = Json.object();
      ArrayNode list = node.putArray("errors");
      for (ErrorCode known : codes) {
        list.addObject()
            .put("code", known.name())
            .put("status", known.httpStatus())
            .put("title", known.summary())
            .put("fix", known.fix());
      }
      print(node);
    } else {
      for (ErrorCode known : codes) {
        print(known + " (HTTP " + known.httpStatus() + "): " + known.summary());
        print("  fix: " + known.fix());
      }
    }
    return 0;
  }

  /** The page of the documentation. */
  static String page() {
    StringBuilder page = new StringBuilder();
    page.append("# Errors\n\n")
        .append("Everything that can go wrong has a stable code. The command line prints it as\n")
        .append(
            "`error[CODE]: what went wrong`, with the cause and how to mend it; HTTP answers it\n")
        .append(
            "as `application/problem+json`. A code is never renamed or reused. `vudo errors CODE`\n")
        .append("explains one.\n\n")
        .append(
            "<!-- Generated from ErrorCode by: ./vudo errors --markdown > docs/errors.md -->\n\n")
        .append("| code | HTTP | what went wrong | how to mend it |\n")
        .append("|---|---|---|---|\n");
    for (ErrorCode code : ErrorCode.values()) {
      page.append("| `")
          .append(code)
          .append("` | ")
          .append(code.httpStatus())
          .append(" | ")
          .append(cell(code.summary()))
          .append(" | ")
          .append(cell(code.fix()))
          .append(" |\n");
    }
    return page.toString();
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("<", "&lt;");
  }
}
