package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.Engines;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ProgramExit;
import io.vudo.spirit.ProgramHost;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "run",
    description = {
      "Load one module without a node and call a function of it; prints each result on a line.",
      "",
      "vudo run add.wasm add 1 2     prints 3",
      "",
      "A WASI command (it exports _start and imports from wasi_snapshot_preview1) runs as a"
          + " program: all words after FILE are its arguments, its output is this command's, and so"
          + " is its exit code.",
      "",
      "vudo run grep.wasm -- -c vudo"
    })
final class RunCommand extends VudoCommand {
  private static final String COMMAND = "_start";
  private static final String REACTOR = "_initialize";
  private static final List<String> ENTRY_POINTS = List.of(COMMAND, "main");
  private static final FunctionType NO_VALUES = new FunctionType(List.of(), List.of());
  private static final int MAX_EXIT_CODE = 255;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .wasm module or a .wat text.")
  private Path file;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "FUNCTION",
      description = "What to call; without it the only export, _start or main. Not for programs.")
  private String function;

  @Parameters(
      index = "2..*",
      paramLabel = "ARGS",
      description =
          "Numbers, one a parameter: 7, -1, 0xff, 1.5, nan, inf. For programs any words; after --"
              + " also such as begin with a dash.")
  private List<String> arguments = List.of();

  @Option(
      names = "--env",
      paramLabel = "NAME=VALUE",
      mapFallbackValue = "",
      description = "An environment variable of a program; may be given again. It has no others.")
  private Map<String, String> environment = new LinkedHashMap<>();

  @Option(
      names = "--fuel",
      paramLabel = "N",
      description = "Fuel units, about one an instruction; ${DEFAULT-VALUE} by default.")
  private long fuel = SpiritLimits.DEFAULTS.fuelPerTurn();

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = BytesConverter.class,
      description = "The most linear memory; 64MiB by default.")
  private Long memoryBytes = SpiritLimits.DEFAULTS.maxMemoryBytes();

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long it may run; 30s by default.")
  private Duration timeout = Duration.ofMillis(SpiritLimits.DEFAULTS.turnTimeoutMillis());

  @Option(
      names = "--engine",
      paramLabel = "NAME",
      description = "The engine; ${DEFAULT-VALUE} by default.")
  private String engineName = "wasmtime";

  RunCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    refuseUnknownOptions();
    Logging.use("logback-command");
    SpiritLimits limits =
        SpiritLimits.DEFAULTS
            .withFuelPerTurn(fuel)
            .withMaxMemoryBytes(memoryBytes)
            .withTurnTimeoutMillis(timeout.toMillis());
    AdmittedModule module =
        new Admission().admit(new ModuleFile(file).read(), limits, SpiritAbi::find);
    boolean program = isProgram(module);
    String name = program ? COMMAND : function == null ? entryPoint(module) : function;
    FunctionType type = module.exportedFunctions().get(name);
    if (type == null) {
      throw new VudoException(
          ErrorCode.FUNCTION_NOT_FOUND, "There is no \"" + name + "\"; " + exports(module));
    }
    long[] bits = program ? new long[0] : bits(name, type);
    List<String> words = new ArrayList<>(List.of(String.valueOf(file.getFileName())));
    if (program) {
      words.addAll(words());
    }

    try (Engines engines = Engines.withDefaults();
        CompiledModule compiled = engines.engine(engineName).compile(module)) {
      long deadlineNanos = System.nanoTime() + timeout.toNanos();
      ProgramHost host = host(limits, deadlineNanos, words);
      try (EngineInstance instance = compiled.instantiate(host::function)) {
        instance.setFuel(limits.fuelPerTurn());
        instance.callStart(deadlineNanos);
        if (!name.equals(REACTOR) && NO_VALUES.equals(module.exportedFunctions().get(REACTOR))) {
          instance.call(REACTOR, deadlineNanos);
        }
        long[] results = instance.call(name, deadlineNanos, bits);
        if (!program) {
          show(name, type, results, limits.fuelPerTurn() - instance.fuel());
        }
        return 0;
      }
    } catch (ProgramExit exit) {
      return exitCode(exit);
    }
  }

  /** Whether this is what a compiler makes of a {@code main} for WASI. */
  private static boolean isProgram(AdmittedModule module) {
    return NO_VALUES.equals(module.exportedFunctions().get(COMMAND))
        && module.imports().stream().anyMatch(wanted -> wanted.module().equals(SpiritAbi.WASI));
  }

  private ProgramHost host(SpiritLimits limits, long deadlineNanos, List<String> words) {
    try {
      return new ProgramHost(
          limits, deadlineNanos, words, environment, terminal().out(), terminal().err());
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private static int exitCode(ProgramExit exit) {
    if (Integer.compareUnsigned(exit.code(), MAX_EXIT_CODE) > 0) {
      throw new VudoException(
          ErrorCode.GUEST_EXITED,
          "Exit code "
              + Integer.toUnsignedString(exit.code())
              + "; one of a process is at most "
              + MAX_EXIT_CODE
              + ".");
    }
    return exit.code();
  }

  /** All words after the file. */
  private List<String> words() {
    List<String> words = new ArrayList<>();
    if (function != null) {
      words.add(function);
    }
    words.addAll(arguments);
    return words;
  }

  /**
   * Dashed words reach this command unparsed, because a negative number is one. Behind {@code --}
   * they are meant as they are.
   */
  private void refuseUnknownOptions() {
    List<String> given = originalWords();
    int delimiter = given.indexOf("--");
    List<String> words = words();
    int plain = delimiter < 0 ? 0 : given.size() - delimiter - 1;
    for (String word : words.subList(0, Math.max(0, words.size() - plain))) {
      if (word.startsWith("-") && (word.equals(function) || !WasmValues.isNegativeNumber(word))) {
        throw usage("Unknown option: '" + word + "'");
      }
    }
  }

  private static String entryPoint(AdmittedModule module) {
    Map<String, FunctionType> exports = module.exportedFunctions();
    if (exports.size() == 1) {
      return exports.keySet().iterator().next();
    }
    return ENTRY_POINTS.stream()
        .filter(exports::containsKey)
        .findFirst()
        .orElseThrow(
            () ->
                new VudoException(
                    ErrorCode.FUNCTION_NOT_FOUND, "No function was named; " + exports(module)));
  }

  private static String exports(AdmittedModule module) {
    return module.exportedFunctions().isEmpty()
        ? "the module exports none."
        : "there are "
            + module.exportedFunctions().entrySet().stream()
                .map(export -> export.getKey() + " " + export.getValue())
                .collect(Collectors.joining("; "))
            + ".";
  }

  private long[] bits(String name, FunctionType type) {
    List<ValueType> parameters = type.parameters();
    if (parameters.size() != arguments.size()) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          name + " " + type + " takes " + parameters.size() + "; got " + arguments.size() + ".");
    }
    long[] bits = new long[parameters.size()];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = WasmValues.parse(parameters.get(i), arguments.get(i));
    }
    return bits;
  }

  private void show(String name, FunctionType type, long[] results, long fuelUsed) {
    ObjectNode node = Json.object().put("function", name);
    ArrayNode list = node.putArray("results");
    int slot = 0;
    for (ValueType result : type.results()) {
      String text =
          result == ValueType.V128
              ? WasmValues.formatVector(results[slot], results[slot + 1])
              : WasmValues.format(result, results[slot]);
      slot += result.slots();
      ObjectNode one = list.addObject().put("type", result.toString());
      switch (result) {
        case I32, I64 -> one.put("value", Long.parseLong(text));
        // JSON has no nan and no inf; and text keeps every digit.
        default -> one.put("value", text);
      }
      if (!isJson()) {
        print(text);
      }
    }
    if (isJson()) {
      print(node.put("fuelUsed", fuelUsed));
    }
  }
}
