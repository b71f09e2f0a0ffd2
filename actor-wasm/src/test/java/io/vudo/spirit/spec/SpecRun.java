package io.vudo.spirit.spec;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.Engine;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Runs the commands of one file on one engine. Used once. */
final class SpecRun implements AutoCloseable {
  /** Nothing of the suite takes a second; a call that takes this long hangs. */
  private static final long CALL_SECONDS = 30;

  private static final SpiritLimits LIMITS =
      new SpiritLimits(
          SpiritLimits.DEFAULTS.fuelPerTurn(),
          256L << 20,
          10_000_000,
          SpiritLimits.DEFAULTS.maxCallDepth(),
          SpiritLimits.DEFAULTS.turnTimeoutMillis(),
          SpiritLimits.DEFAULTS.maxMailbox(),
          SpiritLimits.DEFAULTS.maxPayloadBytes());

  private static final Map<String, FunctionType> SPECTEST =
      Map.of(
          "print", printing(),
          "print_i32", printing(ValueType.I32),
          "print_i64", printing(ValueType.I64),
          "print_f32", printing(ValueType.F32),
          "print_f64", printing(ValueType.F64),
          "print_i32_f32", printing(ValueType.I32, ValueType.F32),
          "print_f64_f64", printing(ValueType.F64, ValueType.F64));

  private static final Set<ErrorCode> NOT_A_MODULE =
      Set.of(
          ErrorCode.MODULE_EMPTY,
          ErrorCode.MODULE_BAD_MAGIC,
          ErrorCode.MODULE_MALFORMED,
          ErrorCode.MODULE_INVALID,
          ErrorCode.MODULE_LIMIT_EXCEEDED);

  private static final Set<ErrorCode> NOT_LINKED =
      Set.of(ErrorCode.MODULE_UNKNOWN_IMPORT, ErrorCode.MODULE_IMPORT_TYPE);

  private final Path folder;
  private final Engine engine;
  private final Admission admission = new Admission();
  private final List<SpecInstance> instances = new ArrayList<>();

  // By name, and the last one; when there is none, why.
  private final Map<String, Object> modules = new HashMap<>();
  private final Map<String, Object> registered = new HashMap<>();
  private Object last = new Skip("needs a module, and there is none");

  SpecRun(Path folder, Engine engine) {
    this.folder = folder;
    this.engine = engine;
  }

  /** When a call that starts now must end. */
  static long deadlineNanos() {
    return System.nanoTime() + TimeUnit.SECONDS.toNanos(CALL_SECONDS);
  }

  private static FunctionType printing(ValueType... types) {
    return new FunctionType(List.of(types), List.of());
  }

  /**
   * Performs one command.
   *
   * @throws Skip when it cannot be judged
   * @throws Mismatch when it does not do what the suite says
   */
  void perform(JsonNode command) {
    String type = command.path("type").asText();
    switch (type) {
      case "module" -> define(command);
      case "register" ->
          registered.put(
              command.path("as").asText(),
              command.has("name") ? modules.get(command.path("name").asText()) : last);
      case "action" -> act(command.path("action"));
      case "assert_return" -> assertReturn(command);
      case "assert_trap" ->
          assertTrap(command.path("action"), Traps.of(command.path("text").asText()));
      case "assert_exhaustion" ->
          assertTrap(command.path("action"), Set.of(ErrorCode.CALL_DEPTH_EXCEEDED));
      case "assert_invalid", "assert_malformed" -> assertRefused(command, NOT_A_MODULE);
      case "assert_unlinkable" -> assertRefused(command, NOT_LINKED);
      case "assert_uninstantiable" -> assertUninstantiable(command);
      default -> throw new Skip("an unknown command: " + type);
    }
  }

  // Modules

  private void define(JsonNode command) {
    // Whatever happens, what follows must not act on an older module.
    Object outcome = new Skip("needs a module that failed");
    try {
      SpecInstance instance = instantiate(binary(command));
      instance.start();
      outcome = instance;
    } catch (Skip e) {
      outcome = e;
      throw e;
    } catch (VudoException e) {
      throw new Mismatch("a module that is admitted and starts", e.getMessage());
    } finally {
      last = outcome;
      if (command.has("name")) {
        modules.put(command.path("name").asText(), outcome);
      }
    }
  }

  private byte[] binary(JsonNode command) {
    String file = command.path("filename").asText();
    if (command.path("module_type").asText("binary").equals("text") || !file.endsWith(".wasm")) {
      throw new Skip("the text format has no binary");
    }
    try {
      return Files.readAllBytes(folder.resolve(file));
    } catch (IOException e) {
      throw new Mismatch("a file " + file, e.toString());
    }
  }

  /** What a refused module would have changed when it was instantiated is not known any more. */
  private void spoil(byte[] refused) {
    Skip reason = new Skip("shares memory, tables or globals with a module that is refused");
    Optional<Set<String>> names = SharedState.of(refused);
    registered.forEach(
        (name, from) -> {
          if (from instanceof SpecInstance instance
              && names.map(n -> n.contains(name)).orElse(true)) {
            instance.lose(reason);
          }
        });
  }

  private AdmittedModule admit(byte[] binary) {
    return admission.admit(binary, LIMITS, this::imported);
  }

  private Optional<FunctionType> imported(String module, String name) {
    Object from = registered.get(module);
    if (from instanceof Skip skip) {
      throw skip;
    }
    if (from instanceof SpecInstance instance) {
      return Optional.ofNullable(instance.functions().get(name));
    }
    return module.equals("spectest") ? Optional.ofNullable(SPECTEST.get(name)) : Optional.empty();
  }

