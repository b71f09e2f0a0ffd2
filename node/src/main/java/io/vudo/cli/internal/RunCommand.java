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
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import java.nio.file.Path;
import java.time.Duration;
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
      "vudo run add.wasm add 1 2     prints 3"
    })
final class RunCommand extends VudoCommand {
  private static final List<String> ENTRY_POINTS = List.of("_start", "main");

  @Parameters(index = "0", paramLabel = "FILE", description = "A .wasm module or a .wat text.")
  private Path file;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "FUNCTION",
      description = "What to call; without it the only export, _start or main.")
  private String function;

  @Parameters(
      index = "2..*",
      paramLabel = "ARGS",
      description = "Numbers, one a parameter: 7, -1, 0xff, 1.5, nan, inf.")
  private List<String> arguments = List.of();

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
    String name = function == null ? entryPoint(module) : function;
    FunctionType type = module.exportedFunctions().get(name);
    if (type == null) {
      throw new VudoException(
          ErrorCode.FUNCTION_NOT_FOUND, "There is no \"" + name + "\"; " + exports(module));
    }
    long[] bits = bits(name, type);

    try (Engines engines = Engines.withDefaults();
        CompiledModule compiled = engines.engine(engineName).compile(module);
        EngineInstance instance = compiled.instantiate(new LocalHost(terminal())::function)) {
      long deadlineNanos = System.nanoTime() + timeout.toNanos();
      instance.setFuel(limits.fuelPerTurn());
      instance.callStart(deadlineNanos);
      long[] results = instance.call(name, deadlineNanos, bits);
      show(name, type, results, limits.fuelPerTurn() - instance.fuel());
    }
    return 0;
  }

  /** Dashed arguments reach this command unparsed, because a negative number is one. */
  private void refuseUnknownOptions() {
    if (function != null && function.startsWith("-")) {
      throw usage("Unknown option: '" + function + "'");
    }
    for (String argument : arguments) {
      if (argument.startsWith("-") && !WasmValues.isNegativeNumber(argument)) {
        throw usage("Unknown option: '" + argument + "'");
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
