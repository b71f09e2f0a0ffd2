package io.vudo.spirit.spec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engine;
import io.vudo.spirit.GuestThread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A folder of what {@code wast2json} wrote. */
final class SpecSuite {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final List<Path> files;

  /** Looks for the suite's files, in the folder and those below it. */
  SpecSuite(Path folder) throws IOException {
    this.folder = folder;
    try (Stream<Path> all = Files.walk(folder)) {
      this.files =
          all.filter(file -> file.toString().endsWith(".json") && Files.isRegularFile(file))
              .sorted()
              .toList();
    }
  }

  boolean isEmpty() {
    return files.isEmpty();
  }

  /** Runs everything on this engine, on a thread with room for guests. */
  void run(Engine engine, SpecReport report) throws InterruptedException {
    Throwable[] failure = new Throwable[1];
    GuestThread thread =
        new GuestThread(() -> files.forEach(file -> run(file, engine, report)), "vudo-spec");
    thread.setUncaughtExceptionHandler((t, e) -> failure[0] = e);
    thread.start();
    thread.join();
    if (failure[0] != null) {
      throw new IllegalStateException("The runner failed", failure[0]);
    }
  }

  private void run(Path file, Engine engine, SpecReport report) {
    String name = folder.relativize(file).toString();
    JsonNode commands;
    try {
      commands = JSON.readTree(file.toFile()).path("commands");
    } catch (JsonProcessingException e) {
      report.failed(
          engine.name(), new SpecReport.Failure(name, 0, "file", "JSON", e.getOriginalMessage()));
      return;
    } catch (IOException e) {
      report.failed(engine.name(), new SpecReport.Failure(name, 0, "file", "a file", e.toString()));
      return;
    }
    if (!commands.isArray()) {
      report.skipped(engine.name(), name, "a JSON file without commands");
      return;
    }
    try (SpecRun run = new SpecRun(file.toAbsolutePath().getParent(), engine)) {
      for (JsonNode command : commands) {
        perform(run, command, engine.name(), name, report);
      }
    }
  }

  private static void perform(
      SpecRun run, JsonNode command, String engine, String file, SpecReport report) {
    String type = command.path("type").asText();
    boolean assertion = type.startsWith("assert_");
    int line = command.path("line").asInt();
    try {
      run.perform(command);
      if (assertion) {
        report.passed(engine, file);
      }
    } catch (Skip e) {
      if (assertion) {
        report.skipped(engine, file, String.valueOf(e.getMessage()));
      }
    } catch (Mismatch e) {
      report.failed(engine, new SpecReport.Failure(file, line, type, e.expected, e.actual));
    } catch (VudoException e) {
      report.failed(engine, new SpecReport.Failure(file, line, type, "success", e.getMessage()));
    } catch (RuntimeException | StackOverflowError e) {
      report.failed(engine, new SpecReport.Failure(file, line, type, "a typed end", e.toString()));
    }
  }
}