  /** Admits, compiles and instantiates; the start function does not run yet. */
  private SpecInstance instantiate(byte[] binary) {
    AdmittedModule module = unlessRefused(binary, () -> admit(binary));
    Map<String, SpecInstance> imports = new HashMap<>();
    registered.forEach(
        (name, from) -> {
          if (from instanceof SpecInstance instance) {
            imports.put(name, instance);
          }
        });
    SpecInstance instance =
        new SpecInstance(unlessRefused(binary, () -> engine.compile(module)), imports);
    instances.add(instance);
    return instance;
  }

  /** Turns a refusal for what the module needs into a skip, of it and of whom it would change. */
  private <T> T unlessRefused(byte[] binary, Supplier<T> step) {
    try {
      return step.get();
    } catch (VudoException e) {
      Optional<Skip> skip = skipped(e);
      if (skip.isPresent()) {
        spoil(binary);
      }
      throw skip.map(RuntimeException.class::cast).orElse(e);
    } catch (Skip e) {
      spoil(binary);
      throw e;
    }
  }

  /** The reason to skip, when a module was refused for what it needs and not for what it is. */
  private static Optional<Skip> skipped(VudoException refusal) {
    String detail = refusal.detail().replaceFirst("^At byte \\d+ \\(0x[0-9a-f]+\\): ", "");
    return switch (refusal.code()) {
      case MODULE_UNSUPPORTED -> Optional.of(new Skip("refused: " + kind(detail)));
      case MODULE_LIMIT_EXCEEDED -> Optional.of(new Skip("over a limit: " + kind(detail)));
      default -> Optional.empty();
    };
  }

  /** Without what differs from module to module: names and figures. */
  private static String kind(String detail) {
    return detail
        .replaceFirst("\\.$", "")
        .replaceFirst("^(imported (?:table|memory|global)) .*", "$1")
        .replaceFirst(" \\(v128, here in .*", "")
        .replaceFirst(" of import .*", " of an import")
        .replaceFirst(" of export .*", " of an export")
        .replaceFirst(": \\d+; the limit is .*", "")
        .replaceFirst(" of function \\d+.*", " of a function");
  }

  private void assertRefused(JsonNode command, Set<ErrorCode> codes) {
    try {
      admit(binary(command));
    } catch (VudoException e) {
      if (codes.contains(e.code())) {
        return;
      }
      throw skipped(e).map(RuntimeException.class::cast).orElse(refusal(command, e.getMessage()));
    }
    throw refusal(command, "a module that is admitted");
  }

  private static Mismatch refusal(JsonNode command, String actual) {
    return new Mismatch("a refusal, " + command.path("text").asText(), actual);
  }

  private void assertUninstantiable(JsonNode command) {
    Set<ErrorCode> codes = Traps.of(command.path("text").asText());
    try {
      instantiate(binary(command)).start();
    } catch (VudoException e) {
      if (codes.contains(e.code())) {
        return;
      }
      throw new Mismatch(codes + " when it is instantiated", e.getMessage());
    }
    throw new Mismatch(codes + " when it is instantiated", "an instance");
  }

  // Actions

  private SpecInstance target(JsonNode action) {
    Object target = action.has("module") ? modules.get(action.path("module").asText()) : last;
    if (target instanceof Skip skip) {
      throw skip;
    }
    if (target instanceof SpecInstance instance) {
      return instance;
    }
    throw new Skip("names an unknown module");
  }

  private static FunctionType type(SpecInstance instance, String field) {
    FunctionType type = instance.functions().get(field);
    if (type == null) {
      throw new Mismatch("an exported function " + field, "no such export");
    }
    return type;
  }

  private long[] act(JsonNode action) {
    if (!action.path("type").asText().equals("invoke")) {
      throw new Skip("reads an exported global, which engines do not offer");
    }
    SpecInstance instance = target(action);
    String field = action.path("field").asText();
    FunctionType type = type(instance, field);
    long[] arguments = SpecValues.arguments(action.path("args"));
    try {
      return instance.call(field, deadlineNanos(), arguments);
    } catch (VudoException e) {
      if (e.code() == ErrorCode.ARGUMENT_INVALID
          && (type.parameters().contains(ValueType.V128)
              || type.results().contains(ValueType.V128))) {
        throw new Skip("v128 cannot cross");
      }
      throw e;
    } catch (Skip e) {
      // Another instance that it called is of no use.
      instance.lose(e);
      throw e;
    }
  }

  private void assertReturn(JsonNode command) {
    JsonNode action = command.path("action");
    long[] results;
    try {
      results = act(action);
    } catch (VudoException e) {
      target(action).lose(new Skip("needs an instance that an earlier failure took"));
      throw new Mismatch("a return", e.getMessage());
    }
    FunctionType type = type(target(action), action.path("field").asText());
    SpecValues.check(command.path("expected"), type, results);
  }

  private void assertTrap(JsonNode action, Set<ErrorCode> codes) {
    SpecInstance instance = target(action);
    instance.save();
    try {
      act(action);
    } catch (VudoException e) {
      instance.restore();
      if (codes.contains(e.code())) {
        return;
      }
      throw new Mismatch(codes.toString(), e.getMessage());
    }
    throw new Mismatch(codes.toString(), "a return");
  }

  @Override
  public void close() {
    instances.forEach(SpecInstance::close);
  }
}
