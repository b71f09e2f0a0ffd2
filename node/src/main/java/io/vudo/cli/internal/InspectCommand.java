package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.Engines;
import io.vudo.spirit.SpiritAbi;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "inspect",
    description = {
      "Show what a module imports and exports, its memory, its ABI, its digest, what admission says"
          + " of it, and how each engine compiles it.",
      "",
      "A module that admission refuses is shown all the same; a file that is no module is an error."
    })
final class InspectCommand extends VudoCommand {
  private static final List<String> DIALECTS = List.of("loa", "vudo", "yao", "plexspaces");
  private static final String WASI = "wasi_snapshot_preview1";

  @Parameters(paramLabel = "FILE", description = "A .wasm module or a .wat text.")
  private Path file;

  InspectCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    Logging.use("logback-command");
    byte[] module = new ModuleFile(file).read();
    ModuleOutline outline = ModuleOutline.of(module);
    Optional<VudoException> refusal = Optional.empty();
    List<Compilation> compilations = List.of();
    try {
      compilations = compile(new Admission().admit(module, SpiritLimits.DEFAULTS, SpiritAbi::find));
    } catch (VudoException refused) {
      refusal = Optional.of(refused);
    }
    if (isJson()) {
      print(toJson(module, outline, refusal, compilations));
      return 0;
    }
    print("digest     " + ModuleDigest.of(module));
    print("size       " + module.length + " bytes");
    print("abi        " + abi(outline));
    for (ModuleOutline.Memory memory : outline.memories()) {
      print("memory     " + memory);
    }
    if (outline.hasStart()) {
      print("start      yes");
    }
    outline.imports().forEach(entry -> print("import     " + entry));
    outline.exports().forEach(entry -> print("export     " + entry));
    print(
        "admission  " + refusal.map(failure -> "refused: " + failure.toError()).orElse("admitted"));
    compilations.forEach(compilation -> print("engine     " + compilation));
    return 0;
  }

  /** How an engine compiles the module: not at all, or with these functions interpreted. */
  private record Compilation(
      String engine, List<Integer> interpreted, Optional<VudoException> refusal) {
    @Override
    public String toString() {
      if (refusal.isPresent()) {
        return engine + ": refused: " + refusal.get().toError();
      }
      return engine
          + ": compiled"
          + (interpreted.isEmpty()
              ? ""
              : "; functions too large for it, interpreted: "
                  + interpreted.stream().map(String::valueOf).collect(Collectors.joining(", ")));
    }
  }

  private static List<Compilation> compile(AdmittedModule admitted) {
    List<Compilation> compilations = new ArrayList<>();
    try (Engines engines = Engines.withDefaults()) {
      for (String name : Engines.names()) {
        try (CompiledModule compiled = engines.engine(name).compile(admitted)) {
          compilations.add(
              new Compilation(name, compiled.interpretedFunctions(), Optional.empty()));
        } catch (VudoException refused) {
          compilations.add(new Compilation(name, List.of(), Optional.of(refused)));
        }
      }
    }
    return compilations;
  }

  /** By which contract the module talks to its host. */
  private static String abi(ModuleOutline outline) {
    if (outline.exports("spirit_abi_1")) {
      return "spirit 1";
    }
    for (ModuleOutline.Entry entry : outline.imports()) {
      String module = entry.name().substring(0, Math.max(0, entry.name().indexOf('.')));
      if (DIALECTS.contains(module)) {
        return "dialect " + module;
      }
      if (module.equals(WASI)) {
        return "wasi preview 1";
      }
    }
    return "none";
  }

  private static ObjectNode toJson(
      byte[] module,
      ModuleOutline outline,
      Optional<VudoException> refusal,
      List<Compilation> compilations) {
    ObjectNode node =
        Json.object()
            .put("digest", ModuleDigest.of(module).hex())
            .put("sizeBytes", module.length)
            .put("abi", abi(outline))
            .put("start", outline.hasStart());
    ArrayNode memories = node.putArray("memories");
    for (ModuleOutline.Memory memory : outline.memories()) {
      ObjectNode one = memories.addObject().put("minimumPages", memory.minimumPages());
      memory.maximumPages().ifPresent(most -> one.put("maximumPages", most));
    }
    outline.imports().forEach(addTo(node.putArray("imports")));
    outline.exports().forEach(addTo(node.putArray("exports")));
    ObjectNode admission = node.putObject("admission").put("admitted", refusal.isEmpty());
    refusal.ifPresent(failure -> admission.set("error", CommandFailure.of(failure).toJson()));
    ArrayNode engines = node.putArray("engines");
    for (Compilation compilation : compilations) {
      ObjectNode one =
          engines
              .addObject()
              .put("engine", compilation.engine())
              .put("compiled", compilation.refusal().isEmpty());
      compilation.interpreted().forEach(one.putArray("interpretedFunctions")::add);
      compilation
          .refusal()
          .ifPresent(failure -> one.set("error", CommandFailure.of(failure).toJson()));
    }
    return node;
  }

  private static Consumer<ModuleOutline.Entry> addTo(ArrayNode list) {
    return entry -> {
      ObjectNode one = list.addObject().put("name", entry.name()).put("kind", entry.kind());
      entry.type().ifPresent(type -> one.put("type", type.toString()));
    };
  }
}
