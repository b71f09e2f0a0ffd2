package io.vudo.spirit.spec;

import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engines;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs a folder of the core test suite, as {@code wast2json} writes it, on the engines.
 *
 * <pre>SpecMain [--engine NAME]... [--format text|json] FOLDER</pre>
 *
 * <p>Exit codes: 0 when nothing failed, 1 when something did, 2 for wrong use: an unknown option or
 * engine, no folder, or no JSON file in it.
 */
public final class SpecMain {
  private SpecMain() {}

  /** The command; ends the process. */
  public static void main(String[] arguments) throws InterruptedException {
    System.exit(run(List.of(arguments), System.out, System.err));
  }

  /** The command, with its exit code as the result. */
  static int run(List<String> arguments, PrintStream out, PrintStream err)
      throws InterruptedException {
    List<String> engineNames = new ArrayList<>();
    String format = "text";
    String folder = null;
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      switch (argument) {
        case "--engine", "--format" -> {
          i++;
          if (i == arguments.size()) {
            return usage(err, argument + " needs a value.");
          }
          if (argument.equals("--engine")) {
            engineNames.addAll(List.of(arguments.get(i).split(",")));
          } else {
            format = arguments.get(i);
          }
        }
        default -> {
          if (argument.startsWith("--") || folder != null) {
            return usage(err, "Unknown argument " + argument + ".");
          }
          folder = argument;
        }
      }
    }
    if (!format.equals("text") && !format.equals("json")) {
      return usage(err, "Unknown format " + format + "; there are text and json.");
    }
    if (folder == null || folder.isEmpty()) {
      return usage(err, "No folder is given.");
    }
    if (!Files.isDirectory(Path.of(folder))) {
      return usage(err, folder + " is not a folder.");
    }
    SpecReport report = new SpecReport();
    try (Engines engines = Engines.withDefaults()) {
      SpecSuite suite = new SpecSuite(Path.of(folder));
      if (suite.isEmpty()) {
        return usage(err, folder + " holds no .json file; wast2json writes them.");
      }
      List<String> chosen = engineNames.isEmpty() ? Engines.names() : engineNames;
      for (String name : chosen) {
        engines.engine(name);
      }
      for (String name : chosen) {
        suite.run(engines.engine(name), report);
      }
    } catch (VudoException e) {
      return usage(err, e.getMessage());
    } catch (IOException e) {
      return usage(err, folder + " cannot be read: " + e);
    }
    if (format.equals("json")) {
      report.printJson(out);
    } else {
      report.print(out);
    }
    return report.hasFailures() ? 1 : 0;
  }

  private static int usage(PrintStream err, String what) {
    err.println(what);
    err.println("Usage: SpecMain [--engine NAME]... [--format text|json] FOLDER");
    return 2;
  }
}
