package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import io.vudo.protocol.VudoException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** What all commands have in common: {@code --format}, and how data gets to stdout. */
abstract class VudoCommand implements Callable<Integer> {
  /** The forms in which data is printed. */
  enum Format {
    TEXT,
    JSON
  }

  private final Terminal terminal;

  @Spec private CommandSpec spec;

  @Option(
      names = "--format",
      paramLabel = "text|json",
      description = "How data and errors are printed; text by default.")
  private Format format = Format.TEXT;

  @SuppressWarnings("UnusedVariable") // Picocli reads it.
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  VudoCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  Terminal terminal() {
    return terminal;
  }

  boolean isJson() {
    return format == Format.JSON;
  }

  /** Prints a line of data. */
  void print(String line) {
    terminal.out().println(line);
  }

  /** Prints an object of data on one line. */
  void print(JsonNode node) {
    terminal.out().println(new String(Json.write(node), StandardCharsets.UTF_8));
  }

  /** The words of the command line as they were given, before anything was made of them. */
  List<String> originalWords() {
    return spec.commandLine().getParseResult().originalArgs();
  }

  /** The command was called in a way that its options alone could not rule out. */
  ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** Reads {@code 500ms}, {@code 30s}. */
  static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return converted(() -> Quantities.duration(text));
    }
  }

  /** Reads {@code 64MiB}. */
  static final class BytesConverter implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return converted(() -> Quantities.bytes(text));
    }
  }

  private static <T> T converted(Callable<T> conversion) {
    try {
      return conversion.call();
    } catch (VudoException e) {
      throw new TypeConversionException(e.detail());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
